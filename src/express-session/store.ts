/** The `Store` that stores of express-session extend, and the `MemoryStore`. Constructors in the old style: packages call them on their own objects. */

import { EventEmitter } from "node:events";
import { reviveCookie } from "./cookie.ts";
import type { ExpressRequest, ExpressStore } from "./session.ts";
import { Session } from "./session.ts";
import type { Answer, SessionRecord } from "./shapes.ts";

/** What {@link Store} gives to those that extend it. */
export interface StoreMethods extends EventEmitter {
  /** Ends the session of a request, then begins another. */
  regenerate(request: ExpressRequest, callback: Answer): void;
  /** A session by its id, outside a request. */
  load(id: string, callback: Answer<Session>): void;
  /** Makes what was stored the session of a request. */
  createSession(request: ExpressRequest, session: SessionRecord): Session;
}

type Self = StoreMethods & ExpressStore;

interface StoreConstructor {
  new (options?: unknown): StoreMethods;
  (this: unknown, options?: unknown): void;
  readonly prototype: StoreMethods;
}

function BaseStore(this: EventEmitter): void {
  (EventEmitter as unknown as (this: EventEmitter) => void).call(this);
}

Object.setPrototypeOf(BaseStore.prototype, EventEmitter.prototype);
Object.setPrototypeOf(BaseStore, EventEmitter);
Object.defineProperty(BaseStore, "name", { value: "Store" });

Object.assign(BaseStore.prototype, {
  regenerate(this: Self, request: ExpressRequest, callback: Answer): void {
    this.destroy(request.sessionID as string, (error) => {
      this.generate?.(request);
      callback(error);
    });
  },
  load(this: Self, id: string, callback: Answer<Session>): void {
    this.get(id, (error, session) => {
      if (error) return callback(error);
      if (!session) return callback();
      callback(null, this.createSession({ sessionID: id, sessionStore: this } as unknown as ExpressRequest, session));
    });
  },
  createSession(request: ExpressRequest, session: SessionRecord): Session {
    session.cookie = reviveCookie(cookieOf(session));
    request.session = new Session(request, session);
    return request.session;
  },
});

/** The base of stores. */
export const Store: StoreConstructor = BaseStore as unknown as StoreConstructor;

/** The cookie of a stored session. Throws what express-session throws when there is none. */
export function cookieOf(session: SessionRecord): object {
  const { cookie } = session;
  if (typeof cookie === "object" && cookie !== null) return cookie;
  throw new TypeError(
    `Cannot read properties of ${cookie === null ? "null" : typeof cookie} (reading 'expires'): the stored session has no cookie`,
  );
}

/** The sessions of one process, as JSON. */
export interface MemoryStoreMethods extends StoreMethods {
  /** JSON by id. */
  sessions: Record<string, string>;
  get(id: string, callback: Answer<SessionRecord>): void;
  set(id: string, session: SessionRecord, callback?: Answer): void;
  destroy(id: string, callback?: Answer): void;
  touch(id: string, session: SessionRecord, callback?: Answer): void;
  all(callback: Answer<Record<string, SessionRecord>>): void;
  clear(callback?: Answer): void;
  length(callback: Answer<number>): void;
}

interface MemoryStoreConstructor {
  new (): MemoryStoreMethods;
  (this: unknown): void;
  readonly prototype: MemoryStoreMethods;
}

function Memory(this: MemoryStoreMethods): void {
  BaseStore.call(this);
  this.sessions = Object.create(null);
}

Object.setPrototypeOf(Memory.prototype, BaseStore.prototype);
Object.setPrototypeOf(Memory, BaseStore);
Object.defineProperty(Memory, "name", { value: "MemoryStore" });

Object.assign(Memory.prototype, {
  get(this: MemoryStoreMethods, id: string, callback: Answer<SessionRecord>): void {
    setImmediate(callback, null, live(this, id));
  },
  set(this: MemoryStoreMethods, id: string, session: SessionRecord, callback?: Answer): void {
    this.sessions[id] = JSON.stringify(session);
    if (callback) setImmediate(callback);
  },
  destroy(this: MemoryStoreMethods, id: string, callback?: Answer): void {
    delete this.sessions[id];
    if (callback) setImmediate(callback);
  },
  touch(this: MemoryStoreMethods, id: string, session: SessionRecord, callback?: Answer): void {
    const stored = live(this, id);
    if (stored) this.sessions[id] = JSON.stringify({ ...stored, cookie: session.cookie });
    if (callback) setImmediate(callback);
  },
  all(this: MemoryStoreMethods, callback?: Answer<Record<string, SessionRecord>>): void {
    if (callback) setImmediate(callback, null, everything(this));
  },
  clear(this: MemoryStoreMethods, callback?: Answer): void {
    this.sessions = Object.create(null);
    if (callback) setImmediate(callback);
  },
  length(this: MemoryStoreMethods, callback: Answer<number>): void {
    setImmediate(callback, null, Object.keys(everything(this)).length);
  },
});

/** Keeps sessions in this process, for development and tests. */
export const MemoryStore: MemoryStoreConstructor = Memory as unknown as MemoryStoreConstructor;

function everything(store: MemoryStoreMethods): Record<string, SessionRecord> {
  const all: Record<string, SessionRecord> = Object.create(null);
  for (const id of Object.keys(store.sessions)) {
    const session = live(store, id);
    if (session) all[id] = session;
  }
  return all;
}

function live(store: MemoryStoreMethods, id: string): SessionRecord | undefined {
  const stored = store.sessions[id];
  if (!stored) return undefined;
  const session = JSON.parse(stored) as SessionRecord;
  const { expires } = (session.cookie ?? {}) as { expires?: string | number | null };
  if (expires && new Date(expires).valueOf() <= Date.now()) {
    delete store.sessions[id];
    return undefined;
  }
  return session;
}
