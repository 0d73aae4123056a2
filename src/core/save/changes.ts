/** Changes: which top-level keys differ from what was loaded, and how they go onto what another request saved in between. */

import { samePayload } from "../bytes/bytes.ts";
import type { Content, Format, Payload } from "../contracts/format.ts";
import { mergeMeta } from "../record/meta.ts";
import { own, set } from "../record/own-keys.ts";
import { pathOf } from "../record/values.ts";

/** The changes made by `session.update` to one key, in order, to be made again on a newer value. */
export interface Update {
  readonly changes: ((value: unknown) => unknown)[];
  /** The value before the first and after the last of them, encoded; `undefined` when absent. */
  before: Payload | undefined;
  after: Payload | undefined;
  /** The key was also changed by hand in between: then the last value counts, not the functions. */
  mixed: boolean;
}

/** For each key, a function that merges a guest's value with the user's value at login. */
export type Merge = Readonly<Record<string, (guest: unknown, users: unknown) => unknown>>;

/** What a session's methods asked for, beside what they did to the data. */
export class Marks {
  cleared = false;
  regenerated = false;
  loggedIn = false;
  /** Another user logged in: nothing of what was there before is theirs. */
  takenOver = false;
  /** `persistent` was set: the client's cookie is to be sent again. */
  persistence = false;
  updates: Map<string, Update> | undefined;
  /** What a login is to take over from the user's other session. */
  merge: Merge | undefined;

  /** Nothing was asked for. */
  get isBlank(): boolean {
    const { cleared, regenerated, loggedIn, takenOver, persistence, updates, merge } = this;
    return !(cleared || regenerated || loggedIn || takenOver || persistence || updates || merge);
  }

  /** Adds what was asked for later, after a save that took these has failed. */
  join(later: Marks): void {
    if (later.cleared) {
      this.updates = undefined;
      this.merge = undefined;
    }
    if (later.merge) this.merge = { ...this.merge, ...later.merge };
    this.cleared ||= later.cleared;
    this.regenerated ||= later.regenerated;
    this.loggedIn ||= later.loggedIn;
    this.takenOver ||= later.takenOver;
    this.persistence ||= later.persistence;
    for (const [key, update] of later.updates ?? []) {
      const earlier = this.updates?.get(key);
      if (!earlier) {
        this.updates ??= new Map();
        this.updates.set(key, update);
        continue;
      }
      earlier.mixed ||= update.mixed || !same(earlier.after, update.before);
      earlier.changes.push(...update.changes);
      earlier.after = update.after;
    }
  }
}

/** One session as a request changed it. */
export interface Draft extends Content {
  /** `clear()` was called: nothing that others saved in between survives. */
  readonly cleared: boolean;
  /** Another user logged in: nothing survives, of what the library noted neither. */
  readonly takenOver: boolean;
  /** It logged in: what the library notes of a login is this one's. */
  readonly loggedIn: boolean;
  readonly updates: ReadonlyMap<string, Update> | undefined;
}

/** A value as it is compared: `undefined` when the key is absent. */
export function encoded(format: Format, data: Record<string, unknown>, key: string): Payload | undefined {
  const value = own(data, key);
  return value === undefined ? undefined : format.encodeValue(value, pathOf("session.data", key));
}

/** Whether two encoded values are equal; two absent ones are. */
export function same(a: Payload | undefined, b: Payload | undefined): boolean {
  return a === undefined || b === undefined ? a === b : samePayload(a, b);
}

/**
 * Three-way merge by top-level key: mine where I changed it, theirs everywhere else, `update` functions applied
 * to theirs. Values are never merged into each other.
 *
 * @param base What this request loaded. @param mine What it made of that. @param theirs What the store holds now.
 * @param together Groups of keys that move as one: if one of them was set, all are taken from mine.
 */
export function merge(
  format: Format,
  base: Content,
  mine: Draft,
  theirs: Content,
  together: readonly (readonly string[])[],
): Content {
  const meta = mine.takenOver ? mine.meta : mergeMeta(base.meta, mine.meta, theirs.meta, mine.loggedIn);
  if (mine.cleared) return { data: mine.data, meta };

  const changed = changedKeys(format, base.data, mine.data);
  const updates = [...(mine.updates ?? [])].filter(([key, update]) =>
    isPure(format, update, base.data, mine.data, key),
  );
  for (const [key] of updates) changed.delete(key);
  addGroups(changed, together);
  const data = theirs.data;
  for (const [key, update] of updates) {
    if (changed.has(key)) continue;
    update.before = encoded(format, data, key);
    put(data, key, reapply(update, own(data, key)));
    update.after = encoded(format, data, key);
  }
  for (const key of changed) put(data, key, own(mine.data, key));
  return { data, meta };
}

/** Adds the keys that move together with a changed one. Groups may share keys: then they move as one. */
function addGroups(changed: Set<string>, together: readonly (readonly string[])[]): void {
  for (let before = -1; before !== changed.size; ) {
    before = changed.size;
    for (const group of together) {
      if (group.some((key) => changed.has(key))) for (const key of group) changed.add(key);
    }
  }
}

/** The top-level keys whose values differ. */
export function changedKeys(format: Format, base: Record<string, unknown>, mine: Record<string, unknown>): Set<string> {
  const changed = new Set<string>();
  for (const key of new Set([...Object.keys(base), ...Object.keys(mine)])) {
    if (!same(encoded(format, base, key), encoded(format, mine, key))) changed.add(key);
  }
  return changed;
}

function isPure(
  format: Format,
  update: Update,
  base: Record<string, unknown>,
  mine: Record<string, unknown>,
  key: string,
): boolean {
  return (
    !update.mixed && same(update.before, encoded(format, base, key)) && same(update.after, encoded(format, mine, key))
  );
}

/** Makes `target` hold what `source` holds; a value that is the same stays the same object. */
export function adopt(format: Format, target: Record<string, unknown>, source: Record<string, unknown>): void {
  for (const key of changedKeys(format, target, source)) put(target, key, own(source, key));
}

function reapply(update: Update, newest: unknown): unknown {
  return update.changes.reduce((value, change) => change(value), newest);
}

/** Sets a key, or removes it when there is no value. */
export function put(data: Record<string, unknown>, key: string, value: unknown): void {
  if (value === undefined) delete data[key];
  else set(data, key, value);
}
