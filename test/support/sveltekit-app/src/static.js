/** What is made when the application is built. */

import { createSessions } from "sojourn";
import { svelteKitSessions } from "sojourn/frameworks/sveltekit";
import { memoryStore } from "sojourn/stores/memory";
import { building } from "$app/env";

export const sessions = createSessions({ store: memoryStore() });
export const prerendering = svelteKitSessions(sessions, { access: () => (building ? "skip" : undefined) });
