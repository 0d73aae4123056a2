/** Flask-Session-Plus's sessions in Firestore: a document each, whose fields are the session's own. */

import { isBytes } from "../../core/bytes/bytes.ts";
import type { FirestoreClasses, FirestoreLayout } from "../../stores/firestore.ts";
import { readMsgpack } from "../msgpack/read.ts";
import { writeMsgpack } from "../msgpack/write.ts";
import { naming, Refusal, within } from "../storable.ts";
import { type Dict, type Entry, isTruthy, type Node, scalar, segmentOf } from "../tree.ts";

/**
 * The `layout` of a `firestoreStore` that shares its sessions with Flask-Session-Plus (`session_type="firestore"`): each
 * key of the session is a field, beside `_expiration` and `_permanent`. The ids are UUIDs, the prefix of the keys has no
 * colon, and the format is the one of `flaskSession`, MessagePack, which can express each of Firestore's types:
 * `createSessions({ ...flaskSession({ ids: "uuid", keyPrefix: "session" }), store })`.
 *
 * Only fields that changed are written. The others keep their types: doubles that are whole, integers beyond 2^53,
 * microseconds; a place, a reference or a vector stays where it is and does not show in `session.data`.
 *
 * A value that Firestore cannot hold is `ERR_SESSION_NOT_STORABLE` with its path: an array directly inside an array, an
 * empty key or one such as `__name__`, the key `_expiration`, an integer of more than 64 bits, a `Map` whose keys are
 * not strings.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskPlusFirestore, flaskSession } from "sojourn/flask";
 * import { type FirestoreClient, firestoreStore } from "sojourn/stores/firestore";
 *
 * export function sessionsBesideFlask(client: FirestoreClient) {
 *   const store = firestoreStore({ client, collection: "sessions", layout: flaskPlusFirestore() });
 *   return createSessions({
 *     ...flaskSession({ ids: "uuid", keyPrefix: "session", lifetime: "1d", permanent: false }),
 *     store,
 *   });
 * }
 * ```
 */
export function flaskPlusFirestore(): FirestoreLayout {
  return {
    name: "flask-session-plus",
    expiresAt: expiration,
    fieldsOf(payload, _key, classes) {
      const fields: [string, unknown][] = [];
      let persistent = false;
      // Messages start with "data": the word session is the prefix of the keys, which is cut out of a store's messages.
      for (const [key, value] of rootOf(payload).entries.values()) {
        if (isText(key) && key.value === permanent) persistent = isTruthy(value);
        else fields.push(naming("data", () => field(key, value, classes)));
      }
      return { ...Object.fromEntries(fields), [permanent]: persistent };
    },
    payloadIn(fields) {
      const { [permanent]: first, [expiration]: _, ...others } = fields;
      const front = first === undefined ? {} : { [permanent]: first };
      const entries = [...entriesIn(front, skipped), ...entriesIn(others, skipped)];
      return writeMsgpack(dictOf(entries));
    },
    changes(after, before) {
      const isSame = (name: string): boolean => {
        const [is, was] = [packed(after[name]), packed(before[name])];
        return (
          is !== undefined && was !== undefined && is.length === was.length && is.every((one, at) => one === was[at])
        );
      };
      const write = Object.entries(after).filter(([name]) => !(Object.hasOwn(before, name) && isSame(name)));
      const isGone = (name: string): boolean =>
        name !== expiration && !Object.hasOwn(after, name) && packed(before[name]) !== undefined;
      return { write: Object.fromEntries(write), remove: Object.keys(before).filter(isGone) };
    },
  };
}

const [permanent, expiration] = ["_permanent", "_expiration"];

function rootOf(payload: string | Uint8Array): Dict {
  const root = typeof payload === "string" ? undefined : readMsgpack(payload);
  if (root?.kind === "dict") return root;
  throw new TypeError("flaskPlusFirestore() needs the format of flaskSession(), MessagePack");
}

/** One field of a document or of a map, as the client takes it. */
function field(key: Node, value: Node, classes: FirestoreClasses): [string, unknown] {
  try {
    if (!isText(key)) throw new Refusal("its key is no text, and Firestore's fields have names");
    if (key.value === "" || /^__.*__$/s.test(key.value)) throw new Refusal("Firestore has no field of that name");
    if (key.value === expiration) throw new Refusal("Flask-Session-Plus has the expiry there");
    return [key.value, clientValue(value, classes)];
  } catch (error) {
    throw within(error, () => segmentOf(key));
  }
}

function clientValue(node: Node, classes: FirestoreClasses): unknown {
  switch (node.kind) {
    case "scalar":
      if (typeof node.value === "bigint" && BigInt.asIntN(64, node.value) !== node.value)
        throw new Refusal("it is an integer of more than 64 bits, for which Firestore has no room");
      if (typeof node.value === "object" && node.value !== null && !isBytes(node.value))
        throw new Refusal("Firestore has no type for MsgpackExt");
      return node.value;
    case "float":
      return node.value;
    case "time":
      // Firestore keeps microseconds.
      return new classes.Timestamp(node.seconds, node.nanos - (node.nanos % 1000));
    case "list":
      return node.items.map((item, at) => {
        try {
          if (item.kind === "list") throw new Refusal("it is an array in an array, which Firestore has no room for");
          return clientValue(item, classes);
        } catch (error) {
          throw within(error, () => `[${at}]`);
        }
      });
    case "dict":
      return Object.fromEntries([...node.entries.values()].map(([key, value]) => field(key, value, classes)));
  }
}

/** A value of the client in MessagePack; `undefined` for a type that sessions cannot hold. */
function packed(value: unknown): Uint8Array | undefined {
  const node = nodeOf(value);
  return node && writeMsgpack(node);
}

function nodeOf(value: unknown): Node | undefined {
  if (typeof value === "number") {
    const whole = Number.isSafeInteger(value) && !Object.is(value, -0);
    return whole ? scalar(value) : { kind: "float", value, at: undefined };
  }
  if (typeof value === "bigint") {
    const small = BigInt.asIntN(54, value) === value && value !== -(2n ** 53n);
    return scalar(small ? Number(value) : value);
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return scalar(value);
  if (isBytes(value)) return scalar(new Uint8Array(value));
  if (Array.isArray(value)) {
    const items = value.map(nodeOf);
    return items.every((item) => item !== undefined) ? { kind: "list", items, at: undefined } : undefined;
  }
  if (typeof value !== "object") return undefined;
  const { seconds, nanoseconds, toMillis } = value as { seconds?: unknown; nanoseconds?: unknown; toMillis?: unknown };
  if (typeof toMillis === "function")
    return { kind: "time", seconds: seconds as number, nanos: nanoseconds as number, at: undefined };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const entries = entriesIn(value, undefined);
  return entries && dictOf(entries);
}

const skipped = "skipped";

/** The entries of a map in the order of their names; of what has no word all are given up, or that one is skipped. */
function entriesIn(map: object, otherwise: typeof skipped): Entry[];
function entriesIn(map: object, otherwise: undefined): Entry[] | undefined;
function entriesIn(map: object, otherwise: typeof skipped | undefined): Entry[] | undefined {
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1))) {
    const node = nodeOf(value);
    if (node) entries.push([scalar(name), node]);
    else if (otherwise !== skipped) return undefined;
  }
  return entries;
}

function dictOf(entries: readonly Entry[]): Dict {
  const named = entries.map((entry) => [(entry[0] as { value?: unknown }).value, entry] as const);
  return { kind: "dict", entries: new Map(named), at: undefined };
}

function isText(node: Node): node is Node & { readonly value: string } {
  return node.kind === "scalar" && typeof node.value === "string";
}
