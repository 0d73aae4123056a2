/** Sessions in Firestore, through the client you already have: one document each, one request to read, one to write. */

import { wrongArgument } from "../core/errors.ts";
import type { ListedRecord, Store, StoredRecord, StoreRecord, Version } from "../core/store.ts";
import {
  clientOf,
  type FirestoreClient,
  type FirestoreCondition,
  type FirestoreDocument,
  type FirestoreSnapshot,
} from "./firestore/client.ts";
import {
  checkName,
  encodeText,
  type GoogleNames,
  gcloudCommands,
  googleCapabilities,
  idOf,
  instantOf,
  keyOf,
  type Names,
  namesOf,
  type Prepared,
  prepare,
  recordIn,
  type Standing,
  standingIn,
} from "./shared/google-record.ts";
import { lazily } from "./shared/lazy.ts";

export type {
  FirestoreBatch,
  FirestoreClient,
  FirestoreCollection,
  FirestoreCondition,
  FirestoreDocument,
  FirestoreQuery,
  FirestoreSnapshot,
} from "./firestore/client.ts";

/** Other names for the fields of a document. */
export type FirestoreFields = GoogleNames;

/** What `firestoreStore` takes. */
export interface FirestoreStoreOptions {
  /**
   * Your client: a `Firestore` of `@google-cloud/firestore`, or what `getFirestore()` of firebase-admin gives. Or a
   * function that returns one, or a promise of one: it is called once, when the store is first used. The store never
   * configures or terminates it.
   */
  readonly client: FirestoreClient | (() => FirestoreClient | Promise<FirestoreClient>);
  /** The path of the collection. Default `"sojourn_sessions"`. Nothing else should be in it. */
  readonly collection?: string | undefined;
  /** Other names for the fields. Default `{ payload, expiresAt, subject, version }`, each named as it is. */
  readonly fields?: FirestoreFields | undefined;
  /** The present in epoch milliseconds, which decides what has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** A {@link Store} with every optional power of the Firestore store. */
export type FirestoreStore = Store & Required<Pick<Store, "list" | "listBySubject" | "prune">>;

/**
 * Keeps sessions in a collection of Firestore in native mode.
 *
 * Nothing has to be created; run what {@link firestoreSchema} prints once, so that Firestore removes what has ended.
 * Errors of the client reject as they are.
 *
 * @throws TypeError when `client` is none, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type FirestoreClient, firestoreStore } from "sojourn/stores/firestore";
 *
 * export function sessionsIn(client: FirestoreClient) {
 *   return createSessions({ store: firestoreStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function firestoreStore(options: FirestoreStoreOptions): FirestoreStore {
  const { client, collection = defaultCollection, fields = {}, now = Date.now } = options;
  const names = namesOf("fields", fields);
  checkCollection(collection);
  if (typeof now !== "function") throw wrongArgument("now", "a function that returns epoch milliseconds", now);
  const connect = lazily(client, clientOf);
  const fieldMask = [names.version, names.expiresAt];
  const prepared = (record: StoreRecord): Prepared => prepare(names, "Firestore", record);
  const isLive = (standing: Standing): boolean => standing.expiresAt > now();

  /** What stands in a document, without its payload. Its time of update is that of the whole document. */
  async function look(own: FirestoreClient, document: FirestoreDocument): Promise<State | null> {
    const [snapshot] = await own.getAll(document as never, { fieldMask } as never);
    return snapshot ? stateIn(names, snapshot) : null;
  }

  /**
   * Writes `next` to `to`, and deletes `from` with it if there is one, in one commit.
   *
   * Compared is the time of update, which `read` has told already: one request, where a transaction takes two and
   * locks (measured on the emulator, 10 ms to 17, and of fifty at once 0.3 s to 4). A touch moves that time and not the
   * version: whoever loses to one looks again. And whoever finds his own version there has won before; the answer was lost.
   */
  async function write(
    next: Prepared,
    to: string,
    occupant: State | null,
    from?: { readonly key: string; readonly state: State },
  ): Promise<Version | null> {
    const own = await connect();
    const at = (key: string): FirestoreDocument => own.collection(collection).doc(idOf(key));
    const stands = (then: State, found: State | null): boolean => found?.stamp === then.stamp && isLive(found);
    let [there, source] = [occupant, from?.state];
    for (let refusals = 0; ; refusals++) {
      // What had ended when it was read may have been touched in time.
      const worthTrying = (!occupant || (there && isLive(there))) && (!source || isLive(source));
      if (worthTrying) {
        const batch = own.batch();
        if (there) batch.update(at(to), next.values, unchangedSince(there));
        else batch.create(at(to), next.values);
        if (from && source) batch.delete(at(from.key), unchangedSince(source));
        const [result] = await batch.commit().catch(unlessRefused(refusals));
        if (result) return { ...next, updateTime: result.writeTime } satisfies State;
      }
      const [inTo, inFrom] = await Promise.all([look(own, at(to)), from && look(own, at(from.key))]);
      if (inTo?.stamp === next.stamp) return inTo;
      if (occupant ? !stands(occupant, inTo) : inTo && isLive(inTo)) return null;
      if (from && !stands(from.state, inFrom ?? null)) return null;
      there = inTo;
      source = inFrom ?? undefined;
    }
  }

