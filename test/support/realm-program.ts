/** What the tests run in another realm: the library as one script, with nothing from the realm outside. */

export { createSessions, encrypted, jsonFormat, sealedToken, signedToken } from "sojourn";
export { fetchSessions } from "sojourn/frameworks/fetch";
export { cookieStore } from "sojourn/stores/cookie";
export { memoryStore } from "sojourn/stores/memory";
export { nullStore } from "sojourn/stores/null";
export { sqlStore } from "sojourn/stores/sql";
