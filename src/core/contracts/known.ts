/** Checks options: refuses names that do not exist, and suggests the one that was meant. */

import { wrongArgument } from "./errors.ts";
import type { PruneOptions } from "./store.ts";

/**
 * Throws a `TypeError` when `given` is not a plain object of options, or has a key that `known` lacks.
 *
 * @param call The function as the caller writes it, such as `"redisStore"`.
 * @param known Every option the call takes, the most important one first.
 */
export function checkKnown(call: string, given: unknown, known: readonly string[]): void {
  if (!isPlainObject(given)) {
    throw wrongArgument(`the argument of ${call}()`, `an object of options, such as { ${known[0]} }`, given);
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const meant = near === undefined ? "there are" : `did you mean "${near}"? There are`;
    const all = known.join(", ") + (/^(ttl|max_?age|expires|lifetime)$/i.test(name) ? lifetimes : "");
    throw new TypeError(`${call}: there is no option "${name.slice(0, 40)}"; ${meant} ${all}`);
  }
}

const lifetimes = ". idleTimeout, absoluteTimeout and persistent of createSessions() set how long a session lives";

/** Throws a `TypeError` unless `now` is a clock, or left out. */
export function checkNow(now: unknown): void {
  if (now !== undefined && typeof now !== "function") {
    throw wrongArgument("now", "a function that returns epoch milliseconds", now);
  }
}

/** The options of a store's `prune()`, checked, with its default. */
export function pruneOptions(options: PruneOptions = {}): {
  readonly limit: number;
  readonly cursor?: string | undefined;
} {
  checkKnown("prune", options, ["limit", "cursor"]);
  const { limit = 1000, cursor } = options;
  if (!Number.isSafeInteger(limit) || limit < 1) throw wrongArgument("limit", "a whole number of at least 1", limit);
  if (cursor !== undefined && typeof cursor !== "string") {
    throw wrongArgument("cursor", "the cursor that the call before this one answered", cursor);
  }
  return { limit, cursor };
}

/** Whether it was written as `{ … }`, in whatever realm: an instance of a class is a client or a store given in place of options. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The known word that is most like this one, when it is like it at all. */
export function nearest(
  word: string,
  known: readonly string[],
  most: number = Math.max(2, word.length / 3),
): string | undefined {
  let [best, least] = [undefined as string | undefined, most];
  for (const one of known) {
    const far = distance(one.toLowerCase(), word.slice(0, 60).toLowerCase());
    if (far <= least && (best === undefined || far < least)) [best, least] = [one, far];
  }
  return best;
}

/** How many letters have to be put in, taken out or changed. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [above, letter] of [...one].entries()) {
    let [left, corner] = [above + 1, above];
    const next = [left];
    for (const [at, wanted] of [...other].entries()) {
      const over = row[at + 1] as number;
      left = Math.min(left + 1, over + 1, corner + (letter === wanted ? 0 : 1));
      corner = over;
      next.push(left);
    }
    row = next;
  }
  return row.at(-1) as number;
}
