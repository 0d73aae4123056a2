/** Polka 0.5 is installed beside 1 under this name. The types of 1 fit what the tests use. */
declare module "polka0" {
  const application: typeof import("polka");
  export = application;
}
