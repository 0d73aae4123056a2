/** What Flask-Session keeps under a key: MessagePack or JSON, and older records in pickle. */

import { fromUtf8, isBytes, utf8 } from "../core/bytes/bytes.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import type { Format, Payload } from "../core/contracts/format.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { readJson, writeJson } from "./json.ts";
import { Lowering } from "./lower.ts";
import { readMsgpack } from "./msgpack/read.ts";
import { writeMsgpack } from "./msgpack/write.ts";
import { readPickled } from "./pickled.ts";
import {
  checkSubjectOptions,
  contentOf,
  entriesOf,
  isNothing,
  type Kind,
  type SubjectOptions,
} from "./session-dict.ts";
import { checkReadable, naming, Refusal } from "./storable.ts";
import { type Dict, isTruthy, type Node, toValue } from "./tree.ts";

/** Options of {@link flaskFormat}. */
export interface FlaskFormatOptions extends SubjectOptions {
  /**
   * How sessions are written: `SESSION_SERIALIZATION_FORMAT`. Default `"msgpack"`. sojourn reads both formats.
   */
  readonly format?: "msgpack" | "json" | undefined;
  /** Whether to read records in pickle, through a list of harmless types. The next save writes them in `format`. Default true. */
  readonly legacyPickle?: boolean | undefined;
}

const kind: Kind<Node> = {
  isTruthy,
  simple: (node) =>
    node.kind === "scalar" && ["string", "number", "bigint"].includes(typeof node.value)
      ? (node.value as string | number | bigint)
      : undefined,
};

/**
 * The records of Flask-Session 0.7 and later. `_permanent` is `session.persistent`; all else is `session.data`.
 *
 * Unchanged values are written back byte for byte, with their whole floats, microseconds, key order and encodings. A
 * changed value is written as `msgspec` would write it: whole numbers as int, others as float, Date as datetime,
 * Uint8Array as bytes, Set as list, Map as dict with keys of any kind; `undefined` is left out.
 *
 * A record in another format than `format` stays as it is until the session is changed. Then the whole record is
 * rewritten.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskFormat } from "sojourn/flask";
 *
 * const sessions = createSessions({ format: flaskFormat({ format: "json" }), absoluteTimeout: false });
 * ```
 */
export function flaskFormat(options: FlaskFormatOptions = {}): Format {
  checkKnown("flaskFormat", options, ["format", "legacyPickle", "subjectKey", "subjectType"]);
  const { format = "msgpack", legacyPickle = true } = options;
  if (format !== "msgpack" && format !== "json") throw wrongArgument("format", '"msgpack" or "json"', format);
  checkSubjectOptions(options);
  if (typeof legacyPickle !== "boolean") throw wrongArgument("legacyPickle", "true or false", legacyPickle);

  const json = (payload: Uint8Array): Node => readJson(fromUtf8(payload));
  const readers = format === "json" ? [json, readMsgpack] : [readMsgpack, json];
  if (legacyPickle) readers.push(readPickled);
  // A request reads a payload, and at its end looks what changed. Then it is let go: a store may keep the payload.
  const read = new WeakMap<Uint8Array, Dict>();

  function dictIn(payload: Payload): Dict {
    if (typeof payload === "string") return asDict(readJson(payload));
    const known = read.get(payload);
    if (known) return known;
    const dict = firstDict(payload, readers);
    read.set(payload, dict);
    return dict;
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

  /** How to write a session: in the other format if Flask used that and this format cannot express a value, since the session could not change otherwise. */
  function writerAfter(was: Dict | undefined): (node: Node) => Payload {
    if (!was || !isRefused(() => write(was))) return write;
    return isRefused(() => writeOther(was)) ? write : writeOther;
  }

  return {
    name: `flask-session ${format}`,
    foreign: true,
    decode: (payload) => contentOf(dictIn(payload).entries, kind, ([, value]) => toValue(value), options),
    encode(content, baseline) {
      const was = baseline === undefined ? undefined : dictIn(baseline);
      if (isBytes(baseline)) read.delete(baseline);
      return naming("session.data", () => {
        const lowering = new Lowering(content.data);
        const entries = entriesOf(content, was?.entries, kind, lowering, options);
        if (was && entries === was.entries) return baseline as Payload;
        const payload = writerAfter(was)({ kind: "dict", entries, at: undefined });
        checkReadable(lowering.values, () => (typeof payload === "string" ? readJson(payload) : readMsgpack(payload)));
        return typeof payload === "string" && typeof baseline !== "string" ? utf8(payload) : payload;
      });
    },
    isNothing: (payload) => isNothing(dictIn(payload).entries.keys()),
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
