/** The native format: one JSON text, a small envelope around the application's data. */

import type { Content, Format, Meta } from "./format.ts";
import { parse, stringify } from "./values.ts";

/**
 * JSON that also keeps Date, Map, Set, BigInt, URL and Uint8Array. The default.
 *
 * ```json
 * {"sojourn":1,"handle":"h3hJ…","created":1790000000000,"subject":"42","data":{"cart":["tea"]}}
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
    encode: ({ data, meta }) => `${envelope(meta)},"data":${stringify(data, "session.data")}}`,
    decode(payload) {
      if (typeof payload !== "string") throw new TypeError("not a text");
      const { sojourn, data, ...meta } = parse(payload) as Meta & { sojourn: unknown; data: object };
      if (sojourn !== 1 || typeof data !== "object" || data === null || Array.isArray(data) || !isMeta(meta)) {
        throw new TypeError("not a session");
      }
      return { data: withoutPrototype(data), meta } satisfies Content;
    },
    encodeValue: stringify,
  };
}

function envelope(meta: Meta): string {
  const text = JSON.stringify(meta);
  return text === "{}" ? '{"sojourn":1' : `{"sojourn":1,${text.slice(1, -1)}`;
}

/** The same properties on an object without prototype, where every key is just a string. */
export function withoutPrototype(object: object): Record<string, unknown> {
  return Object.assign(Object.create(null), object);
}

const types: Record<keyof Meta, string> = {
  handle: "string",
  created: "number",
  renewed: "number",
  authenticated: "number",
  subject: "string",
  persistent: "boolean",
  unseen: "boolean",
  seen: "number",
};

// What a later version adds to the envelope is kept: nodes of two versions run side by side during a deployment.
function isMeta(meta: object): meta is Meta {
  for (const key in meta) {
    if (Object.hasOwn(types, key) && typeof meta[key as never] !== types[key as keyof Meta]) return false;
  }
  return true;
}
