/** What ties the parts of a session together: the handle that all have, and who is logged in. */

import type { HeldPart, Origin } from "./held.ts";

/** The part that the others must not contradict. */
export interface Base {
  readonly part: HeldPart;
  readonly origin: Origin;
  /** It is the part that says who is logged in. */
  readonly isHome: boolean;
}

/** The part that says who is logged in; without a record of it the first there is. `undefined` until its record was read. */
export function baseOf(home: HeldPart, all: readonly HeldPart[]): Base | undefined {
  if (!home.arrived && !home.work) return undefined;
  const part = [home, ...all].find(({ origin }) => origin);
  return part?.origin && { part, origin: part.origin, isHome: part === home };
}

/**
 * How a part contradicts the base: it was read from `"another"` session's record, or it was begun `"before"` a login
 * and did not come along. Formats of other programs have no place for the handle; theirs are recognised by the subject,
 * where they have one.
 */
export function contradicts({ part, origin }: HeldPart, base: Base | undefined): "another" | "before" | undefined {
  if (!origin || !base || base.origin === origin) return undefined;
  const told = !part.core.config.format.foreign && !base.part.part.core.config.format.foreign;
  if (told && origin.handle !== base.origin.handle) return "another";
  const { subject } = base.origin;
  if (!base.isHome || subject === undefined || origin.subject === subject) return undefined;
  if (origin.subject !== undefined) return "another";
  return told ? "before" : undefined;
}

/** Reports a part that is not let in. */
export function reportStray({ part, origin }: HeldPart, how: "another" | "before"): void {
  const reason = how === "another" ? "a part of another session" : "a part that was begun before the login";
  part.core.config.events.emit("record_refused", { ...origin, reason });
}
