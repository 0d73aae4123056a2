/** The native format: one JSON text, a small envelope around the application's data. */

import type { Format, Meta } from "../contracts/format.ts";
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
    encode: ({ data, meta }) =>
      `{"sojourn":1,"meta":${JSON.stringify(meta)},"data":${stringify(data, "session.data")}}`,
    decode(payload) {
      if (typeof payload !== "string") throw new TypeError("not a text");
      const { sojourn, data, meta } = parse(payload) as { sojourn: unknown; data: unknown; meta: unknown };
      if (sojourn !== 1 || !isObject(data) || !isObject(meta) || !isMeta(meta)) throw new TypeError("not a session");
      return { data: data as Record<string, unknown>, meta };
    },
    encodeValue: stringify,
  };
}

/** A plain object: what is there may also be an array, a Map, a Date. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const types: Record<keyof Meta, string> = {
  handle: "string",
  created: "number",
  renewed: "number",
  authenticated: "number",
  idle: "number",
  subject: "string",
  persistent: "boolean",
  generation: "string",
  epoch: "string",
  unseen: "boolean",
  seen: "number",
};

// What a later version adds to the envelope is kept: nodes of two versions run side by side during a deployment.
function isMeta(meta: object): meta is Meta {
  for (const [key, value] of Object.entries(meta)) {
    if (!Object.hasOwn(types, key)) continue;
    if (typeof value !== types[key as keyof Meta]) return false;
    if (typeof value === "number" && !Number.isFinite(value)) return false;
  }
  return true;
}
