/** The contract of adopters, which hand over the sessions of another library. Types only. */

import type { Events } from "./events.ts";
import type { Format } from "./format.ts";
import type { Found, Late } from "./records.ts";

/**
 * Hands over sessions that another library began, once each. Make one with a function of `sojourn/adopt/…`, or with
 * `adopter` of `sojourn/adopt` for a cookie of your own.
 */
export interface Adopter {
  /** The library it comes from, for events and messages. */
  readonly name: string;
  /** @internal The session that a `Cookie` header leads to; `null` when there is none. What the header holds makes it neither throw nor reject. */
  find(header: string, desk: AdoptionDesk): Promise<Found | Late | null>;
}

/** What an adopter needs of the application's sessions. */
export interface AdoptionDesk {
  /** What keys of this application's sessions begin with. */
  readonly prefix: string;
  readonly format: Format;
  readonly events: Events;
  /** Whether the cookie of a new session outlives the browser. */
  readonly persistent: boolean;
  now(): number;
  /** When a session that begins now ends, if it is not used. */
  expiresAt(): number;
  /** What a mark under a key leads to: the session that was made of the old one, or `null` after its end. `undefined`: there is no mark. */
  marked(key: string): Promise<Found | Late | null | undefined>;
  /** Whether sessions of the subject have been revoked: then none of before is adopted. */
  isRevoked(subject: string): Promise<boolean>;
  /** Whether one more session of the subject is within the limit; the one with the handle is not counted. */
  hasRoom(subject: string, handle: string): Promise<boolean>;
  /** A call to the old library's store, in bounded time. */
  limited<T>(name: string, call: () => Promise<T>): Promise<T>;
}
