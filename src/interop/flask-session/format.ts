/** What Flask-Session keeps under a key: MessagePack or JSON, and older records in pickle. */

import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { wrongArgument } from "../../core/errors.ts";
import type { Content, Format, Meta, Payload } from "../../core/format.ts";
import { pathOf } from "../../core/values.ts";
import { readJson, writeJson } from "./json.ts";
import { readMsgpack, writeMsgpack } from "./msgpack.ts";
import { readPickled } from "./pickled.ts";
import {
  type Dict,
  type Entry,
  isTruthy,
  Lowering,
  type Node,
  naming,
  Refusal,
  scalar,
  toValue,
  within,
} from "./tree.ts";

/** Options of {@link flaskFormat}. */
export interface FlaskFormatOptions {
  /** How sessions are written: `SESSION_SERIALIZATION_FORMAT`. Default `"msgpack"`. Both are read, whichever it is. */
  readonly format?: "msgpack" | "json" | undefined;
  /**
   * The key under which the Flask application keeps who is logged in: `"_user_id"` with Flask-Login. It is then
   * `session.subject`, written by `session.login`, and does not show in `session.data`. Default none: the subject
   * of such a session is unknown, and one given by `login` is kept by the store alone.
   */
  readonly subjectKey?: string | undefined;
  /** What the Flask application has under that key: texts (`"string"`, the default, as Flask-Login) or integers. Both are read. */
  readonly subjectType?: "string" | "integer" | undefined;
  /** Whether records in pickle are read, through a whitelist of harmless types; the next save writes `format`. Default true. */
  readonly legacyPickle?: boolean | undefined;
}

const permanentKey = "_permanent";

/**
 * The records of Flask-Session 0.7 and later. `_permanent` is `session.persistent`; all else is `session.data`.
 *
 * What nobody changed is written as it stood, byte for byte: floats that are whole, microseconds, key order, forms
 * that another encoder chose. A changed value is written as `msgspec` would: whole numbers as int, others as float,
 * Date as datetime, Uint8Array as bytes, Set as list, Map as dict with keys of any kind; `undefined` is left out.
 *
 * A record in another form than `format` stays as it is until the session is changed; then it is written anew, whole.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskFormat } from "sojourn/interop/flask-session";
 *
 * const sessions = createSessions({ format: flaskFormat({ format: "json" }), absoluteTimeout: false });
 * ```
 */
