/** Sessions in the store of the test that started the server. */

import { cookies, headers } from "next/headers";
import { createSessions } from "sojourn";
import { nextSessions } from "sojourn/frameworks/next";
import { memoryStore } from "sojourn/stores/memory";

const { store = memoryStore(), warn = () => {}, now } = globalThis[Symbol.for("sojourn probe")] ?? {};

export const sessions = createSessions({ store, warn, now, current: true });
export const { route, action, getSession } = nextSessions(sessions, { cookies, headers });
