/**
 * What the library notes of a session: what each field holds, and what becomes of it when two requests changed it.
 *
 * A new field takes three steps: its type in `Meta` (`contracts/format.ts`), a row here, and the method that sets it.
 * Formats, stores, cookies, moves to other ids and merges carry it along. Values are texts, numbers, booleans, or plain
 * objects of these, which are replaced as a whole, never changed in place. Formats of other programs have no room for
 * them: what sets one throws `ERR_SESSION_NOT_SUPPORTED` there.
 */

import type { Format, Meta } from "../contracts/format.ts";
import type { StoreRecord } from "../contracts/store.ts";
import { own, set } from "./own-keys.ts";

/**
 * What becomes of a field when this request and another one changed it.
 *
 * - `"mine"`: this request's value, if it changed the field.
 * - `"login"`: the same, and a login decides it: what was noted for the login before goes, also what another request noted.
 * - `"newest"`: the later time; of an object of times the later of each.
 * - `"id"`: this request's value, unless the id that it is about was replaced.
 */
type Rule = "mine" | "login" | "newest" | "id";

interface Field {
  readonly holds: (value: unknown) => boolean;
  readonly rule: Rule;
}

const text = (value: unknown): boolean => typeof value === "string";
const count = (value: unknown): boolean => Number.isFinite(value);
const flag = (value: unknown): boolean => typeof value === "boolean";
const object = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
const isActor = (value: unknown): boolean => {
  const { subject, handle, key } = Object(value) as Notes;
  return object(value) && text(subject) && text(handle) && text(key);
};
const counts = (value: unknown): boolean => object(value) && Object.values(value as object).every(count);

const table: { readonly [Key in keyof Meta]-?: Field } = {
  handle: { holds: text, rule: "mine" },
  subject: { holds: text, rule: "mine" },
  generation: { holds: text, rule: "mine" },
  epoch: { holds: text, rule: "mine" },
  era: { holds: count, rule: "mine" },
  created: { holds: count, rule: "mine" },
  authenticated: { holds: count, rule: "newest" },
  order: { holds: count, rule: "login" },
  methods: { holds: counts, rule: "newest" },
  persistent: { holds: flag, rule: "mine" },
  idle: { holds: count, rule: "login" },
  absolute: { holds: count, rule: "login" },
  device: { holds: object, rule: "login" },
  label: { holds: text, rule: "mine" },
  bound: { holds: object, rule: "login" },
  actor: { holds: isActor, rule: "login" },
  renewed: { holds: count, rule: "id" },
  seen: { holds: count, rule: "id" },
  unseen: { holds: flag, rule: "id" },
};
const fields: ReadonlyMap<string, Field> = new Map(Object.entries(table));
const ofLogins = [...fields].filter(([, { rule }]) => rule === "login").map(([name]) => name as keyof Meta);

type Notes = { readonly [name: string]: unknown };

/** Whether every known field of a record's meta has a valid value. Accepts fields that a later version added, since servers of two versions may run side by side. */
export function isMeta(meta: object): meta is Meta {
  for (const name in meta) {
    const value = (meta as Notes)[name];
    if (value !== undefined && fields.get(name)?.holds(value) === false) return false;
  }
  return true;
}

/** Whether two are equal. */
export function sameMeta(a: Meta, b: Meta): boolean {
  for (const key in a) if (!isSame(a[key as keyof Meta], b[key as keyof Meta])) return false;
  for (const key in b) if (b[key as keyof Meta] !== undefined && !Object.hasOwn(a, key)) return false;
  return true;
}

/** Removes what was noted for the login before, its proofs of identity as well. */
export function endLogin(meta: Meta): void {
  for (const name of ofLogins) delete meta[name];
  delete meta.methods;
}

/**
 * A record with the proofs of identity that it had before: a confirmation that failed must not leave a session fresh.
 *
 * @param before The record as it was. @param record As it is now, with what others have changed since.
 */
export function withProofsOf(format: Format, before: StoreRecord, record: StoreRecord): StoreRecord {
  const { authenticated, methods } = format.decode(before.payload).meta;
  const { data, meta } = format.decode(record.payload);
  if (meta.authenticated === authenticated) return record;
  const restored = { ...meta, authenticated, methods } as Meta;
  return { ...record, payload: format.encode({ data, meta: restored }) };
}

/** What a device is called: by its user, or else by `describe`. */
export function labelOf({ label, device }: Meta): string | undefined {
  const described = device?.label;
  return label ?? (typeof described === "string" ? described : undefined);
}

/**
 * Puts what this request noted onto what others have, field by field.
 *
 * @param base What this request loaded. @param mine What it made of that. @param theirs What the store holds now.
 * @param logsIn This request logs in.
 */
export function mergeMeta(base: Meta, mine: Meta, theirs: Meta, logsIn = false): Meta {
  const [before, after, merged] = [base as Notes, mine as Notes, { ...theirs } as Record<string, unknown>];
  const isReplaced = base.renewed !== theirs.renewed;
  for (const name of new Set([...Object.keys(before), ...Object.keys(after), ...(logsIn ? ofLogins : [])])) {
    const { rule } = fields.get(name) ?? {};
    const value = own(after, name);
    const isMine = !isSame(own(before, name), value) || (logsIn && rule === "login");
    if (!isMine || (rule === "id" && isReplaced)) continue;
    const chosen = rule === "newest" ? newest(own(before, name), value, own(merged, name)) : value;
    if (chosen === undefined) delete merged[name];
    else set(merged, name, chosen);
  }
  return merged as Meta;
}

/** The later of two times, or of each of two sets of times; what others left as it was is not theirs. */
function newest(base: unknown, mine: unknown, theirs: unknown): unknown {
  if (theirs === undefined || isSame(base, theirs)) return mine;
  if (mine === undefined) return theirs;
  if (!object(mine) || !object(theirs)) return Math.max(Number(mine), Number(theirs));
  const [before, after, there] = [Object(base), mine, theirs] as [Notes, Notes, Notes];
  const times: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(after), ...Object.keys(there)])) {
    const time = newest(own(before, name), own(after, name), own(there, name));
    if (time !== undefined) set(times, name, time);
  }
  return times;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (object(a) && object(b) && JSON.stringify(a) === JSON.stringify(b));
}
