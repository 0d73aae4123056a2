/** Koa 2 is installed beside 3 under this name. The types of 3 fit what the tests use. */
declare module "koa2" {
  export { default } from "koa";
}
