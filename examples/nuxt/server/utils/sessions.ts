/** The sessions of the application. Nuxt imports what is in this folder by itself. */

import { createSessions } from "sojourn";

export const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
