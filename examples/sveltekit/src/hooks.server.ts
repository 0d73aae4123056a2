/** Opens every request, before its route. */

import { svelteKitSessionErrors, svelteKitSessions } from "sojourn/frameworks/sveltekit";
import { sessions } from "./lib/sessions.server.ts";

export const handle = svelteKitSessions(sessions); // with other hooks: put it first in sequence(…)

export const handleError = svelteKitSessionErrors(({ kind, error }) => {
  if (kind === "unknown") console.error(error);
});
