/** A session as the dict that Flask keeps: `_permanent`, the key of who is logged in, and the application's data. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Content, Meta } from "../core/contracts/format.ts";
import { own, set } from "../core/record/own-keys.ts";
import { pathOf } from "../core/record/values.ts";
import { Refusal, within } from "./storable.ts";

/** Who is logged in, by the Flask application's own key. */
export interface SubjectOptions {
  /**
   * The key under which the Flask application keeps the user: `"_user_id"` with Flask-Login. `session.login` writes the
   * user there, `session.subject` reads it, and `session.data` does not have the key. Default none: sessions have no
   * subject, and `session.login` does not store the user.
   */
  readonly subjectKey?: string | undefined;
  /** The type of the value that `session.login` writes under that key. Both types are read. Default `"string"`, as Flask-Login. */
  readonly subjectType?: "string" | "integer" | undefined;
}

const permanentKey = "_permanent";

/** Whether Flask-Session takes a dict of these keys for no session: nothing in it but its own note. */
export function isNothing(names: Iterable<unknown>): boolean {
  for (const name of names) if (name !== permanentKey) return false;
  return true;
}

/** Throws a `TypeError` for a wrong option, naming it. */
export function checkSubjectOptions({ subjectKey, subjectType }: SubjectOptions): void {
  if (subjectKey !== undefined && (typeof subjectKey !== "string" || ["", permanentKey].includes(subjectKey)))
    throw wrongArgument("subjectKey", 'a key of the session such as "_user_id"', subjectKey);
  if (subjectType !== undefined && subjectType !== "string" && subjectType !== "integer")
    throw wrongArgument("subjectType", '"string" or "integer"', subjectType);
}

/** A key and its value. */
type Entry<V> = readonly [key: V, value: V];
/** The entries of a dict by the names of their keys. A name that is no text has no place in `session.data`. */
export type Entries<V> = ReadonlyMap<unknown, Entry<V>>;

/** What is asked of Python's values, in whatever form they were read. */
export interface Kind<V> {
  isTruthy(value: V): boolean;
  /** A text or an integer; `undefined` for whatever else. */
  simple(value: V): string | number | bigint | undefined;
}

/** What a dict says of a session. */
export function contentOf<V>(
  entries: Entries<V>,
  kind: Kind<V>,
  toValue: (entry: Entry<V>) => unknown,
  { subjectKey }: SubjectOptions,
): Content {
  const data: Record<string, unknown> = {};
  const meta: Meta = {};
  for (const [name, entry] of entries) {
    if (typeof name !== "string") continue;
    if (name === permanentKey) meta.persistent = kind.isTruthy(entry[1]);
    else if (name !== subjectKey) set(data, name, toValue(entry));
    else {
      const subject = subjectOf(kind, entry[1]);
      if (subject !== undefined) meta.subject = subject;
    }
  }
  return { data, meta };
}

/** Makes Python's values of those of JavaScript: the very `was` where that says the same. Throws {@link Refusal}. */
export interface Lowers<V> {
  lower(value: unknown, was?: V): V;
}

/**
 * The entries of the dict for a session: first the existing ones in their order, then the new ones. An unchanged entry
 * is the same object as before. If nothing changed at all, returns `was` itself. Throws {@link Refusal}.
 */
export function entriesOf<V>(
  { data, meta }: Content,
  was: Entries<V> | undefined,
  kind: Kind<V>,
  lowering: Lowers<V>,
  { subjectKey, subjectType }: SubjectOptions,
): Entries<V> {
  const entries = new Map<unknown, Entry<V>>();
  let same = was !== undefined;
  for (const [name, entry] of was ?? []) {
    const [key, value] = entry;
    const next = nextValue(name, value);
    if (next !== undefined) entries.set(name, next === value ? entry : [key, next]);
    same &&= next === value;
  }
  if (meta.persistent && !entries.has(permanentKey)) add(permanentKey, lowering.lower(true));
  if (subjectKey !== undefined && meta.subject !== undefined && !entries.has(subjectKey))
    add(subjectKey, subject(meta.subject));
  for (const name of Object.keys(data)) {
    if (data[name] === undefined) continue;
    if (name === permanentKey) throw reserved(name, "session.persistent says it");
    if (name === subjectKey) throw reserved(name, "session.login() sets it");
    if (!entries.has(name)) add(name, lowered(name, data[name]));
  }
  return was && same ? was : entries;

  function add(name: string, value: V): void {
    // A key may hold half of a surrogate pair as well as a value.
    entries.set(name, [named(name, () => lowering.lower(name)), value]);
    same = false;
  }

  /** `undefined`: it goes. */
  function nextValue(name: unknown, value: V): V | undefined {
    if (typeof name !== "string") return value;
    if (name === permanentKey) {
      const persistent = meta.persistent === true;
      return kind.isTruthy(value) === persistent ? value : lowering.lower(persistent);
    }
    if (name !== subjectKey) {
      const kept = own(data, name);
      return kept === undefined ? undefined : lowered(name, kept, value);
    }
    if (subjectOf(kind, value) === meta.subject) return value;
    return meta.subject === undefined ? undefined : subject(meta.subject);
  }

  function lowered(name: string, value: unknown, old?: V): V {
    return named(name, () => lowering.lower(value, old));
  }

  function subject(text: string): V {
    if (subjectType !== "integer") return lowering.lower(text);
    if (!/^(0|-?[1-9]\d{0,17})$/.test(text))
      throw new Refusal('the subject is no integer, and subjectType is "integer"');
    return lowering.lower(BigInt(text));
  }
}

function named<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw within(error, () => pathOf("", name));
  }
}

function reserved(name: string, instead: string): Refusal {
  return new Refusal(`the key is Flask's own here; ${instead}`).within(pathOf("", name));
}

/** A subject as the core has them: a text of 1 to 200 characters. */
function subjectOf<V>(kind: Kind<V>, value: V): string | undefined {
  const text = String(kind.simple(value) ?? "");
  return text.length > 0 && text.length <= 200 ? text : undefined;
}
