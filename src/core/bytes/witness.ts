/** Marks that tell a text sealed with a secret that is still to come from one that is damaged or forged. */

import { hmacSha256 } from "#crypto";
import { SessionError } from "../contracts/errors.ts";
import { andThen, base64url, equalBytes, fromBase64url, type MaybePromise, utf8 } from "./bytes.ts";
import { keyRing, type Secrets } from "./keys.ts";

/** A text as it travels: what was sealed, and the mark behind it, if there is one. */
export interface Marked {
  readonly text: string;
  readonly minute: string;
  readonly mark: string;
}

/**
 * While two secrets are known, the second vouches for what the first sealed. A process that has only the second cannot
 * open it, and knows by the mark that a process which has its secret too made it: a secret that it does not have yet.
 * Without the secret a mark cannot be made. With one secret there is none.
 */
export interface Witness {
  /** The text and its mark. `context` is what the seal is bound to. */
  mark(text: string, context: string): MaybePromise<string>;
  /**
   * What to answer for a text that no secret opens: `null`, or an `ERR_SESSION_UNREADABLE` when it was sealed with a
   * secret that is still to come. A mark from before this process began, and over an hour old, is that of a secret which
   * was dropped.
   */
  refuse(marked: Marked, context: string): MaybePromise<null>;
}

const shape = /^(.*)~([0-9a-z]{1,9})\.([A-Za-z0-9_-]{16})$/s;
const minuteLasts = 60_000;
/** How long a secret may take to reach every process, also one that was started with the old ones. */
const rollout = 3_600_000;

/** Takes the mark off a text. */
export function unmarked(sealed: string): Marked {
  const [, text = sealed, minute = "", mark = ""] = shape.exec(sealed) ?? [];
  return { text, minute, mark };
}

/** The witness of a ring of secrets. */
export function witnessOf(name: string, secrets: Secrets, purpose: string): Witness {
  const ring = keyRing(name, secrets, `${purpose} witness`, hmacSha256);
  const isAlone = typeof secrets === "string" || secrets.length < 2;
  // Workers have no time before the first request.
  let began: number | undefined = Date.now() || undefined;
  const message = (text: string, minute: string, context: string): Uint8Array =>
    utf8(JSON.stringify([text, minute, context]));
  return {
    mark(text, context) {
      if (isAlone) return text;
      const minute = Math.floor(Date.now() / minuteLasts).toString(36);
      return andThen(ring(), (keys) => {
        const signed = (keys[1] as (typeof keys)[0])(message(text, minute, context));
        return andThen(signed, (mac) => `${text}~${minute}.${base64url(mac.subarray(0, 12))}`);
      });
    },
    refuse({ text, minute, mark }, context) {
      const now = Date.now();
      began ??= now;
      const given = mark === "" ? null : fromBase64url(mark);
      const at = Number.parseInt(minute, 36) * minuteLasts;
      if (!given || at + minuteLasts <= Math.min(began, now - rollout)) return null;
      return andThen(ring(), (keys) => {
        const look = (from: number): MaybePromise<null> => {
          const sign = keys[from];
          if (!sign) return null;
          return andThen(sign(message(text, minute, context)), (mac) => {
            if (equalBytes(mac.subarray(0, 12), given)) throw unreadable();
            return look(from + 1);
          });
        };
        return look(0);
      });
    },
  };
}

function unreadable(): SessionError {
  const message =
    "the session was sealed with a secret that this process does not have, by a process that shares another secret with it. First " +
    "give every process the new secret after the old one, then put it first";
  return new SessionError("ERR_SESSION_UNREADABLE", message);
}
