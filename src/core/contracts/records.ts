/** The contract of records: from a token to a session's record and back. Types only; a store and a cookie keep it each in their way. */

import type { MaybePromise } from "../bytes/bytes.ts";
import type { Content, LazyContent, Meta, Payload } from "./format.ts";
import type { StoreRecord } from "./store.ts";

/** Where a record is: opaque to everyone except the {@link Records} that made it. */
export type Place = NonNullable<unknown>;

/** A live session as it was found. */
export interface Found {
  readonly place: Place;
  /** Unwrapped, as the format wrote it: the baseline for "what changed". */
  readonly payload: Payload;
  /** What the payload decodes to, as it was read. Absent after a write. */
  readonly content?: Content | LazyContent;
  readonly expiresAt: number;
  /** The token should be sent again: an old secret opened it. */
  readonly stale: boolean;
  /** The client came with the old id of a renewal whose new one it seems to have missed. */
  readonly lost: boolean;
  /** The client came with the current id. */
  readonly current: boolean;
  /** Looked for again: what moved it to another id since; of several, a login. */
  readonly moved?: Verb["by"] | undefined;
  /** Of an impersonation: the administrator's own session. */
  readonly own?: Found | undefined;
  /** Adopted: the `Set-Cookie` values that take the other library's cookie back. */
  readonly leaves?: readonly string[] | undefined;
}

/** The id was replaced or ended a moment ago: its request was in flight then, gets no session and no cookie. */
export interface Late {
  /** From where {@link Records.again} finds the session it belonged to; `undefined` where nothing does. */
  readonly late: Place | undefined;
  /** The session, when its old id was used long after the new one was seen. */
  readonly reused?: { readonly found: Found; readonly at: number };
  /** A live record of another program that this one cannot read: it stays as it is, and the client keeps its cookie. */
  readonly unreadable?: Place;
}

/** How a session gets another id. */
export interface Verb {
  readonly by: "regenerate" | "login";
  /**
   * The id at hand was given to this client while the request was in flight, and for the same user: it goes on leading to
   * the session until the newest is seen. Those before it end at once.
   */
  readonly leads: boolean;
}

/** What is to be kept. */
export interface Draft extends StoreRecord {
  readonly payload: Payload;
  /** What is encoded in the payload beside the data. */
  readonly meta: Meta;
  /** What is encoded in the payload, as the handler holds it. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The id that a new record gets, where the handler was told it before. Default: a new one. */
  readonly id?: string | undefined;
}

/** What a write answers: where the record is now, and, if that changed, the token to send. */
export interface Written {
  readonly place: Place;
  readonly token?: string;
  /** What the session is called there, where its format has no room for a name. */
  readonly handle?: string | undefined;
}

/** Keeps records and makes the tokens that lead to them. `null` everywhere: there is no such record (any more), or it was changed since. */
export interface Records {
  /** The session itself travels in the cookie: every write needs one. */
  readonly inCookie: boolean;
  /** @param lazily The data may wait until they are asked for, and turn out to be damaged then. */
  find(token: string, lazily?: boolean): Promise<Found | Late | null>;
  /** What a mark under a key leads to: see {@link AdoptionDesk}. */
  marked?(key: string): Promise<Found | Late | null | undefined>;
  /** The data of a record that was found lazily are damaged: the next request learns it at once. */
  damaged?(place: Place): void;
  /** The newest state of a record found before, wherever it is now. */
  again(place: Place): Promise<Found | null>;
  /** The session that was last under a {@link lane}, wherever it is now; `null`: it has ended. Absent where it is with its client. */
  under?(lane: string): Promise<Found | null>;
  /** Throws `ERR_SESSION_TOO_LARGE` when it cannot be kept. Keeps nothing. */
  fits(draft: Draft): Promise<void>;
  create(draft: Draft): Promise<Written | null>;
  update(place: Place, draft: Draft): Promise<Written | null>;
  touch(place: Place, draft: Draft): Promise<Written | null>;
  /** Moves it to a new id; the old one is dead, except for requests in flight that look for it {@link again}. */
  rename(place: Place, draft: Draft, verb: Verb): Promise<Written | null>;
  /** Moves it to a new id; the old one, itself first seen at `seen`, leads there until a grace period after the new one was seen. */
  renew(place: Place, draft: Draft, seen: number | undefined): Promise<Written | null>;
  /** Whether ids may be renewed in passing just now. */
  renews(): boolean;
  /** What saves of this record have in common: they take turns on it. */
  lane(place: Place): string;
  /** The place of the `newest` state that another request found or wrote, for the client that came by `place`. Default: the same. */
  beside?(place: Place, newest: Place): Place;
  /** Takes a rename back that was answered with a failure, when the store can: the session goes back under its old id. */
  undo?(from: Place, to: Place, draft: Draft): void;
  /** Ends it, wherever a parallel request has moved it. */
  remove(place: Place, subject: string | undefined): Promise<void>;
  /** Notes on a session what its records need to know of it, before it is encoded for a new id. `login`: it logged in, in that epoch. */
  stamp?(meta: Meta, login: { readonly epoch: string | undefined } | undefined): void;
  /** The token that leads to a place, to send it again; `undefined` when the client is on its way to another. */
  token(place: Place): MaybePromise<string> | undefined;
}
