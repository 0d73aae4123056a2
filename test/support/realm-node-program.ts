/** What the tests run in a context with Node's modules, as Jest does: the library as one script. */

export { createSessions } from "sojourn";
export { nodeSessions } from "sojourn/frameworks/node";
export { fileStore } from "sojourn/stores/file";
