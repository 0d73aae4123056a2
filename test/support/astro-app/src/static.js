/** What is made when the application is built. */

import { createSessions } from "sojourn";
import { astroSessions } from "sojourn/frameworks/astro";
import { memoryStore } from "sojourn/stores/memory";

export const sessions = createSessions({ store: memoryStore() });
export const prerendering = astroSessions(sessions, { attach: "visitor" });
