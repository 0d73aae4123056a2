/** Encryption of payloads at rest, around any format. */

import { type Aead, aes256Gcm } from "#crypto";
import { andThen, base64url, fromBase64url, fromUtf8, type MaybePromise, utf8 } from "../bytes/bytes.ts";
import { keyRing, type Secrets } from "../bytes/keys.ts";
import { unmarked, witnessOf } from "../bytes/witness.ts";
import { firstThat } from "../client/token.ts";
import type { Format, Payload } from "../contracts/format.ts";
import { set } from "./own-keys.ts";

const text = 1;
const bytes = 2;
/** In front of kind and payload: kind 3, and the expiry as float64. Records of before have the two others only. */
const bound = 3;
const head = 9;

/**
 * Encrypts the payload of another format with AES-256-GCM, so that a stolen copy of the store shows nothing. The
 * payload is bound to the record's key, subject and expiry: an attacker who can write to the store cannot move it to
 * another key, extend it or hide it from `revoke`. So to extend the expiry, the whole record is written. The first
 * secret encrypts, all decrypt. If no secret decrypts a record, or it was never encrypted, the request has no session,
 * and an event reports it. If a record was encrypted with a secret that this process does not have yet, that is
 * `ERR_SESSION_UNREADABLE`, and the record stays unchanged.
 *
 * @param format What to encrypt, usually `jsonFormat()`.
 * @param secrets At least 32 characters each, the newest first. A `TypeError` otherwise.
 * @example
 * ```ts
 * import { createSessions, encrypted, jsonFormat } from "sojourn";
 *
 * const secrets = ["the new secret, 32 characters or more", "the old secret, 32 characters or more"];
 * const sessions = createSessions({ format: encrypted(jsonFormat(), secrets) });
 * ```
 */
export function encrypted(format: Format, secrets: Secrets): Format {
  const name = "encrypted(format, secrets)";
  const ring = keyRing(name, secrets, "record encryption", aes256Gcm);
  const witness = witnessOf(name, secrets, "record encryption");

  function open(payload: Payload, key: string) {
    const marked = unmarked(typeof payload === "string" ? payload : "");
    const body = marked.text.startsWith("sealed.") ? fromBase64url(marked.text.slice(7)) : null;
    if (!body) return null;
    const found: MaybePromise<{ plain: Uint8Array; at: number } | null> = firstThat(ring(), (aead, at) =>
      andThen(aead.open(body, utf8(key)), (plain) => plain && { plain, at }),
    );
    return { marked, found };
  }

  return {
    ...membersOf(format),
    name: `encrypted ${format.name}`,
    binds: true,
    openedBy(payload, key) {
      const of = typeof secrets === "string" ? 1 : secrets.length;
      return andThen(open(payload, key)?.found ?? null, (found) => ({ at: found?.at ?? null, of }));
    },
    wrap(payload, key, expiresAt) {
      const inner = format.wrap?.(payload, key, expiresAt) ?? payload;
      const sealed = andThen(inner, (plain) => andThen(ring(), ([aead]) => seal(aead as Aead, plain, key, expiresAt)));
      return andThen(sealed, (body) => witness.mark(`sealed.${base64url(body)}`, key));
    },
    unwrap(payload, key, expiresAt) {
      const opened = open(payload, key);
      if (!opened) throw new TypeError("not encrypted");
      const plain = andThen(opened.found, (found) => found?.plain ?? witness.refuse(opened.marked, key));
      return andThen(plain, (found) => {
        const inner = withoutKind(inTime(found, expiresAt));
        return format.unwrap?.(inner, key, expiresAt) ?? inner;
      });
    },
  };
}

/** All that a format has, also what it inherits from its class; its functions still see the format as `this`. */
function membersOf(format: Format): Format {
  const members: Record<string, unknown> = {};
  for (let at: object = format; at !== null && !Object.hasOwn(at, "isPrototypeOf"); at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (Object.hasOwn(members, name) || name === "constructor") continue;
      const member: unknown = Reflect.get(format, name);
      set(members, name, typeof member === "function" ? member.bind(format) : member);
    }
  }
  return members as unknown as Format;
}

function seal(aead: Aead, payload: Payload, key: string, expiresAt: number | undefined): MaybePromise<Uint8Array> {
  const body = typeof payload === "string" ? utf8(payload) : payload;
  const at = expiresAt === undefined ? 0 : head;
  const marked = new Uint8Array(at + 1 + body.length);
  if (expiresAt !== undefined) {
    marked[0] = bound;
    new DataView(marked.buffer).setFloat64(1, expiresAt);
  }
  marked[at] = typeof payload === "string" ? text : bytes;
  marked.set(body, at + 1);
  return aead.seal(marked, utf8(key));
}

/** Removes the sealed expiry. Throws if `expiresAt` is later than it. */
function inTime(plain: Uint8Array | null, expiresAt = Number.NEGATIVE_INFINITY): Uint8Array | null {
  if (plain?.[0] !== bound) return plain;
  const ends = new DataView(plain.buffer, plain.byteOffset).getFloat64(1);
  if (!(expiresAt <= ends)) throw new TypeError("sealed for an earlier end");
  return plain.subarray(head);
}

function withoutKind(plain: Uint8Array | null): Payload {
  if (plain?.[0] === text) return fromUtf8(plain.subarray(1));
  if (plain?.[0] === bytes) return plain.slice(1);
  throw new TypeError("no secret opens it");
}
