/** Express 4 is installed beside 5 under this name. The types of 5 fit what the tests use. */
declare module "express4" {
  export { default } from "express";
}
