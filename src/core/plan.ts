/** The one decision of a request: what to do with its session. Pure: no I/O, no clock, no configuration object. */

/** What is known when a request's session is to be saved. */
export interface Facts {
  /** The store held the session when it was loaded. */
  readonly exists: boolean;
  /** Data or what the library knows of the session differs from what was loaded. */
  readonly changed: boolean;
  /** There is neither data nor a subject: nothing worth a record. */
  readonly empty: boolean;
  /** `destroy()` was called. */
  readonly destroyed: boolean;
  /** `regenerate()` or `login()` was called: the old id must be dead afterwards. */
  readonly regenerated: boolean;
  /** The id is older than `renewAfter`, or the client seems to have missed its new one. */
  readonly renewalDue: boolean;
  /** The expiry lags behind by `touchInterval` or more. */
  readonly touchDue: boolean;
  /** The request carried a cookie of ours, whatever was in it. */
  readonly hadCookie: boolean;
  /** The cookie's own lifetime moves with the session, or its token was sealed with an old secret. */
  readonly cookieDue: boolean;
  /** The headers are gone: no cookie can be set. */
  readonly headersSent: boolean;
  /** The session itself is the cookie: every write needs one. */
  readonly inCookie: boolean;
}

/**
 * What to do. `touch` moves the expiry, `update` saves, `rename` saves under a new id and ends the old one,
 * `renew` saves under a new id and keeps the old one alive until the new one is seen.
 */
export type Step = "none" | "touch" | "create" | "update" | "rename" | "renew" | "delete";

/** The step, the cookie that goes with it, and whether it cannot be done because it would need one. */
export interface Plan {
  readonly step: Step;
  readonly cookie: "keep" | "set" | "remove";
  /** The step needs a cookie and the headers are gone: an error to the handler, and nothing is written. */
  readonly impossible: boolean;
}

/** Decides. Every combination of facts has an answer; `test/core/plan.test.ts` goes through them all. */
export function plan(facts: Facts): Plan {
  const step = chooseStep(facts);
  const cookie = chooseCookie(step, facts);
  if (!facts.headersSent || cookie === "keep") return { step, cookie, impossible: false };
  if (step === "none" || step === "touch")
    return { step: facts.inCookie ? "none" : step, cookie: "keep", impossible: false };
  if (step === "update" || step === "delete") return { step, cookie: "keep", impossible: facts.inCookie };
  return { step, cookie, impossible: true };
}

function chooseStep(facts: Facts): Step {
  if (facts.destroyed) return facts.exists ? "delete" : "none";
  if (!facts.exists) return facts.empty ? "none" : "create";
  if (facts.regenerated) return "rename";
  if (facts.renewalDue && !facts.headersSent) return "renew";
  if (facts.changed) return "update";
  return facts.touchDue ? "touch" : "none";
}

function chooseCookie(step: Step, facts: Facts): Plan["cookie"] {
  switch (step) {
    case "create":
    case "rename":
    case "renew":
      return "set";
    case "delete":
      return "remove";
    case "update":
    case "touch":
      return facts.cookieDue || facts.inCookie ? "set" : "keep";
    case "none":
      return facts.destroyed && facts.hadCookie ? "remove" : "keep";
  }
}
