/** Each request belongs to the trial that listens on its port. */

import { error, redirect } from "@sveltejs/kit";
import { sequence } from "@sveltejs/kit/hooks";
import { svelteKitSessionErrors, svelteKitSessions } from "sojourn/frameworks/sveltekit";
import { building } from "$app/env";
import { prerendering } from "./static.js";

const trialOf = (event) => globalThis.sojournTrials.get(event.url.port);

export const handle = ({ event, resolve }) => {
  if (building) return prerendering({ event, resolve });
  const trial = trialOf(event);
  trial.sequence ??= sequence(...trial.hooks(svelteKitSessions, { error, redirect }));
  return trial.sequence({ event, resolve });
};

const marking = svelteKitSessionErrors(({ event, error }) => trialOf(event).handleError(error, event));

export const handleError = (input) => (trialOf(input.event).handleError ? marking(input) : undefined);
