/** A session as the dict that Flask keeps: `_permanent`, the key of who is logged in, and the application's data. */

import { wrongArgument } from "../core/errors.ts";
import type { Content, Meta } from "../core/format.ts";
import { pathOf } from "../core/values.ts";
import { Refusal, within } from "./flask-session/tree.ts";
import { entriesByName, Lowering } from "./pickle/lower.ts";
import { isTruthy, type PyEntry, type PyValue, pyBool, pyInt, pyText } from "./pickle/values.ts";

/** Who is logged in, by the Flask application's own key. */
export interface SubjectOptions {
  /**
   * The key under which the Flask application keeps who is logged in: `"_user_id"` with Flask-Login. It is then
   * `session.subject`, written by `session.login`, and does not show in `session.data`. Default none: the subject
   * of such a session is unknown.
   */
  readonly subjectKey?: string | undefined;
  /** What the Flask application has under that key: texts (`"string"`, the default, as Flask-Login) or integers. Both are read. */
  readonly subjectType?: "string" | "integer" | undefined;
}

const permanentKey = "_permanent";

/** Throws a `TypeError` for a wrong option, naming it. */
export function checkSubjectOptions({ subjectKey, subjectType }: SubjectOptions): void {
  if (subjectKey !== undefined && (typeof subjectKey !== "string" || ["", permanentKey].includes(subjectKey)))
    throw wrongArgument("subjectKey", 'a key of the session such as "_user_id"', subjectKey);
  if (subjectType !== undefined && subjectType !== "string" && subjectType !== "integer")
    throw wrongArgument("subjectType", '"string" or "integer"', subjectType);
}

/** What a dict says of a session. A key that is no text has no place in `data`; it is kept. */
export function contentOf(
  entries: readonly PyEntry[],
  toValue: (value: PyValue) => unknown,
  { subjectKey }: SubjectOptions,
): Content {
  const data: Record<string, unknown> = Object.create(null);
  const meta: Meta = {};
  // All of it, since what shows nowhere is written too: what is too much, or no value, is no session.
  const read = new Map(entries.map((entry) => [entry, [toValue(entry[0]), toValue(entry[1])]] as const));
  for (const [name, entry] of entriesByName(entries)) {
    const [, value] = entry;
    if (typeof name !== "string") continue;
    if (name === permanentKey) meta.persistent = isTruthy(value);
    else if (name === subjectKey) Object.assign(meta, noted(subjectOf(value)));
    else data[name] = read.get(entry)?.[1];
  }
  return { data, meta };
}

/**
 * The entries of the dict for a session: what was there in its order, each entry the very same object where nothing
 * changed, then what is new. The same array when nothing changed at all. Throws {@link Refusal}.
 */
export function entriesOf(
  content: Content,
  was: readonly PyEntry[] | undefined,
  options: SubjectOptions,
): readonly PyEntry[] {
  const { data, meta } = content;
  const { subjectKey } = options;
  const lowering = new Lowering([data]);
  const before = entriesByName(was ?? []);
  const entries: PyEntry[] = [];
  for (const [name, entry] of before) {
    const [key, value] = entry;
    const next = nextValue(name, value);
    if (next) entries.push(next === value ? entry : [key, next]);
  }
  const add = (name: string, value: PyValue): void => void entries.push([pyText(name), value]);
  if (meta.persistent && !before.has(permanentKey)) add(permanentKey, pyBool(true));
  if (subjectKey !== undefined && meta.subject !== undefined && !before.has(subjectKey))
    add(subjectKey, subject(meta.subject, options));
  for (const name of Object.keys(data)) {
    if (data[name] === undefined) continue;
    if (name === permanentKey) throw reserved(name, "session.persistent says it");
    if (name === subjectKey) throw reserved(name, "session.login() sets it");
    if (!before.has(name)) add(name, lowered(name, data[name]));
  }
  const same = entries.length === before.size && [...before.values()].every((entry, at) => entry === entries[at]);
  return was && same ? was : entries;

  function nextValue(name: unknown, value: PyValue): PyValue | undefined {
    if (typeof name !== "string") return value;
    if (name === permanentKey)
      return isTruthy(value) === (meta.persistent === true) ? value : pyBool(meta.persistent === true);
    if (name !== subjectKey) return data[name] === undefined ? undefined : lowered(name, data[name], value);
    if (subjectOf(value) === meta.subject) return value;
    return meta.subject === undefined ? undefined : subject(meta.subject, options);
  }

  function lowered(name: string, value: unknown, old?: PyValue): PyValue {
    try {
      // A key may hold half of a surrogate pair as well as a value.
      if (!old) lowering.lower(name);
      return lowering.lower(value, old);
    } catch (error) {
      throw within(error, () => pathOf("", name));
    }
  }
}

function subject(text: string, { subjectType }: SubjectOptions): PyValue {
  if (subjectType !== "integer") return pyText(text);
  if (!/^(0|-?[1-9]\d{0,17})$/.test(text)) throw new Refusal('the subject is no integer, and subjectType is "integer"');
  return pyInt(BigInt(text));
}

function reserved(name: string, instead: string): Refusal {
  return new Refusal(`the key is Flask's own here; ${instead}`).within(pathOf("", name));
}

function noted(subject: string | undefined): Meta {
  return subject === undefined ? {} : { subject };
}

/** A subject as the core has them: a text of 1 to 200 characters. */
function subjectOf(value: PyValue): string | undefined {
  const text = value.kind === "int" ? String(value.value) : value.kind === "str" ? value.value : "";
  return text.length > 0 && text.length <= 200 ? text : undefined;
}
