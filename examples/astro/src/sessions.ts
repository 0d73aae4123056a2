/** The sessions of the application. */

import { createSessions } from "sojourn";

export const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
