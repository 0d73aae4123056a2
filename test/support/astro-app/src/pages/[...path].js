/** Every path and method. */

export const ALL = (context) => globalThis.sojournTrials.get(context.url.port).endpoint(context);
