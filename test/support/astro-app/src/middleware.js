/** Each request belongs to the trial that listens on its port. */

import { sequence } from "astro:middleware";
import { astroSessions } from "sojourn/frameworks/astro";
import { prerendering } from "./static.js";

export const onRequest = (context, next) => {
  if (context.isPrerendered) return prerendering(context, next);
  const trial = globalThis.sojournTrials.get(context.url.port);
  trial.sequence ??= sequence(...trial.middleware(astroSessions));
  return trial.sequence(context, next);
};
