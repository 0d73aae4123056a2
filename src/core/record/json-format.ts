/** The native format: one JSON text, a small envelope around the application's data. */

import type { Content, Format, LazyContent, Meta, Payload } from "../contracts/format.ts";
import { isMeta, sameMeta } from "./meta.ts";
import { parse, stringify } from "./values.ts";

/**
 * JSON that also keeps Date, Map, Set, BigInt, URL and Uint8Array. The default.
 *
 * ```json
 * {"sojourn":1,"meta":{"handle":"h3hJ…","created":1790000000000,"subject":"42"},"data":{"cart":["tea"]}}
 * ```
 *
 * @example
 * ```ts
 * import { createSessions, encrypted, jsonFormat } from "sojourn";
 *
 * const sessions = createSessions({ format: encrypted(jsonFormat(), "a secret of at least 32 characters, from the environment") });
 * ```
 */
export function jsonFormat(): Format {
  return {
    name: "json",
    encode,
    decode,
    decodeLazily(payload) {
      // An application's format may be this one with an encoding of its own.
      if (this.encode !== encode || this.decode !== decode) return this.decode(payload);
      if (typeof payload !== "string" || !payload.startsWith(head) || !payload.endsWith("}}")) return decode(payload);
      const at = payload.indexOf(between, head.length);
      const meta = at === -1 ? undefined : metaIn(payload.slice(head.length - 1, at + 1));
      return meta ? new Unopened(payload, at + between.length - 1, meta) : decode(payload);
    },
    encodeValue: stringify,
  };
}

const head = '{"sojourn":1,"meta":{';
/** Where meta ends and data begin. It cannot stand in a JSON text, which escapes its quotes. */
const between = '},"data":{';

function envelope(meta: Meta, data: string): string {
  return `{"sojourn":1,"meta":${JSON.stringify(meta)},"data":${data}}`;
}

function encode({ data, meta }: Content): string {
  return envelope(meta, stringify(data, "session.data"));
}

function decode(payload: Payload): Content {
  if (typeof payload !== "string") throw new TypeError("not a text");
  const { sojourn, data, meta } = parse(payload) as { sojourn: unknown; data: unknown; meta: unknown };
  if (sojourn !== 1 || !isObject(data) || !isObject(meta) || !isMeta(meta)) throw new TypeError("not a session");
  return { data: data as Record<string, unknown>, meta };
}

/** The meta in its text. `undefined` when that is not all of it: then the whole payload is decoded. */
function metaIn(text: string): Meta | undefined {
  try {
    const meta = parse(text, 1);
    return isObject(meta) && isMeta(meta) ? meta : undefined;
  } catch {
    return undefined;
  }
}

/** A session of which the meta is decoded, and the data on first use. */
class Unopened implements LazyContent {
  readonly meta: Meta;
  readonly #payload: string;
  /** Where the text of the data begins. */
  readonly #at: number;
  readonly #text: string;
  readonly #before: Meta;
  #data: Record<string, unknown> | undefined;

  constructor(payload: string, at: number, meta: Meta) {
    this.meta = meta;
    this.#before = { ...meta };
    this.#payload = payload;
    this.#at = at;
    this.#text = payload.slice(at, -1);
  }

  get data(): Record<string, unknown> {
    this.#data ??= this.#decoded();
    return this.#data;
  }

  #decoded(): Record<string, unknown> {
    try {
      const data = parse(this.#text, 1);
      if (isObject(data)) return data as Record<string, unknown>;
    } catch {}
    // A later version may have added to the envelope, behind the data.
    return decode(this.#payload).data;
  }

  encode(content: Content): Payload {
    const text = this.#data ? stringify(content.data, "session.data") : this.#text;
    if (!sameMeta(content.meta, this.#before)) return envelope(content.meta, text);
    return text === this.#text ? this.#payload : `${this.#payload.slice(0, this.#at)}${text}}`;
  }
}

/** A plain object: what is there may also be an array, a Map, a Date. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
