/** The format contract: how a session becomes a payload and comes back. Types only. */

import type { MaybePromise } from "../bytes/bytes.ts";

/** An encoded session as a store keeps it. */
export type Payload = string | Uint8Array;

/**
 * What the library itself knows of a session, beside the application's data. All instants in epoch milliseconds.
 * `record/meta.ts` says for each field what becomes of it when requests meet.
 */
export interface Meta {
  /** The public name of the session, for logs and device lists. Absent where a foreign format has no room for it. */
  handle?: string;
  /** When the session began; the absolute timeout counts from here. */
  created?: number;
  /** When its id was made; `renewAfter` counts from here. */
  renewed?: number;
  /** When the user last proved who they are: a login, or a confirmation. */
  authenticated?: number;
  /** Its place among the logins of its subject, where a clock that was ahead gave an earlier one a later time. For `limit`. */
  order?: number;
  /** How the user proved it, and when each was last shown. */
  methods?: Readonly<Record<string, number>>;
  /** Who is logged in. */
  subject?: string;
  /** How long it lives unused, in milliseconds, where its login or the record of another program says so. */
  idle?: number;
  /** How long it lives however busy it is, in milliseconds, where its login says so. */
  absolute?: number;
  /** What the option `describe` noted of the device at login. */
  device?: Readonly<Record<string, unknown>>;
  /** What the user calls the device. */
  label?: string;
  /** What binds it to a browser, as the option `deviceBound` notes it: a key, or the challenge to show one. */
  bound?: Readonly<Record<string, unknown>>;
  /** The administrator who acts as the subject, and their own session: its handle, and the key of its record. */
  actor?: { readonly subject: string; readonly handle: string; readonly key?: string };
  /** Whether the session's cookie outlives the browser. */
  persistent?: boolean;
  /** Set by a renewal in passing (`renewAfter`); removed when the new id is first seen. Until then the old id is kept alive. */
  unseen?: true;
  /** Of a session kept in a cookie: which of its ids this is. When it gets a new one, cookies with another are refused. */
  generation?: string;
  /** The epoch of its subject when it logged in: the mark of the last revocation before that. Absent where there was none. */
  epoch?: string;
  /** The mark of everybody when it began or logged in, with the option `everybody`: those with an earlier one are over. Absent: 0. */
  era?: number;
  /** When the new id of a renewal in passing was first seen; the old id ends a grace period later. */
  seen?: number;
}

/**
 * A session as a format sees it. `data` is a plain object: of its keys only those of its own count (`Object.keys`,
 * `Object.hasOwn`), whatever their names; `decode` sets `__proto__` with `Object.defineProperty`.
 */
export interface Content {
  data: Record<string, unknown>;
  meta: Meta;
}

/** A session whose data is decoded on first use. That throws what `decode` would have thrown. */
export interface LazyContent extends Content {
  /**
   * The payload of `content`, which came of this one: the very payload it was decoded from when nothing changed. Reads
   * its data only where they were decoded here: what was never decoded cannot have changed.
   */
  encode(content: Content): Payload;
}

/**
 * Turns sessions into payloads and back. Pure and deterministic: the same content gives the same payload, and
 * encoding what was decoded gives back the payload, so that "encodes equal" means "unchanged".
 */
export interface Format {
  /** A word for error messages: `"json"`, `"flask-session"`. */
  readonly name: string;
  /**
   * The payload of a session. Throws `SessionError` `ERR_SESSION_NOT_STORABLE`, naming the path, for what it cannot keep.
   *
   * @param baseline The payload this content was decoded from, for formats that keep unchanged parts byte for byte.
   */
  encode(content: Content, baseline?: Payload): Payload;
  /**
   * The session in a payload. Throws any error when the payload is not a session: the request then has no session, and
   * an event reports it. The user never sees an error page.
   */
  decode(payload: Payload): Content;
  /** Like `decode`, but decodes the data on first use: most requests only need the subject. */
  decodeLazily?(payload: Payload): Content | LazyContent;
  /** One value encoded, to compare two of them. `path` is for the message of `ERR_SESSION_NOT_STORABLE`. */
  encodeValue(value: unknown, path: string): Payload;
  /** The payload with the record's expiry in it, for formats that keep it there too. Called for each write, before `wrap`. */
  dated?(payload: Payload, expiresAt: number): Payload;
  /** The last step before the store, such as encryption. The result is bound to the record's key and expiry (epoch milliseconds). */
  wrap?(payload: Payload, key: string, expiresAt?: number): MaybePromise<Payload>;
  /**
   * The reverse of `wrap`. Throws, or rejects, when the payload was wrapped for another key, or for an earlier expiry
   * than `expiresAt`.
   */
  unwrap?(payload: Payload, key: string, expiresAt?: number): MaybePromise<Payload>;
  /**
   * Which secret opens a record. `at` is its position: 0 is the one that `wrap` uses, `null` means none. `of` is the
   * number of secrets. For `sojourn secrets`.
   */
  openedBy?(payload: Payload, key: string): MaybePromise<{ readonly at: number | null; readonly of: number }>;
  /**
   * True when the payload is bound to the record's expiry and subject: a record whose stored expiry or subject
   * differs is refused. Extending the expiry then needs a write of the whole record. Default false.
   */
  readonly binds?: boolean;
  /** Whether the other program treats this payload as no session: then record and cookie are removed. */
  isNothing?(payload: Payload): boolean;
  /**
   * True when another program reads the same records. The library then writes only sessions among them, so `renewAfter`
   * is not possible.
   */
  readonly foreign?: boolean;
}
