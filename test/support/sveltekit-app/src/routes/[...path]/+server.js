/** Every path and method. */

import { error, redirect } from "@sveltejs/kit";

export const fallback = (event) => globalThis.sojournTrials.get(event.url.port).endpoint(event, { error, redirect });
