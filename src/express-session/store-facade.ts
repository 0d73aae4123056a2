/** What handlers get as `req.sessionStore` when the store is one of sojourn: its records by the methods of express-session. */

import type { Found } from "../core/contracts/records.ts";
import type { Store as SojournStore } from "../core/contracts/store.ts";
import type { SessionsCore } from "../core/save/request-record.ts";
import { subjectIn } from "./format.ts";
import type { Resolved } from "./options.ts";
import type { Answer, SessionRecord } from "./shapes.ts";
import { Store } from "./store.ts";

/** The methods of express-session over a store of sojourn. `set` does not bring back a session that has ended since it was read. */
export class StoreFacade extends Store {
  readonly #core: SessionsCore;
  readonly #options: Resolved;
  readonly #loaded = new WeakSet<object>();

  constructor(core: SessionsCore, options: Resolved) {
    super();
    this.#core = core;
    this.#options = options;
  }

  get(id: string, callback: Answer<SessionRecord | undefined>): void {
    answer(this.#get(id), callback);
  }

  set(id: string, session: SessionRecord, callback?: Answer): void {
    answer(this.#set(id, session), callback);
  }

  destroy(id: string, callback?: Answer): void {
    answer(
      this.#with(id, ({ place, content }) => this.#core.records.remove(place, content?.meta.subject)),
      callback,
    );
  }

  touch(id: string, session: SessionRecord, callback?: Answer): void {
    answer(
      this.#with(id, (found) => this.#core.records.touch(found.place, this.#draft(id, session))),
      callback,
    );
  }

  all(callback: Answer<SessionRecord[]>): void {
    answer(this.#all(), callback);
  }

  length(callback: Answer<number>): void {
    answer(
      this.#all().then(({ length }) => length),
      callback,
    );
  }

  clear(callback?: Answer): void {
    answer(this.#clear(), callback);
  }

  async #find(id: string): Promise<Found | null> {
    const found = await this.#core.records.find(id);
    return found && "late" in found ? null : found;
  }

  async #with(id: string, work: (found: Found) => Promise<unknown>): Promise<void> {
    const found = await this.#find(id);
    if (found) await work(found);
  }

  async #get(id: string): Promise<SessionRecord | undefined> {
    const found = await this.#find(id);
    if (!found) return undefined;
    const session = JSON.parse(found.payload as string) as SessionRecord;
    this.#loaded.add(session);
    return session;
  }

  async #set(id: string, session: SessionRecord): Promise<void> {
    const { records } = this.#core;
    const draft = this.#draft(id, session);
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = await this.#find(id);
      if (!found && this.#loaded.has(session)) return;
      if (await (found ? records.update(found.place, draft) : records.create(draft))) return;
    }
    throw new Error("the session was changed by others a hundred times while it was being saved");
  }

  #draft(id: string, session: SessionRecord): Parameters<SessionsCore["records"]["create"]>[0] {
    const { expires } = (session.cookie ?? {}) as { expires?: string | number | Date | null };
    const end = expires ? new Date(expires).valueOf() : Number.NaN;
    const expiresAt = Number.isNaN(end) ? this.#core.config.now() + this.#options.ttl : end;
    const subject = subjectIn(session, this.#options.subjectPath);
    const meta = subject === undefined ? {} : { subject };
    return { payload: JSON.stringify(session), expiresAt, subject, meta, data: session, id };
  }

  async #all(): Promise<SessionRecord[]> {
    const { format } = this.#core.config;
    const sessions: SessionRecord[] = [];
    for await (const { payload } of this.#listed()) sessions.push(format.decode(payload).data);
    return sessions;
  }

  async #clear(): Promise<void> {
    const store = this.#core.config.store as SojournStore;
    for await (const { key, subject } of this.#listed()) await store.delete(key, subject);
  }

  #listed(): ReturnType<NonNullable<SojournStore["list"]>> {
    const { list, name } = this.#core.config.store as SojournStore;
    if (!list) throw new TypeError(`the ${name} store cannot list its sessions`);
    return list.call(this.#core.config.store);
  }
}

function answer<Value>(work: Promise<Value>, callback: Answer<Value> | undefined): void {
  work.then(
    (value) => callback && process.nextTick(callback, null, value),
    (error) => callback && process.nextTick(callback, error),
  );
}
