/** Sessions by subject: listing a user's sessions, and ending them so that none slips through. */

import { randomBytes, sha256 } from "#crypto";
import { base64url, subjectText } from "../bytes/bytes.ts";
import { SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Everybody } from "../contracts/everybody.ts";
import { applySchema, type StandardSchema } from "../contracts/schema.ts";
import type { ListedRecord, Store } from "../contracts/store.ts";
import { endListed } from "./ending.ts";
import { entryOf } from "./entry.ts";
import type { Timeouts } from "./expiry.ts";
import type { RecordsConfig } from "./place.ts";
import {
  chosen,
  type Entry,
  type ListOptions,
  notNoted,
  type RevokeOptions,
  type SessionInfo,
  unreadable,
} from "./revoke.ts";
import { Signposts } from "./signposts.ts";
import { withTimeLimit } from "./time-limit.ts";

type Living = () => Promise<ReadonlySet<string>>;

/** The sessions of subjects. */
export interface SubjectSessions {
  /** Every live session of a subject. */
  list(subject: string, options?: ListOptions): Promise<SessionInfo[]>;
  /** Ends sessions of a subject and says how many it found. */
  revoke(subject: string, options: RevokeOptions): Promise<number>;
  /**
   * The same in two steps: raises the epoch, and answers what ends the sessions of before.
   *
   * @param living Of a part: the handles of the sessions that stay. The home part knows which began later.
   */
  beginRevoke(subject: string, options: RevokeOptions, living?: Living): Promise<() => Promise<number>>;
  /** The data of the session, except for the one with the handle `except`, to which the subject logged in last. Absent where that is unknown. */
  latest?(subject: string, except: string | undefined): Promise<Record<string, unknown> | undefined>;
  /** The handles of the sessions that logged in since sessions of the subject were revoked. */
  current?(subject: string): Promise<ReadonlySet<string>>;
  /** What is listed of a subject: while a session moves, it has two records. Absent where that is unknown. */
  entries?(subject: string): Promise<Entry[]>;
  /** Ends a session that {@link entries} found. False when it has moved since. */
  end?(subject: string, entry: Entry): Promise<boolean>;
  /** The epoch of a subject: a mark that changes with every revocation. `undefined` where there has been none. */
  epoch(subject: string): Promise<string | undefined>;
  /** Whether sessions of the subject were revoked since the epoch was read. */
  moved(subject: string, since: Promise<string | undefined> | undefined): Promise<boolean>;
}

/** Which sessions a revocation leaves alone. */
interface Kept {
  /** It began after the epoch was raised. */
  isNew(entry: Entry, handles: ReadonlySet<string> | undefined): boolean;
  readonly living: Living | undefined;
  /** Whether a session that is not new began before, without doubt. */
  readonly isCertain: boolean;
}

type StoreConfig = RecordsConfig & {
  readonly schema: StandardSchema | undefined;
  readonly timeouts: Timeouts;
  readonly adopt?: readonly unknown[] | undefined;
};
type Listing = Store & Required<Pick<Store, "listBySubject">>;

function hasSubjects(store: Store): store is Listing {
  return store.listBySubject !== undefined;
}

/** The sessions of subjects in one store. */
export class Subjects implements SubjectSessions {
  readonly #config: StoreConfig;

  readonly #everybody: Everybody | undefined;

  constructor(config: StoreConfig, everybody?: Everybody) {
    this.#config = config;
    this.#everybody = everybody;
  }

  /**
   * Every live session of a subject, once: while it moves, and after a crash in between, it has two records. One that
   * this process cannot decode has a handle of its own, and no times.
   */
  async list(subject: string, { current }: ListOptions = {}): Promise<SessionInfo[]> {
    const newest = new Map<string, SessionInfo>();
    for (const { info } of await this.entries(subject)) {
      const other = newest.get(info.handle);
      if (other && info.expiresAt < other.expiresAt) continue;
      newest.set(info.handle, { ...info, current: info.handle === current?.handle });
    }
    return [...newest.values()];
  }

  /** Ends sessions of a subject and says how many. */
  async revoke(subject: string, options: RevokeOptions): Promise<number> {
    return (await this.beginRevoke(subject, options))();
  }

  /**
   * Raises the epoch first: a login that began before it sees that and ends itself, one that begins after it carries
   * the new mark and stays. Where the store has no room for the mark, ending sessions makes some.
   */
  async beginRevoke(subject: string, options: RevokeOptions, living?: Living): Promise<() => Promise<number>> {
    this.#listing(subject);
    const ended = new Set<string>();
    const end = async (mark: string | undefined): Promise<void> => {
      const isNew = living
        ? ({ info }: Entry, handles?: ReadonlySet<string>): boolean => handles?.has(info.handle) === true
        : ({ data, epoch }: Entry): boolean => data !== undefined && mark !== undefined && epoch === mark;
      await this.#end(subject, options, { isNew, living, isCertain: mark !== undefined }, ended);
    };
    if (options.handle !== undefined) return () => end(undefined).then(() => ended.size);
    let mark = await this.#raiseEpoch(subject).catch(() => undefined);
    return async () => {
      if (mark === undefined) {
        await end(undefined);
        mark = await this.#raiseEpoch(subject).catch((error) => Promise.reject(notNoted(error, ended.size)));
      }
      await end(mark);
      return ended.size;
    };
  }

