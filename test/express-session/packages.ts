/** Packages of the express-session family, by `require`: most have no types, and what they are given is looked at from outside. */

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Each as its users get it. */
// biome-ignore lint/suspicious/noExplicitAny: packages without types
export const packages: Readonly<Record<string, () => any>> = {
  "connect-dynamodb": () => require("connect-dynamodb"),
  "connect-flash": () => require("connect-flash"),
  "connect-mongo": () => require("connect-mongo"),
  "connect-mongodb-session": () => require("connect-mongodb-session"),
  "connect-pg-simple": () => require("connect-pg-simple"),
  "connect-redis": () => require("connect-redis"),
  "connect-session-knex": () => require("connect-session-knex"),
  "connect-session-sequelize": () => require("connect-session-sequelize"),
  "cookie-parser": () => require("cookie-parser"),
  "csrf-csrf": () => require("csrf-csrf"),
  "csrf-sync": () => require("csrf-sync"),
  csurf: () => require("csurf"),
  "express-flash": () => require("express-flash"),
  "express-mysql-session": () => require("express-mysql-session"),
  "express-openid-connect": () => require("express-openid-connect"),
  "express-session": () => require("express-session"),
  grant: () => require("grant"),
  "keycloak-connect": () => require("keycloak-connect"),
  knex: () => require("knex"),
  lusca: () => require("lusca"),
  memorystore: () => require("memorystore"),
  passport: () => require("passport"),
  sequelize: () => require("sequelize"),
  "session-file-store": () => require("session-file-store"),
};

/** One of them. */
// biome-ignore lint/suspicious/noExplicitAny: packages without types
export function load(name: string): any {
  return packages[name]?.();
}
