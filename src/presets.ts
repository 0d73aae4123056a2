/** Lifetimes that standards ask for, as options of `createSessions` and of `session.login`. */

import { wrongArgument } from "./core/contracts/errors.ts";
import type { Duration } from "./core/options/duration.ts";

/** How long a session lives: without use, and in total. */
export interface Lifetimes {
  readonly idleTimeout: Duration;
  readonly absoluteTimeout: Duration;
}

const levels: Readonly<Record<"aal1" | "aal2" | "aal3", Lifetimes>> = {
  aal1: { idleTimeout: "30d", absoluteTimeout: "30d" },
  aal2: { idleTimeout: "1h", absoluteTimeout: "24h" },
  aal3: { idleTimeout: "15m", absoluteTimeout: "12h" },
};

const risks: Readonly<Record<"high-value" | "low-risk", Lifetimes>> = {
  "high-value": { idleTimeout: "5m", absoluteTimeout: "4h" },
  "low-risk": { idleTimeout: "30m", absoluteTimeout: "8h" },
};

/**
 * The longest lifetimes of an authenticator assurance level of NIST SP 800-63B-4 ("Reauthentication" of each level
 * in section 2).
 *
 * | level | unused | in all |
 * |---|---|---|
 * | `"aal1"` | as long as in all, since NIST requires no idle limit | `"30d"` |
 * | `"aal2"` | `"1h"` | `"24h"` |
 * | `"aal3"` | `"15m"` | `"12h"` |
 *
 * @throws `TypeError` for another level.
 * @example
 * ```ts
 * import { createSessions, type Session } from "sojourn";
 * import { nist } from "sojourn/presets";
 *
 * const sessions = createSessions({ ...nist("aal2") });
 * const logInAdministrator = (session: Session) => session.login("ada", nist("aal3"));
 * ```
 */
export function nist(level: keyof typeof levels): Lifetimes {
  if (typeof level === "string" && Object.hasOwn(levels, level)) return { ...levels[level] };
  throw wrongArgument("the level given to nist", '"aal1", "aal2" or "aal3"', level);
}

/**
 * Lifetimes from the OWASP Session Management Cheat Sheet ("Session Expiration"): unused for "2-5 minutes for
 * high-value applications and 15-30 minutes for low risk applications", and in all "between 4 and 8 hours" for an
 * application that is used through a working day. `"high-value"` is 5 minutes and 4 hours, `"low-risk"` 30 minutes and
 * 8 hours.
 *
 * @throws `TypeError` for another word.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { owasp } from "sojourn/presets";
 *
 * const sessions = createSessions({ ...owasp("high-value") });
 * ```
 */
export function owasp(risk: keyof typeof risks): Lifetimes {
  if (typeof risk === "string" && Object.hasOwn(risks, risk)) return { ...risks[risk] };
  throw wrongArgument("the risk given to owasp", '"high-value" or "low-risk"', risk);
}
