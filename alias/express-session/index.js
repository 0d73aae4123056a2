/** The drop-in under another name, by import and by require. */

export * from "sojourn/express-session";
export { default } from "sojourn/express-session";
