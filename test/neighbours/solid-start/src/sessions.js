/** The sessions of the application. */

import { createSessions } from "sojourn";

export const sessions = createSessions({ idleTimeout: "30m", cookie: { secure: false } });