export function flaskFormat(options: FlaskFormatOptions = {}): Format {
  const { format = "msgpack", subjectKey, subjectType = "string", legacyPickle = true } = options;
  if (format !== "msgpack" && format !== "json") throw wrongArgument("format", '"msgpack" or "json"', format);
  if (subjectKey !== undefined && (typeof subjectKey !== "string" || ["", permanentKey].includes(subjectKey)))
    throw wrongArgument("subjectKey", 'a key of the session such as "_user_id"', subjectKey);
  if (subjectType !== "string" && subjectType !== "integer")
    throw wrongArgument("subjectType", '"string" or "integer"', subjectType);
  if (typeof legacyPickle !== "boolean") throw wrongArgument("legacyPickle", "true or false", legacyPickle);

  const json = (payload: Uint8Array): Node => readJson(fromUtf8(payload));
  const readers = format === "json" ? [json, readMsgpack] : [readMsgpack, json];
  if (legacyPickle) readers.push(readPickled);
  // A request reads a payload, and at its end looks what changed.
  const read = new WeakMap<Uint8Array, Dict>();

  function dictIn(payload: Payload): Dict {
    if (typeof payload === "string") return asDict(readJson(payload));
    const known = read.get(payload);
    if (known) return known;
    const dict = firstDict(payload, readers);
    read.set(payload, dict);
    return dict;
  }

  /** The node that `was` becomes; `undefined`: it goes. */
  function next(name: unknown, was: Node, { data, meta }: Content, lowering: Lowering): Node | undefined {
    // A key that is no text has no place in `data`: it stays.
    if (typeof name !== "string") return was;
    if (name === permanentKey) return isTruthy(was) === (meta.persistent === true) ? was : scalar(!isTruthy(was));
    if (name === subjectKey) return subjectOf(was) === meta.subject ? was : subject(meta);
    return data[name] === undefined ? undefined : lowered(lowering, name, data[name], was);
  }

  function subject({ subject }: Meta): Node | undefined {
    if (subject === undefined || subjectType === "string") return subject === undefined ? undefined : scalar(subject);
    if (!/^(0|-?[1-9]\d{0,17})$/.test(subject)) throw new Refusal('it is no integer, and subjectType is "integer"');
    return new Lowering().lower(BigInt(subject));
  }

  function rootOf(content: Content, was: Dict | undefined): Dict {
    const { data, meta } = content;
    const lowering = new Lowering(data);
    const entries = new Map<unknown, Entry>();
    let same = was !== undefined;
    for (const [name, entry] of was?.entries ?? []) {
      const value = next(name, entry.value, content, lowering);
      if (value) entries.set(name, value === entry.value ? entry : { key: entry.key, value });
      same &&= value === entry.value;
    }
    const add = (name: string, value: Node): void => {
      entries.set(name, { key: scalar(name), value });
      same = false;
    };
    if (meta.persistent && !entries.has(permanentKey)) add(permanentKey, scalar(true));
    if (subjectKey !== undefined && meta.subject !== undefined && !entries.has(subjectKey))
      add(subjectKey, subject(meta) as Node);
    for (const name of Object.keys(data)) {
      if (data[name] === undefined) continue;
      if (name === permanentKey) throw reserved(name, "session.persistent says it");
      if (name === subjectKey) throw reserved(name, "session.login() sets it");
      if (!entries.has(name)) add(name, lowered(lowering, name, data[name]));
    }
    return same && was ? was : { kind: "dict", entries, at: undefined };
  }

  const write: (node: Node) => Payload = format === "json" ? writeJson : writeMsgpack;
  const writeOther: (node: Node) => Payload = format === "json" ? writeMsgpack : writeJson;

  /** In the other format what this one cannot say: it came from there, or is only looked at. */
  function writeAnyhow(node: Node): Payload {
    try {
      return write(node);
    } catch (error) {
      if (error instanceof Refusal) return writeOther(node);
      throw error;
    }
  }

  /** What Flask wrote in the other format, and this one cannot say, keeps its session there: nobody could change it otherwise. */
  function writerAfter(was: Dict | undefined): (node: Node) => Payload {
    if (!was || !isRefused(() => write(was))) return write;
    return isRefused(() => writeOther(was)) ? write : writeOther;
  }

  return {
    name: `flask-session ${format}`,
    foreign: true,
    decode(payload) {
      const data: Record<string, unknown> = Object.create(null);
      const meta: Meta = {};
      for (const [name, { value }] of dictIn(payload).entries) {
        if (typeof name !== "string") continue;
        if (name === permanentKey) meta.persistent = isTruthy(value);
        else if (name === subjectKey) Object.assign(meta, noted(subjectOf(value)));
        else data[name] = toValue(value);
      }
      return { data, meta };
    },
    encode(content, baseline) {
      const was = baseline === undefined ? undefined : dictIn(baseline);
      const root = naming("session.data", () => rootOf(content, was));
      if (root === was) return baseline as Payload;
      const payload = naming("session.data", () => writerAfter(was)(root));
      return typeof payload === "string" && typeof baseline !== "string" ? utf8(payload) : payload;
    },
    encodeValue: (value, path) => naming(path, () => writeAnyhow(new Lowering().lower(value))),
  };
}

function isRefused(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

function lowered(lowering: Lowering, name: string, value: unknown, was?: Node): Node {
  try {
    // A key may hold half of a surrogate pair as well as a value.
    if (!was) lowering.lower(name);
    return lowering.lower(value, was);
  } catch (error) {
    throw within(error, () => pathOf("", name));
  }
}

function reserved(name: string, instead: string): Refusal {
  return new Refusal(`the key is Flask's own here; ${instead}`).within(pathOf("", name));
}

function noted(subject: string | undefined): Meta {
  return subject === undefined ? {} : { subject };
}

/** A subject as the core has them: a text of 1 to 200 characters. */
function subjectOf(node: Node): string | undefined {
  if (node.kind !== "scalar") return undefined;
  const text = typeof node.value === "number" || typeof node.value === "bigint" ? String(node.value) : node.value;
  return typeof text === "string" && text.length > 0 && text.length <= 200 ? text : undefined;
}

/** The dict that the first of the readers finds, as Flask-Session goes about it. */
function firstDict(payload: Uint8Array, readers: readonly ((payload: Uint8Array) => Node)[]): Dict {
  for (const reader of readers) {
    let node: Node;
    try {
      node = reader(payload);
    } catch {
      continue;
    }
    return asDict(node);
  }
  throw new SyntaxError("neither MessagePack nor JSON nor a pickle of harmless types");
}

function asDict(node: Node): Dict {
  if (node.kind === "dict") return node;
  throw new TypeError("not a session: the payload holds no dict");
}
