/** Turns: saves of one record that meet in this process wait in line; what those before them made goes on to the next. */

import { SessionError } from "../contracts/errors.ts";
import type { Found } from "../contracts/records.ts";

/** The newest state of a record: as it was read, or as saves before in line have made it. */
export interface Newest extends Omit<Found, "content"> {
  /** What the session is called there, for formats that have no room for a name. */
  readonly handle: string | undefined;
}

/** What a save gets when it has its turn. */
export interface Turn {
  /** The record as the store has it. `undefined`: it has to be read; `null`: it is gone. */
  readonly known: Newest | null | undefined;
  /** The same with the changes of `members`, which are not written yet. */
  readonly tip: Newest | null | undefined;
  /** Those that wait for the write that holds their changes. */
  readonly members: Waiting[];
}

/** How waiting ends. */
export type Outcome =
  /** It is its turn. With `writes` it is to write what it waits for itself: no other can be added. */
  | { readonly turn: Turn; readonly writes?: boolean }
  /** What it waited for was written. */
  | { readonly written: Newest };

/** A save that waits: in line, or for the write that holds its changes. */
export interface Waiting {
  /** It only changes data, so it can be written together with others. */
  together: boolean;
  readonly ended: Promise<Outcome>;
  end(outcome: Outcome): void;
  fail(error: unknown): void;
  /** It has waited too long, and waits no more. */
  readonly left: boolean;
}

/** A turn of which nothing is known. */
export function unknownTurn(known?: Newest | null): Turn {
  return { known, tip: known, members: [] };
}

/** One for all lines, so that a save that meets no other allocates none. */
const emptyLine: Waiting[] = [];

/** The lines, one for each record that is being saved just now. */
export class Turns {
  readonly #lines = new Map<string, Waiting[]>();

  /** True when no other request saves this record: then it is the caller's turn, until it calls {@link pass}. */
  take(lane: string): boolean {
    if (this.#lines.has(lane)) return false;
    this.#lines.set(lane, emptyLine);
    return true;
  }

  /**
   * Joins the line at its end. After `longest` milliseconds it is the caller's turn all the same, since the
   * compare-and-swap is what keeps the promise.
   */
  wait(lane: string, together: boolean, longest: number): Waiting {
    const waiting = this.#waiting(lane, together, longest);
    const line = this.#lines.get(lane);
    if (line === undefined || line === emptyLine) this.#lines.set(lane, [waiting]);
    else line.push(waiting);
    return waiting;
  }

  /** Waits for the write that holds the changes of `turn`. After `longest` milliseconds that is a conflict. */
  join(lane: string, turn: Turn, longest: number): Waiting {
    const waiting = this.#waiting(lane, true, longest);
    turn.members.push(waiting);
    return waiting;
  }

  #waiting(lane: string, together: boolean, longest: number): Waiting {
    const waiting = waitAtMost(longest, together, () => {
      const line = this.#lines.get(lane);
      const at = line?.indexOf(waiting) ?? -1;
      return at >= 0 && line?.splice(at, 1) !== undefined;
    });
    return waiting;
  }

  /** Whether others wait. */
  isAwaited(lane: string): boolean {
    return (this.#lines.get(lane)?.length ?? 0) > 0;
  }

  /** Puts saves back at the head of the line, to be merged again; not `together`, when that is too large. */
  back(lane: string, members: readonly Waiting[], together = true): void {
    for (const member of members) member.together = together;
    if (members.length > 0) this.#lines.set(lane, [...members, ...(this.#lines.get(lane) ?? emptyLine)]);
  }

  /** Ends the caller's turn. Those that can be added to `members` come first, then one of these writes, then the others. */
  pass(lane: string, turn?: Turn): void {
    const line = this.#lines.get(lane);
    const { members = [] } = turn ?? {};
    for (let next = line?.[0]; next?.together || (next && members.length === 0); next = line?.[0]) {
      line?.shift();
      if (next.left) continue;
      next.end({ turn: turn ?? unknownTurn() });
      return;
    }
    for (let last = members.pop(); last; last = members.pop()) {
      if (last.left) continue;
      last.end({ turn: turn ?? unknownTurn(), writes: true });
      return;
    }
    if (line?.length) this.pass(lane, unknownTurn(turn?.known));
    else this.#lines.delete(lane);
  }

  /** What could be written together fails: the record cannot be read. */
  fail(lane: string, error: unknown): void {
    const line = this.#lines.get(lane);
    while (line?.[0]?.together) line.shift()?.fail(error);
  }
}

/** @param leave Leaves the line; false when the caller is not in it any more. */
function waitAtMost(longest: number, together: boolean, leave: () => boolean): Waiting {
  let [resolve, reject] = [(_outcome: Outcome): void => {}, (_error: unknown): void => {}];
  const ended = new Promise<Outcome>((...settle) => {
    [resolve, reject] = settle;
  });
  const waiting = {
    together,
    ended,
    left: false,
    end(outcome: Outcome): void {
      clearTimeout(timer);
      resolve(outcome);
    },
    fail(error: unknown): void {
      clearTimeout(timer);
      reject(error);
    },
  };
  const timer = setTimeout(() => {
    if (leave()) return resolve({ turn: unknownTurn() });
    waiting.left = true;
    const message = `the session was not saved within ${longest} ms, together with the changes of other requests; whether it still is, is not known`;
    reject(new SessionError("ERR_SESSION_CONFLICT", message));
  }, longest);
  return waiting;
}
