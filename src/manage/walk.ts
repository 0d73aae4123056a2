/** Walks over the sessions of one application in its store, within the time a store call may take. */

import { aes256Gcm, randomBytes } from "#crypto";
import { base64url, fromBase64url, fromUtf8, utf8 } from "../core/bytes/bytes.ts";
import { isError, SessionError } from "../core/contracts/errors.ts";
import type { Everybody } from "../core/contracts/everybody.ts";
import type { ListedRecord, PageOptions, RecordCount, RecordPage, Store } from "../core/contracts/store.ts";
import type { Config } from "../core/options/options.ts";
import { isCookieStore } from "../core/record/cookie-store.ts";
import { withTimeLimit } from "../core/record/time-limit.ts";

/** What a store keeps beside sessions, under keys of its own: epochs, and notes of where a session has moved. */
const beside = /^(epoch|moved):/;

/** How many pages without a session in them one call reads. */
const mostEmpty = 20;

/** The sessions of one application, as they lie in its store. */
export class Walk {
  readonly config: Config;
  readonly store: Store;
  readonly #sealed: boolean;

  readonly #everybody: Everybody | undefined;

  /** Throws `ERR_SESSION_NOT_SUPPORTED` where the sessions are in cookies. */
  constructor(config: Config, everybody: Everybody | undefined) {
    if (isCookieStore(config.store)) throw cannot("sessions that are in their cookies cannot be listed");
    this.config = config;
    this.#everybody = everybody;
    this.store = config.store;
    this.#sealed = config.ids.secretKeys === true || config.format.foreign === true;
  }

  /** Sessions that carry an older mark ended when everybody was revoked. */
  async mark(): Promise<number> {
    return (await this.#everybody?.fresh()) ?? 0;
  }

  /** How many records there are. */
  count(): Promise<RecordCount> {
    const { store } = this;
    if (!store.count) throw cannot(`the ${store.name} store cannot count sessions`);
    return this.#limited((answered) => store.count!({ prefix: this.config.ids.prefix }, answered));
  }

  /** A page of records: as long as `limit`, unless the walk is over or nearly all records are others. */
  async page({ limit = 100, cursor, subject }: Omit<PageOptions, "prefix">): Promise<RecordPage> {
    const { store } = this;
    if (!store.page) throw cannot(`the ${store.name} store cannot list sessions page by page`);
    const records: ListedRecord[] = [];
    let next = await this.#open(cursor);
    for (let empty = 0; ; ) {
      const options = { limit: limit - records.length, cursor: next, subject, prefix: this.config.ids.prefix };
      const page = await this.#limited(() => store.page!(options).catch(misuse));
      if ("misused" in page) throw page.misused;
      for (const record of page.records) if (!beside.test(record.key)) records.push(record);
      next = page.cursor;
      if (page.records.length === 0) empty += 1;
      if (next === undefined || records.length >= limit || empty === mostEmpty) break;
    }
    return { records, cursor: await this.#seal(next) };
  }

  /** All of them, one after the other; of stores without pages in one go. */
  async *all(subject: string | undefined): AsyncGenerator<ListedRecord> {
    const { store } = this;
    if (!store.page) {
      yield* this.#inOneGo(subject);
      return;
    }
    for (let cursor: string | undefined; ; ) {
      const { records, cursor: next } = await this.page({ limit: 500, cursor, subject });
      yield* records;
      if (next === undefined) return;
      cursor = next;
    }
  }

  async *#inOneGo(subject: string | undefined): AsyncGenerator<ListedRecord> {
    const { store, config } = this;
    if (!store.list) throw cannot(`the ${store.name} store cannot list sessions`);
    const rows = store.list()[Symbol.asyncIterator]();
    for (;;) {
      const row = await this.#limited(() => rows.next() as Promise<IteratorResult<ListedRecord>>);
      if (row.done) return;
      const { key, subject: owner } = row.value;
      if (!key.startsWith(config.ids.prefix) || beside.test(key)) continue;
      if (subject === undefined || owner === subject) yield row.value;
    }
  }

  #limited<T>(call: (answered: () => void) => Promise<T>): Promise<T> {
    const { events, ids } = this.config;
    return withTimeLimit(call, this.store, this.config, events, ids);
  }

  /** A store's cursor may hold a key, and here a key is an id: it is encrypted for this process. */
  async #seal(cursor: string | undefined): Promise<string | undefined> {
    if (!this.#sealed || cursor === undefined) return cursor;
    return base64url(await seal().seal(utf8(cursor), context));
  }

  async #open(cursor: string | undefined): Promise<string | undefined> {
    if (!this.#sealed || cursor === undefined) return cursor;
    const bytes = typeof cursor === "string" ? fromBase64url(cursor) : null;
    const opened = bytes && (await seal().open(bytes, context));
    if (opened) return fromUtf8(opened);
    throw new TypeError("cursor must be the cursor of an earlier page of this process; received another text");
  }
}

const context = utf8("cursor of a page of sessions");
let key: Uint8Array | undefined;

function seal(): ReturnType<typeof aes256Gcm> {
  key ??= randomBytes(32);
  return aes256Gcm(key);
}

/** Wraps the error for a wrong limit or an altered cursor, which is the caller's mistake, not a failure of the store. Rethrows others. */
function misuse(error: unknown): { readonly misused: unknown } {
  if (isError(error, "TypeError")) return { misused: error };
  throw error;
}

function cannot(message: string): SessionError {
  return new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
}