  /**
   * Ends what the index lists, and looks again until it lists nothing to end, since a session may be renewed between
   * the listing and the removal. New sessions stay, and so do the signposts that lead to them. Ending takes no payload.
   */
  async #end(
    subject: string,
    options: RevokeOptions,
    { isNew, living, isCertain }: Kept,
    ended: Set<string>,
  ): Promise<void> {
    const { events, format } = this.#config;
    const posts = new Signposts(this.#config);
    for (let pass = 1; ; pass++) {
      const entries = await this.entries(subject);
      const handles = entries.length > 0 ? await living?.() : undefined;
      const { targets, doubtful } = chosen(entries, options, ended);
      const old = targets.filter((entry) => !isNew(entry, handles));
      for (let at = 0; at < old.length; at += atOnce) {
        const remove = async (entry: Entry): Promise<void> => {
          const { handle } = entry.info;
          if (!(await endListed(posts, entry, subject))) return;
          if (!ended.has(handle)) events.emit("session_revoked", { handle, subject });
          ended.add(handle);
        };
        await Promise.all(old.slice(at, at + atOnce).map(remove));
      }
      // Which of these began before is not known, and others may go on coming: three looks find what moves.
      const goOn = isCertain && !format.foreign && old.some(({ data }) => data);
      if (old.length === 0 || (pass >= 3 && !goOn && options.handle === undefined)) {
        if (doubtful > 0) throw unreadable(doubtful, ended.size);
        return;
      }
      if (pass === mostPasses) {
        const message = `sessions of the subject moved faster than they could be ended; ${ended.size} were ended. Call revoke() again`;
        throw new SessionError("ERR_SESSION_CONFLICT", message);
      }
    }
  }

  /** Ends a session that {@link entries} found, by compare-and-swap. False when it has moved since. */
  end(subject: string, entry: Entry): Promise<boolean> {
    return endListed(new Signposts(this.#config), entry, subject);
  }

  /** The handles of the sessions that logged in since the last revocation; of all where records have no room for the mark. */
  async current(subject: string): Promise<ReadonlySet<string>> {
    const mark = await this.epoch(subject);
    const isAny = mark === undefined || this.#config.format.foreign === true;
    const entries = (await this.entries(subject)).filter(({ epoch }) => isAny || epoch === mark);
    return new Set(entries.map(({ info }) => info.handle));
  }

  /** The data of the session, except for the one with the handle `except`, to which the subject logged in last. */
  async latest(subject: string, except: string | undefined): Promise<Record<string, unknown> | undefined> {
    const { schema } = this.#config;
    const since = ({ info }: Entry): number => info.authenticatedAt ?? info.createdAt ?? 0;
    const entries = (await this.entries(subject)).filter(
      ({ info }) => info.handle !== except && info.actor === undefined,
    );
    for (const { data } of entries.sort((a, b) => since(b) - since(a))) {
      if (!data) continue;
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
    const before = await since;
    return before !== (await this.epoch(subject).catch(() => this.epoch(subject)));
  }

  /** Changes the epoch and answers the new mark. If another revocation was faster, its mark is as good. */
  async #raiseEpoch(subject: string): Promise<string> {
    const { store, now, adopt = [] } = this.#config;
    const key = await this.#epochKey(subject);
    const mark = base64url(randomBytes(12));
    // Sessions of another library that are not adopted yet end with it: their cookies live as long as browsers keep them.
    const days = adopt.length > 0 ? 400 : 1;
    const record = { payload: mark, expiresAt: now() + days * 86_400_000 };
    for (let attempt = 0; attempt < 100; attempt++) {
      const present = await this.#limited(() => store.read(key));
      const written = await this.#limited(() =>
        present ? store.update(key, record, present.version) : store.create(key, record),
      );
      if (written !== null) return mark;
      const faster = await this.#limited(() => store.read(key));
      if (faster) return String(faster.payload);
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the epoch of the subject was changed by others a hundred times");
  }

  async #epochKey(subject: string): Promise<string> {
    return `epoch:${await sha256(subjectText(this.#config.ids.prefix, subject))}`;
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

  /** What is listed of a subject: while a session moves, it has two records. */
  async entries(subject: string): Promise<Entry[]> {
    const entries: Entry[] = [];
    const mark = (await this.#everybody?.recent()) ?? 0;
    let answered = (): void => {};
    const store = this.#listing(subject);
    const rows = store.listBySubject(subject, () => answered())[Symbol.asyncIterator]();
    for (;;) {
      const row = await this.#limited((restart) => {
        answered = restart;
        return rows.next() as Promise<IteratorResult<ListedRecord>>;
      });
      if (row.done) return entries;
      // What a database takes for the same subject need not be it.
      if (row.value.subject !== subject || !row.value.key.startsWith(this.#config.ids.prefix)) continue;
      const entry = await entryOf(this.#config, row.value, (error) => {
        const reason = `not a record of format ${this.#config.format.name}`;
        this.#config.events.emit("record_refused", { reason, subject, error });
      });
      // Not over by a revocation of everybody.
      if (entry && (entry.data === undefined || (entry.era ?? 0) >= mark)) entries.push(entry);
    }
  }

  #limited<T>(call: (answered: () => void) => Promise<T>): Promise<T> {
    const { store, events, ids } = this.#config;
    return withTimeLimit(call, store, this.#config, events, ids);
  }
}

/** How many sessions are ended at the same time. */
const atOnce = 10;
/** How often one revocation looks for what moved. */
const mostPasses = 20;
