/** The sessions, and what route handlers, actions and components use of them. */

import { cookies, headers } from "next/headers";
import { createSessions } from "sojourn";
import { nextSessions } from "sojourn/frameworks/next";

export const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
export const { route, action, getSession } = nextSessions(sessions, { cookies, headers });
