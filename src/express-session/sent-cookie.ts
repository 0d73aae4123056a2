/** The cookie of one response: whether it is sent, and with which attributes. */

import { type Cookie, serialize } from "./cookie.ts";
import type { Rules } from "./rules.ts";
import { type ExpressRequest, resetMaxAge, type Session } from "./session.ts";
import type { Shared } from "./shared.ts";
import { type ExpressSecret, sign } from "./signature.ts";

/** What the session of a request needs of its response. */
export interface Answering {
  /** Whether the application answers with an error. */
  isError(): boolean;
  /** What the application hears of that comes too late for the response. */
  tell(error: unknown): void;
}

/** The cookie of one response. */
export class SentCookie {
  /** None is sent: the session could not be saved, or ended in another request. */
  withheld = false;
  /** It is sent, since how long it lasts has changed. */
  wanted = false;
  /** Of a session that this request has ended. */
  destroyed: Cookie | undefined;
  readonly #shared: Shared;
  readonly #secret: ExpressSecret;
  readonly #answering: Answering;
  #touched = false;

  constructor(shared: Shared, secret: ExpressSecret, answering: Answering) {
    this.#shared = shared;
    this.#secret = secret;
    this.#answering = answering;
  }

  /** Its lifetime begins again, once in a request. */
  touch(session: Session): void {
    if (!this.#touched) resetMaxAge(session);
    this.#touched = true;
  }

  /** The `Set-Cookie` value, decided when the headers are about to leave. */
  line(req: ExpressRequest, rules: Rules): string | undefined {
    const { options, core } = this.#shared;
    const { session, sessionID } = req;
    if (this.withheld) return undefined;
    if (!session) return this.#removal(rules);
    if (typeof sessionID !== "string" || !(this.wanted || rules.shouldSetCookie(session, sessionID))) return undefined;
    if (session.cookie.secure && !options.isSecure(req)) {
      core.config.warn(insecure(options.name));
      return undefined;
    }
    this.touch(session);
    return this.#line(sign(sessionID, this.#secret), session.cookie);
  }

  #removal({ cookieId }: Rules): string | undefined {
    const gone = this.destroyed;
    if (!gone || cookieId === undefined || !this.#shared.options.clearCookie) return undefined;
    gone.expires = new Date(0);
    return this.#line("", gone);
  }

  #line(value: string, cookie: Cookie): string | undefined {
    try {
      return serialize(this.#shared.options.name, value, cookie.data);
    } catch (error) {
      this.#answering.tell(error);
      return undefined;
    }
  }
}

function insecure(name: string): string {
  return (
    `the cookie "${name}" was not sent: it is secure, and the request came over plain http. Behind a proxy that ends ` +
    'https, set app.set("trust proxy", 1) or the option proxy: true; for development over http, set cookie: { secure: "auto" }.'
  );
}
