/** `req.session`: its own enumerable properties are the data and `cookie`; its methods are those of express-session. Requests and stores by shape: a store of any package fits. */

import { isPromise } from "../core/bytes/bytes.ts";
import { set } from "../core/record/own-keys.ts";
import type { NodeRequest } from "../frameworks/node.ts";
import type { Cookie } from "./cookie.ts";
import type { Answer, SessionRecord } from "./shapes.ts";

/** What `regenerate` keeps: all keys, or those named. */
export interface RegenerateOptions {
  /** `true`: everything except the cookie. A list: these keys. Default: nothing, as in express-session. */
  readonly keep?: boolean | readonly string[] | undefined;
}

/** What a session's methods do. The middleware gives each of its sessions one; a session without one asks the store. */
export interface SessionActions {
  saveSession(session: Session): Promise<void>;
  reloadSession(session: Session): Promise<void>;
  destroySession(session: Session): Promise<void>;
  regenerateSession(session: Session, options: RegenerateOptions): Promise<void>;
}

const actions = new WeakMap<Session, SessionActions>();

/** A store of express-session: one from npm, or one that extends `Store`. */
export interface ExpressStore {
  get(id: string, callback: (error?: unknown, session?: SessionRecord | null) => void): unknown;
  set(id: string, session: SessionRecord, callback?: Answer): unknown;
  destroy(id: string, callback?: Answer): unknown;
  touch?(id: string, session: SessionRecord, callback?: Answer): unknown;
  on?(event: "connect" | "disconnect", listener: () => void): unknown;
  /** The middleware puts it here. */
  generate?: ((request: ExpressRequest) => void) | undefined;
  createSession?(request: ExpressRequest, session: SessionRecord): Session;
}

/** A request as the middleware changes it. */
export interface ExpressRequest extends NodeRequest {
  session?: Session | null | undefined;
  sessionID?: string | undefined;
  sessionStore?: ExpressStore | undefined;
  readonly originalUrl?: string | undefined;
  readonly secret?: string | undefined;
  readonly signedCookies?: Readonly<Record<string, unknown>> | undefined;
  readonly cookies?: Readonly<Record<string, unknown>> | undefined;
  readonly connection?: { readonly encrypted?: boolean } | undefined;
}

/** One client's session. */
export class Session {
  declare readonly id: string;
  declare readonly req: ExpressRequest;
  declare cookie: Cookie;
  declare readonly save: (callback?: Answer) => unknown;

  constructor(req: ExpressRequest, data?: object | null) {
    Object.defineProperty(this, "req", { value: req });
    Object.defineProperty(this, "id", { value: req.sessionID, configurable: true });
    if (typeof data !== "object" || data === null) return;
    for (const key in data) {
      if (!(key in this)) set(this, key, (data as Record<string, unknown>)[key]);
    }
  }
}

// Methods of express-session: not enumerable, of one parameter each (grant looks at that), replaceable.
const methods = {
  touch(this: Session): Session {
    resetMaxAge(this);
    return this;
  },
  resetMaxAge(this: Session): Session {
    resetMaxAge(this);
    return this;
  },
  save(this: Session, callback?: Answer): unknown {
    const act = actions.get(this);
    return answer(
      this,
      callback,
      act ? act.saveSession(this) : asked((done) => storeOf(this).set(this.id, asRecord(this), done)),
    );
  },
  reload(this: Session, callback?: Answer): unknown {
    const act = actions.get(this);
    return answer(this, callback, act ? act.reloadSession(this) : reloadFrom(this));
  },
  destroy(this: Session, callback?: Answer): unknown {
    Reflect.deleteProperty(this.req, "session");
    const act = actions.get(this);
    return answer(
      this,
      callback,
      act ? act.destroySession(this) : asked((done) => storeOf(this).destroy(this.id, done)),
    );
  },
  regenerate(this: Session, options?: RegenerateOptions | Answer, callback?: Answer): unknown {
    const done = typeof options === "function" ? options : callback;
    const act = actions.get(this);
    const wanted = typeof options === "object" && options !== null ? options : {};
    return answer(this, done, act ? act.regenerateSession(this, wanted) : regenerateIn(this));
  },
};

for (const [name, value] of Object.entries(methods))
  Object.defineProperty(Session.prototype, name, { value, configurable: true, enumerable: false, writable: true });

/** Ties a session to its request's record. */
export function tie(session: Session, act: SessionActions): void {
  actions.set(session, act);
}

/** The session as stores and formats see it. */
export function asRecord(session: Session): SessionRecord {
  return session as unknown as SessionRecord;
}

/** Moves its cookie's expiry on. */
export function resetMaxAge({ cookie }: Session): void {
  const { originalMaxAge } = cookie;
  cookie.maxAge = originalMaxAge;
  // The clock may have gone on by a millisecond.
  cookie.originalMaxAge = originalMaxAge;
}

/** The session's JSON without its cookie. Comparing it shows whether the session has changed. */
export function fingerprint(session: object): string {
  return JSON.stringify(session, function (this: unknown, key, value: unknown) {
    return this === session && key === "cookie" ? undefined : value;
  });
}

/** How long a cookie lasts and where it goes, whenever that began. */
export function cookieFingerprint(cookie: Cookie | undefined): string {
  return JSON.stringify({ ...cookie?.data, expires: undefined });
}

/** With a callback: calls it, and gives the session. Without: gives a promise that may be left alone. */
function answer(session: Session, callback: unknown, done: Promise<unknown>): unknown {
  if (typeof callback !== "function") {
    done.catch(() => {});
    return done;
  }
  // Out of the promise: what a callback throws is thrown as if there was none.
  done.then(
    () => process.nextTick(callback as Answer),
    (error) => process.nextTick(callback as Answer, error),
  );
  return session;
}

/** Turns a store's callback into a promise, which also rejects if the store throws. */
export function asked<Value = unknown>(
  ask: (callback: (error?: unknown, value?: Value) => void) => unknown,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const given = ask((error, value) => (error ? reject(error) : resolve(value as Value)));
    // Some stores also return a promise, which rejects with the same error.
    if (isPromise(given)) given.catch(() => {});
  });
}

function storeOf({ req }: Session): ExpressStore {
  return req.sessionStore as ExpressStore;
}

async function reloadFrom(session: Session): Promise<void> {
  const found = await asked<SessionRecord | null>((done) => storeOf(session).get(session.id, done));
  if (!found) throw new Error("failed to load session");
  storeOf(session).createSession?.(session.req, found);
}

async function regenerateIn(session: Session): Promise<void> {
  const store = storeOf(session);
  const destroyed = asked((done) => store.destroy(session.id, done));
  await destroyed.finally(() => store.generate?.(session.req));
}
