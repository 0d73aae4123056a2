/** A page with a load function and an action. */

import { error, redirect } from "@sveltejs/kit";
import { getRequestEvent } from "$app/server";

const trialOf = (event) => globalThis.sojournTrials.get(event.url.port);

export const load = (event) => trialOf(event).load(event, { error, redirect, getRequestEvent });

export const actions = { default: (event) => trialOf(event).action(event, { error, redirect }) };
