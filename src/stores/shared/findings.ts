/** What a store says of its backend, for `sojourn doctor`. */

import { isError } from "../../core/contracts/errors.ts";
import type { Finding } from "../../core/contracts/store.ts";

export function good(about: string, found: string): Finding {
  return { about, state: "good", found };
}

export function note(about: string, found: string, cure: string): Finding {
  return { about, state: "note", found, cure };
}

export function fault(about: string, found: string, cure: string): Finding {
  return { about, state: "fault", found, cure };
}

/** Asks, and says so where this account may not. */
export async function asked(about: string, question: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await question();
  } catch (error) {
    return [{ about, state: "unknown", found: `cannot be asked: ${isError(error) ? error.message : String(error)}` }];
  }
}

/** Clocks that differ by more end sessions early, or late. In milliseconds. */
const noticed = 5000;
const wrong = 60_000;

/**
 * The backend's clock beside ours.
 *
 * @param theirs Its present in epoch milliseconds, read between our instants `before` and `after`.
 * @param whose Whose clock ends sessions: of the backend's own, durations are sent, and ours need not be right.
 */
export function clockFinding(theirs: number, before: number, after: number, whose: "ours" | "server"): Finding {
  const off = theirs < before ? before - theirs : Math.max(0, theirs - after);
  if (off <= noticed) return good("clock", "as here");
  const found = `${Math.round(off / 1000)} s ${theirs < before ? "behind" : "ahead of"} the clock here`;
  const cure = "Let NTP set the clock of this machine and of the backend: timedatectl set-ntp true";
  const effect =
    whose === "ours" ? "nodes end sessions at different times" : "absolute timeouts and login times are off";
  return off > wrong ? fault("clock", `${found}: ${effect}`, cure) : note("clock", `${found}: ${effect}`, cure);
}
