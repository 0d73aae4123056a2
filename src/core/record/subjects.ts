/** Sessions by subject: listing a user's sessions, and ending them so that none slips through. */

import { randomBytes, sha256 } from "#crypto";
import { base64url } from "../bytes/bytes.ts";
import { handleOf } from "../client/id.ts";
import { SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Content } from "../contracts/format.ts";
import { applySchema } from "../contracts/schema.ts";
import type { ListedRecord, Store } from "../contracts/store.ts";
import type { Config } from "../options/options.ts";
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
  /** The data of the session, but for the one with the handle `except`, to which the subject logged in last. Absent where nobody knows. */
  latest?(subject: string, except: string | undefined): Promise<Record<string, unknown> | undefined>;
  /** The epoch of a subject: a mark that changes with every revocation. `undefined` where there has been none. */
  epoch(subject: string): Promise<string | undefined>;
  /** Whether sessions of the subject were revoked since the epoch was read. */
  moved(subject: string, since: Promise<string | undefined> | undefined): Promise<boolean>;
}

/** One session of a subject. */
interface Entry {
  readonly key: string;
  readonly info: SessionInfo;
  readonly data: Record<string, unknown>;
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

  /** The data of the session, but for the one with the handle `except`, to which the subject logged in last. */
  async latest(subject: string, except: string | undefined): Promise<Record<string, unknown> | undefined> {
    const { schema } = this.#config;
    const since = ({ info }: Entry): number => info.authenticatedAt ?? info.createdAt ?? 0;
    const entries = (await this.#entries(subject)).filter(({ info }) => info.handle !== except);
    for (const { data } of entries.sort((a, b) => since(b) - since(a))) {
      const seen = schema ? await applySchema(schema, data) : data;
      if (seen) return seen;
    }
    return undefined;
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

  async #entries(subject: string): Promise<Entry[]> {
    const entries: Entry[] = [];
    const rows = this.#listing(subject).listBySubject(subject)[Symbol.asyncIterator]();
    for (;;) {
      const row = await this.#limited(() => rows.next() as Promise<IteratorResult<ListedRecord>>);
      if (row.done) return entries;
      if (!row.value.key.startsWith(this.#config.ids.prefix)) continue;
      const entry = await this.#describe(row.value, subject);
      if (entry) entries.push(entry);
    }
  }

  async #describe(row: ListedRecord, subject: string): Promise<Entry | undefined> {
    const { format, events } = this.#config;
    let content: Content;
    try {
      content = format.decode((await format.unwrap?.(row.payload, row.key)) ?? row.payload);
    } catch (error) {
      events.emit("record_refused", { reason: `not a record of format ${format.name}`, subject, error });
      return undefined;
    }
    const { data, meta } = content;
    const { created: createdAt, authenticated: authenticatedAt } = meta;
    const handle = meta.handle ?? (await handleOf(row.key));
    const { key, expiresAt } = row;
    return { key, data, info: { handle, subject, createdAt, authenticatedAt, expiresAt } };
  }

  #limited<T>(call: () => Promise<T>): Promise<T> {
    const { store, storeTimeout, events, ids } = this.#config;
    return withTimeLimit(call, store, storeTimeout, events, ids);
  }
}