  function* rowsOf(documents: readonly FirestoreSnapshot[]): Iterable<ListedRecord> {
    for (const document of documents) {
      const [key, record] = [keyOf(document.ref.id), storedIn(names, document)];
      if (key !== null && record && record.expiresAt > now()) yield { ...record, key };
    }
  }

  return {
    name: "firestore",
    capabilities: googleCapabilities,
    async read(key) {
      const record = storedIn(names, await (await connect()).collection(collection).doc(idOf(key)).get());
      return record && record.expiresAt > now() ? record : null;
    },
    async create(key, record) {
      return write(prepared(record), key, null);
    },
    async update(key, record, version) {
      return write(prepared(record), key, version as State);
    },
    async touch(key, expiresAt) {
      const own = await connect();
      const document = own.collection(collection).doc(idOf(key));
      const later = instantOf(expiresAt);
      for (let refusals = 0; ; refusals++) {
        const found = await look(own, document);
        if (!found || !isLive(found)) return false;
        if (found.expiresAt >= later.getTime()) return true;
        const batch = own.batch();
        batch.update(document, { [names.expiresAt]: later }, unchangedSince(found));
        const [result] = await batch.commit().catch(unlessRefused(refusals));
        if (result) return true;
      }
    },
    async rename(from, to, record, version) {
      return from === to ? null : write(prepared(record), to, null, { key: from, state: version as State });
    },
    async delete(key) {
      await (await connect()).collection(collection).doc(idOf(key)).delete();
    },
    async *list() {
      const own = (await connect()).collection(collection);
      for (let page = own.limit(pageSize); ; ) {
        const { docs } = await page.get();
        yield* rowsOf(docs);
        const last = docs.at(-1);
        if (!last || docs.length < pageSize) return;
        page = own.limit(pageSize).startAfter(last);
      }
    },
    async *listBySubject(subject) {
      const query = (await connect()).collection(collection).where(names.subject, "==", encodeText(subject));
      yield* rowsOf((await query.get()).docs);
    },
    async prune({ limit = 1000 } = {}) {
      const own = await connect();
      const ended = own.collection(collection).where(names.expiresAt, "<=", new Date(now()));
      const { docs } = await ended.select().limit(limit).get();
      let removed = 0;
      for (let start = 0; start < docs.length; start += pageSize) {
        removed += await removeUnchanged(own, docs.slice(start, start + pageSize));
      }
      // What was seen is removed or lives again: there is no place to go on from but the beginning.
      return { removed, cursor: docs.length < limit ? undefined : "more" };
    },
  };
}

/**
 * The commands for `gcloud` to run once: they make the TTL policy, by which Firestore removes what has ended, and
 * exempt the fields from indexing that no query asks for.
 *
 * @param options The database, default `"(default)"`, and the store's `collection` and `fields`.
 * @throws TypeError when an option is of the wrong kind.
 * @example
 * ```ts
 * import { firestoreSchema } from "sojourn/stores/firestore";
 *
 * process.stdout.write(firestoreSchema({ collection: "web_sessions" }));
 * ```
 */
export function firestoreSchema(
  options: { collection?: string; fields?: FirestoreFields; database?: string } = {},
): string {
  const { collection = defaultCollection, fields = {}, database = "(default)" } = options;
  const names = namesOf("fields", fields);
  checkCollection(collection);
  checkName("database", database, "the name of a database");
  const group = collection.slice(collection.lastIndexOf("/") + 1);
  return gcloudCommands(group, database, names, [names.payload, names.version]);
}

/** A version: what stood in the document, and when that was written. */
interface State extends Standing {
  readonly updateTime: unknown;
}

const defaultCollection = "sojourn_sessions";

const pageSize = 100;

function checkCollection(collection: unknown): asserts collection is string {
  const takes = "the path of a collection, such as sessions or apps/web/sessions";
  checkName("collection", collection, takes);
  if (collection.split("/").length % 2 === 0) throw wrongArgument("collection", takes, collection);
}

function stateIn(names: Names, snapshot: FirestoreSnapshot): State | null {
  const standing = standingIn(names, snapshot.data());
  return standing && { ...standing, updateTime: snapshot.updateTime };
}

function storedIn(names: Names, snapshot: FirestoreSnapshot): StoredRecord | null {
  const [record, version] = [recordIn(names, snapshot.data()), stateIn(names, snapshot)];
  return record && version && { ...record, version };
}

function unchangedSince({ updateTime }: { readonly updateTime?: unknown }): FirestoreCondition {
  return { lastUpdateTime: updateTime as never };
}

/** Firestore refuses a write with NOT_FOUND, ALREADY_EXISTS or FAILED_PRECONDITION. Others move a record only so often. */
function unlessRefused(refusals: number): (error: unknown) => readonly never[] {
  return (error) => {
    if (refusals < 50 && [5, 6, 9].includes((error as { code?: unknown }).code as number)) return [];
    throw error;
  };
}

/** All at once, or one by one when one of them lives again. Answers how many. */
async function removeUnchanged(own: FirestoreClient, documents: readonly FirestoreSnapshot[]): Promise<number> {
  const batch = own.batch();
  for (const document of documents) batch.delete(document.ref, unchangedSince(document));
  const removed = (await batch.commit().catch(unlessRefused(0))).length;
  if (removed > 0 || documents.length < 2) return removed;
  const counts = await Promise.all(documents.map((one) => removeUnchanged(own, [one])));
  return counts.reduce((sum, count) => sum + count, 0);
}
