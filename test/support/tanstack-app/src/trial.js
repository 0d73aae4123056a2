/** The trial that a request is for: by the port it came to. */

export function trialOf(request) {
  return globalThis.sojournTrials.get(new URL(request.url).port);
}
