/** The one decision of a request: what to do with its session. Pure: no I/O, no clock, no configuration object. */

/** What is known when a request's session is to be saved. */
export interface Facts {
  /** The store held the session when it was loaded. */
  readonly exists: boolean;
  /** Data or what the library knows of the session differs from what was loaded. */
  readonly changed: boolean;
  /** There is neither data nor a subject: nothing worth a record. */
  readonly empty: boolean;
  /** A change left nothing that the format keeps a record for. */
  readonly emptied: boolean;
  /** `destroy()` was called. */
  readonly destroyed: boolean;
  /** `regenerate()` or `login()` was called: the old id must be dead afterwards. */
  readonly regenerated: boolean;
  /** The id is older than `renewAfter`, or the client seems to have missed its new one. */
  readonly renewalDue: boolean;
  /** The expiry lags behind by `touchInterval` or more. */
  readonly touchDue: boolean;
  /** The session was saved when a longer timeout was configured, and would outlive what is configured now. */
  readonly shortened: boolean;
  /** The request carried a session cookie, whatever was in it. */
  readonly hadCookie: boolean;
  /** The cookie's own lifetime moves with the session, or its token was sealed with an old secret. */
  readonly cookieDue: boolean;
  /** The headers are gone: no cookie can be set. */
  readonly headersSent: boolean;
  /** The session itself is the cookie: every write needs one. */
  readonly inCookie: boolean;
  /** The route must not change it. */
  readonly readOnly: boolean;
}

/**
 * What to do. `touch` moves the expiry, `update` saves, `rename` saves under a new id and ends the old one,
 * `renew` saves under a new id and keeps the old one alive until the new one is seen.
 */
export type Step = "none" | "touch" | "create" | "update" | "rename" | "renew" | "delete";

/** The step, the cookie that goes with it, and why it cannot be done, if it cannot. */
export interface Plan {
  readonly step: Step;
  readonly cookie: "keep" | "set" | "remove";
  /** An error to the handler, and nothing is written: the step needs a cookie and the headers are gone, or the route must not change anything. */
  readonly impossible: false | "headers-sent" | "read-only";
}

/** Decides. Every combination of facts has an answer; `test/core/save/plan.test.ts` goes through them all. */
export function plan(facts: Facts): Plan {
  const step = chooseStep(facts);
  const cookie = chooseCookie(step, facts);
  if (facts.readOnly && isChange(step, facts)) return { step, cookie: "keep", impossible: "read-only" };
  if (!facts.headersSent || cookie === "keep") return { step, cookie, impossible: false };
  if (step === "none" || step === "touch")
    return { step: facts.inCookie ? "none" : step, cookie: "keep", impossible: false };
  if (step === "update" || step === "delete")
    return { step, cookie: "keep", impossible: facts.inCookie && "headers-sent" };
  return { step, cookie, impossible: "headers-sent" };
}

/** Whether the application asked for the step, and not the library for itself. */
function isChange(step: Step, facts: Facts): boolean {
  if (step === "touch" || step === "none") return false;
  return (step !== "renew" && step !== "update") || facts.changed;
}

function chooseStep(facts: Facts): Step {
  if (facts.destroyed) return facts.exists ? "delete" : "none";
  if (!facts.exists) return facts.empty ? "none" : "create";
  if (facts.regenerated) return "rename";
  if (facts.renewalDue && !facts.headersSent) return "renew";
  if (facts.changed) return facts.emptied ? "delete" : "update";
  // A touch moves the expiry later only.
  if (facts.shortened) return facts.inCookie ? "touch" : "update";
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
