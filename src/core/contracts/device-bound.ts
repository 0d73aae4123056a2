/** The contract of device binding: what the core asks of the option `deviceBound`. Types only. */

import type { Meta } from "./format.ts";
import type { Found, Late } from "./records.ts";

/** Method, URL and headers of a request. A fetch `Request` fits as it is. */
export interface RequestHead {
  readonly method?: string | undefined;
  /** The whole URL, or path and query. */
  readonly url?: string | undefined;
  readonly headers: { get(name: string): string | null | undefined };
}

/** The headers of a response. */
export interface ResponseHead {
  get(name: string): string | null | undefined;
  append(name: string, value: string): void;
}

/** What the sessions answer themselves, before any handler. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** The value of the option `deviceBound`: see `sojourn/device-bound`. */
export interface DeviceBinding {
  /** @internal Called once, with what all requests of the sessions have in common. `undefined`: browsers cannot bind these sessions, and a warning has said why. */
  use(core: never): Binder | undefined;
}

/** Binds the sessions of one manager. */
export interface Binder {
  /** What is noted of a session that logs in: the browser may bind it now. */
  begin(): NonNullable<Meta["bound"]>;
  /**
   * Judges a session that was found by its cookie. Gives it back, or {@link Late} when the request lacks the proof of
   * its browser: the handler then finds no session, and no other one takes the place of the client's cookie.
   */
  judge(found: Found, cookie: string | null | undefined, head: RequestHead | undefined): Promise<Found | Late>;
  /** Adds what the response to a login (`bound`: what was noted) or to the end of a session (`undefined`) needs. */
  write(headers: ResponseHead, bound: Meta["bound"], cookie: string | null | undefined): void;
  /** The function that answers this request, if the sessions answer it themselves. */
  answerTo(head: RequestHead, cookie: string | null | undefined): (() => Promise<OwnAnswer>) | undefined;
  /** The same for a fetch `Request`. */
  handle(request: Request): Promise<Response | undefined>;
}
