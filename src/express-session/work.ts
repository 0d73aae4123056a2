/** The record of one request under the drop-in: when it is written, and how long it lasts, by the rules of express-session. */

import { isDate } from "../core/bytes/bytes.ts";
import { SessionError } from "../core/contracts/errors.ts";
import type { Meta } from "../core/contracts/format.ts";
import type { Incoming } from "../core/contracts/incoming.ts";
import type { Found } from "../core/contracts/records.ts";
import type { LoginOptions } from "../core/contracts/session-options.ts";
import { set } from "../core/record/own-keys.ts";
import { Work } from "../core/save/commit.ts";
import type { LoginNotes } from "../core/save/login.ts";
import type { Facts, Plan, Step } from "../core/save/plan.ts";
import type { RecordSession } from "../core/save/record-session.ts";
import { draftOf } from "../core/save/steps.ts";
import { Cookie } from "./cookie.ts";
import { isPersistent, subjectIn, withSubject } from "./format.ts";
import { asRecord, cookieFingerprint, type ExpressRequest, fingerprint, type Session } from "./session.ts";
import type { Shared } from "./shared.ts";

/** A request's record, and the `Session` that handlers hold of it: the session is the record's data. */
export class ExpressWork extends Work {
  readonly cookie: Cookie;
  /** Who was logged in when this was last looked at. */
  subject: string | undefined;
  /** It is to be written, whether or not it changed. */
  wanted = false;
  /** What was last written in this request. */
  saved: string | undefined;
  /** The id it got from `login` or `regenerate` of sojourn's own session. */
  renewedId: string | undefined;
  /** What `sessions.get(request)` gives. */
  native: RecordSession | undefined;
  readonly #shared: Shared;
  readonly #session: Session;
  readonly #loaded: string;
  readonly #loadedCookie: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(shared: Shared, incoming: Incoming, session: Session, found: Found | null) {
    const meta = { persistent: isPersistent(session.cookie), ...found?.content?.meta };
    super(shared.core, incoming, found, 0, { data: asRecord(session), meta });
    this.#shared = shared;
    this.#session = session;
    this.cookie = session.cookie;
    this.#keepCookie();
    this.subject = meta.subject;
    this.#loaded = fingerprint(session);
    this.#loadedCookie = cookieFingerprint(session.cookie);
  }

  /** What clears the data leaves the cookie: it is none of them, though it stands among them. */
  #keepCookie(): void {
    const { state } = this;
    const clear = state.clear.bind(state);
    state.clear = () => {
      const { cookie } = this.#session;
      clear();
      this.#session.cookie = cookie;
    };
  }

  /** The cookie may have been removed or replaced; who is logged in may have been said by either of the two ways. */
  settle(): void {
    const session = this.#session;
    const { subjectPath } = this.#shared.options;
    session.cookie = cookieIn(session, this.cookie);
    const { meta } = this.state;
    const named = subjectIn(session, subjectPath);
    if (meta.subject !== undefined && meta.subject !== this.subject && meta.subject !== named) {
      const [key] = subjectPath as [string];
      set(session, key, withSubject(asRecord(session), meta.subject, subjectPath)[key]);
    } else if (named !== undefined) meta.subject = named;
    else delete meta.subject;
    this.subject = meta.subject;
    const isLong = isPersistent(session.cookie);
    const { persistence, takenOver } = this.state.marks;
    // A cookie that the handler itself made last is left so.
    if ((persistence || takenOver) && (meta.persistent ?? isLong) !== isLong)
      session.cookie.maxAge = meta.persistent ? this.#shared.options.ttl : null;
  }

  override onLogin(subject: string, options: LoginOptions<never>): LoginNotes {
    const { options: own, core } = this.#shared;
    if (
      own.guessesSubject &&
      subjectIn(this.#session, own.subjectPath) === undefined &&
      !hasPassport(this.#session.req)
    )
      core.config.warn(
        "session.login() writes the user to passport.user, and this application does not seem to use passport: routes " +
          'that look elsewhere see a guest. Say where it keeps the user, such as subjectKey: "userId"; ' +
          'subjectKey: "passport.user" if it is there.',
      );
    return super.onLogin(subject, options);
  }

  override async save(): Promise<boolean> {
    const saving = this.#save();
    this.#last = saving.catch(() => {});
    return saving;
  }

  async #save(): Promise<boolean> {
    const saved = await super.save();
    this.wanted = false;
    if (saved && !this.state.destroyed) this.saved = this.whole();
    return saved;
  }

  /** All that a save writes, except for when the cookie expires. */
  whole(): string {
    return fingerprint(this.#session) + cookieFingerprint(this.#session.cookie);
  }

  /** Waits for the save in flight. */
  settled(): Promise<unknown> {
    return this.#last;
  }

  override plan(facts: Facts): Plan {
    const step = this.#step(facts);
    if (facts.readOnly && step !== "none") {
      const asked = facts.destroyed || facts.regenerated || fingerprint(this.#session) !== this.#loaded;
      return { step: asked ? step : "none", cookie: "keep", impossible: asked && "read-only" };
    }
    return { step, cookie: "keep", impossible: false };
  }

  #step({ exists, destroyed, regenerated }: Facts): Step {
    if (destroyed) return exists ? "delete" : "none";
    if (!this.wanted && !regenerated && fingerprint(this.#session) === this.#loaded) return "none";
    if (!exists) return "create";
    return regenerated ? "rename" : "update";
  }

  override expiresAt(now: number, _meta: Meta): number {
    const { expires } = this.#session.cookie;
    const end = isDate(expires) ? expires.valueOf() : Number.NaN;
    return Number.isNaN(end) ? now + this.#shared.options.ttl : end;
  }

  override logOut(): never {
    const message =
      "session.logout() leaves a guest's session, and express-session makes its own: call req.session.destroy() or regenerate()";
    throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
  }

  override newId(): string {
    if (!this.found) return this.#session.id;
    this.renewedId ??= this.#shared.options.genid(this.#session.req);
    return this.renewedId;
  }

  /** Moves the expiry. False when the session has ended elsewhere. */
  async touch(): Promise<boolean> {
    const { found, core } = this;
    if (!found) return true;
    const now = core.config.now();
    const expiresAt = this.expiresAt(now, this.state.meta);
    if (this.#shared.ours) {
      if (cookieFingerprint(this.#session.cookie) !== this.#loadedCookie) return this.#rewrite();
      const ahead = expiresAt - found.expiresAt;
      // A store's touch moves an expiry later only.
      if (ahead < 0) return this.#rewrite();
      if (ahead < Math.min(60_000, (expiresAt - now) / 20)) return true;
    }
    const { draft } = draftOf(this, "touch", found.payload);
    const touched = await core.records.touch(found.place, draft);
    if (!touched) this.ended = true;
    return touched !== null;
  }

  #rewrite(): Promise<boolean> {
    this.wanted = true;
    return this.save();
  }
}

/** The session's cookie. A plain object in its place says what is to be otherwise: `req.session.cookie = { maxAge: 60_000 }`. */
function cookieIn({ cookie }: { readonly cookie: unknown }, before: Cookie): Cookie {
  if (typeof cookie !== "object" || cookie === null) return before;
  if ("data" in cookie) return cookie as Cookie;
  const { path, httpOnly, secure, domain, sameSite, partitioned, priority } = before;
  return new Cookie({ path, httpOnly, secure, domain, sameSite, partitioned, priority, ...cookie });
}

/** Its middleware, in whatever version, gives requests this method. */
function hasPassport(req: ExpressRequest & { readonly isAuthenticated?: unknown }): boolean {
  return typeof req.isAuthenticated === "function";
}
