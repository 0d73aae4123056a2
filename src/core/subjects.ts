/** Sessions by subject: listing a user's sessions, and ending them so that none slips through. */

import { randomBytes, sha256 } from "#crypto";
import { base64url } from "./bytes.ts";
import type { Config } from "./config.ts";
import { SessionError, wrongArgument } from "./errors.ts";
import type { Meta } from "./format.ts";
import type { ListedRecord, Store } from "./store.ts";
import { withTimeLimit } from "./time-limit.ts";

/** One session of a subject, as shown in a list of devices. Lets nobody in. */
export interface SessionInfo {
  /** The public name: what `session.handle` says in that session. */
  readonly handle: string;
  readonly subject: string;
  /** Epoch milliseconds; `undefined` where a foreign format does not keep it. */
  readonly createdAt: number | undefined;
  /** Epoch milliseconds of the last login to it. */
  readonly authenticatedAt: number | undefined;
  /** Epoch milliseconds: when it ends if it is not used again. */
  readonly expiresAt: number;
}

/** Which of a subject's sessions `revoke` ends. */
export interface RevokeOptions {
  /** Only the session with this handle. Default: all. */
  readonly handle?: string | undefined;
  /** All but the session with this handle: "log out my other devices". */
  readonly except?: string | undefined;
}

/** The sessions of subjects. */
export interface SubjectSessions {
  /** Every live session of a subject. */
  list(subject: string): Promise<SessionInfo[]>;
  /** Ends sessions of a subject and says how many it found. */
  revoke(subject: string, options: RevokeOptions): Promise<number>;
  /** The epoch of a subject: a mark that changes with every revocation. `undefined` where there has been none. */
  epoch(subject: string): Promise<string | undefined>;
  /** Whether sessions of the subject were revoked since the epoch was read. */
  moved(subject: string, since: Promise<string | undefined> | undefined): Promise<boolean>;
}

type StoreConfig = Config & { readonly store: Store };
type Listing = Store & Required<Pick<Store, "listBySubject">>;

function hasSubjects(store: Store): store is Listing {
  return store.listBySubject !== undefined;
}

/** The sessions of subjects in one store. */
export class Subjects implements SubjectSessions {
  readonly #config: StoreConfig;

  constructor(config: StoreConfig) {
    this.#config = config;
  }

  /** Every live session of a subject. */
  async list(subject: string): Promise<SessionInfo[]> {
    return (await this.#entries(subject)).map(({ info }) => info);
  }

  /**
   * Ends sessions of a subject and says how many. The epoch is raised first: a login that began before it sees
   * that and ends itself. Then what the index lists is removed, until it lists nothing more, since a session
   * may have been renewed between the listing and the removal.
   */
  async revoke(subject: string, { handle, except }: RevokeOptions): Promise<number> {
    const { events } = this.#config;
    this.#listing(subject);
    if (handle === undefined) await this.#raiseEpoch(subject);
    let ended = 0;
    for (;;) {
      const entries = (await this.#entries(subject)).filter(
        ({ info }) => info.handle !== except && (handle === undefined || info.handle === handle),
      );
      if (entries.length === 0) return ended;
      for (const { key, info } of entries) {
        await this.#limited(() => this.#config.store.delete(key, subject));
        events.emit("session_revoked", { handle: info.handle, subject });
      }
      ended += entries.length;
    }
  }

  /** The epoch of a subject: a mark that changes with every revocation. `undefined` where there has been none. */
  async epoch(subject: string): Promise<string | undefined> {
    const { store } = this.#config;
    if (!store.capabilities.bySubject) return undefined;
    const key = await this.#epochKey(subject);
    const record = await this.#limited(() => store.read(key));
    return record === null ? undefined : String(record.payload);
  }

  /** Whether sessions of the subject were revoked since the epoch was read. */
  async moved(subject: string, since: Promise<string | undefined> | undefined): Promise<boolean> {
    if (!this.#config.store.capabilities.bySubject) return false;
    return (await since) !== (await this.epoch(subject));
  }

  // Whoever finds the mark changed under his hands need not change it again: it moved after he began.
  async #raiseEpoch(subject: string): Promise<void> {
    const { store, now } = this.#config;
    const key = await this.#epochKey(subject);
    const record = { payload: base64url(randomBytes(12)), expiresAt: now() + 86_400_000 };
    const present = await this.#limited(() => store.read(key));
    if (present && (await this.#limited(() => store.update(key, record, present.version))) !== null) return;
    await this.#limited(() => store.create(key, record));
  }

  async #epochKey(subject: string): Promise<string> {
    return `epoch:${await sha256(`${this.#config.ids.prefix} ${subject}`)}`;
  }

  /** The store, which can list by subject; throws when it cannot, or when that is no subject. */
  #listing(subject: string): Listing {
    const { store } = this.#config;
    if (typeof subject !== "string" || subject === "")
      throw wrongArgument("subject", "a text of 1 to 200 characters", subject);
    if (hasSubjects(store)) return store;
    const message = `the ${store.name} store cannot find sessions by subject`;
    throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
  }

  async #entries(subject: string): Promise<{ key: string; info: SessionInfo }[]> {
    const entries: { key: string; info: SessionInfo }[] = [];
    const rows = this.#listing(subject).listBySubject(subject)[Symbol.asyncIterator]();
    for (;;) {
      const row = await this.#limited(() => rows.next() as Promise<IteratorResult<ListedRecord>>);
      if (row.done) return entries;
      if (!row.value.key.startsWith(this.#config.ids.prefix)) continue;
      const info = await this.#describe(row.value, subject);
      if (info) entries.push({ key: row.value.key, info });
    }
  }

  async #describe(row: ListedRecord, subject: string): Promise<SessionInfo | undefined> {
    const { format, events } = this.#config;
    let meta: Meta;
    try {
      meta = format.decode((await format.unwrap?.(row.payload, row.key)) ?? row.payload).meta;
    } catch (error) {
      events.emit("record_refused", { reason: `not a record of format ${format.name}`, subject, error });
      return undefined;
    }
    const handle = meta.handle ?? (await sha256(`handle of ${row.key}`)).slice(0, 12);
    return { handle, subject, createdAt: meta.created, authenticatedAt: meta.authenticated, expiresAt: row.expiresAt };
  }

  #limited<T>(call: () => Promise<T>): Promise<T> {
    const { store, storeTimeout, events, ids } = this.#config;
    return withTimeLimit(call, store, storeTimeout, events, ids);
  }
}
