/** Sessions in Firestore, through the client you already have: one document each, one request to read, one to write. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { pruneOptions } from "../core/contracts/known.ts";
import type { ListedRecord, PageOptions, RecordPage, Store, Version } from "../core/contracts/store.ts";
import {
  clientOf,
  type FirestoreBatch,
  type FirestoreClient,
  type FirestoreDocument,
  type FirestoreSnapshot,
} from "./firestore/client.ts";
import {
  changed,
  checkLayout,
  classesOf,
  type Documents,
  type FirestoreChanges,
  type FirestoreLayout,
  layoutDocuments,
  ownDocuments,
  type State,
} from "./firestore/layout.ts";
import { removeUnchanged, unchangedSince, unlessRefused } from "./firestore/refusals.ts";
import { checkCollection, defaultCollection, type FirestoreFields } from "./firestore/schema.ts";
import {
  encodeText,
  googleCapabilities,
  idOf,
  instantOf,
  keyOf,
  namesOf,
  type Standing,
} from "./shared/google-record.ts";
import { lazily } from "./shared/lazy.ts";
import { countPrefix, everyPage, lastWith, pageOptions } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";

export type {
  FirestoreBatch,
  FirestoreClient,
  FirestoreCollection,
  FirestoreCondition,
  FirestoreDocument,
  FirestoreQuery,
  FirestoreSnapshot,
} from "./firestore/client.ts";
export type { FirestoreChanges, FirestoreClasses, FirestoreLayout } from "./firestore/layout.ts";
export { type FirestoreFields, firestoreSchema } from "./firestore/schema.ts";

/** What `firestoreStore` takes. */
export interface FirestoreStoreOptions {
  /**
   * Your client: a `Firestore` of `@google-cloud/firestore`, or what `getFirestore()` of firebase-admin returns. Or a
   * function that returns one, or a promise of one: it is called once, when the store is first used. The store never
   * configures or terminates it.
   */
  readonly client: FirestoreClient | (() => FirestoreClient | Promise<FirestoreClient>);
  /** The path of the collection. Default: the layout's own, else `"sojourn_sessions"`. Keep nothing else in the collection. */
  readonly collection?: string | undefined;
  /** Other names for the fields. Default `{ payload, expiresAt, subject, version }`, each named as it is. */
  readonly fields?: FirestoreFields | undefined;
  /**
   * The layout of another program, to share its sessions: `flask2Firestore()` or `flaskPlusFirestore()` of
   * `sojourn/flask`. Excludes `fields`. Default: this library's own documents.
   */
  readonly layout?: FirestoreLayout | undefined;
  /** The current time in epoch milliseconds, which decides when a session has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** A {@link Store} with all optional methods of the Firestore store. */
export type FirestoreStore = Store & Required<Pick<Store, "list" | "page" | "count" | "listBySubject" | "prune">>;

/** The same with a layout, which has no room for the subject: sessions cannot be found by subject. */
export type FirestoreBareStore = Store & Required<Pick<Store, "list" | "page" | "count" | "prune">>;

/**
 * Keeps sessions in a collection of Firestore in native mode.
 *
 * You do not have to create anything. Run the commands of {@link firestoreSchema} once, so that Firestore removes ended
 * sessions. Errors of the client are passed on unchanged.
 *
 * @throws TypeError when `client` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type FirestoreClient, firestoreStore } from "sojourn/stores/firestore";
 *
 * export function sessionsIn(client: FirestoreClient) {
 *   return createSessions({ name: "shop", store: firestoreStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function firestoreStore(options: FirestoreStoreOptions & { readonly layout?: undefined }): FirestoreStore;
/** The same with a layout: without `listBySubject`. */
export function firestoreStore(options: FirestoreStoreOptions): FirestoreBareStore;
export function firestoreStore(options: FirestoreStoreOptions): FirestoreBareStore {
  checkOptions<FirestoreStoreOptions>("firestoreStore", options, known, "firestoreStore({ client: new Firestore() })");
  const { client, fields, layout, now = Date.now } = options;
  const names = namesOf("fields", fields ?? {});
  if (layout !== undefined) checkLayout(layout);
  if (layout && fields) throw wrongArgument("fields", "left out where there is a layout", fields);
  const { collection = layout?.collection ?? defaultCollection } = options;
  checkCollection(collection);
  const connect = lazily(client, (given) => {
    const own = clientOf(given);
    if (layout) classesOf(own);
    return own;
  });
  const documents = layout ? layoutDocuments(layout) : ownDocuments(names);
  const { expiresAt: endField, fieldMask } = documents;
  const isLive = (standing: Standing): boolean => standing.expiresAt > now();

  /** The state of a document, without its payload where that does not matter. Its time of update is that of the whole document. */
  async function look(own: FirestoreClient, document: FirestoreDocument): Promise<State | null> {
    const [snapshot] = await own.getAll(document as never, ...(fieldMask ? [{ fieldMask } as never] : []));
    return snapshot ? documents.stateIn(snapshot) : null;
  }

  /**
   * Writes `next` to `to`, and deletes `from` with it if there is one, in one commit.
   *
   * Compared is the time of update, which `read` has told already: one request, where a transaction takes two and
   * locks (measured on the emulator, 10 ms to 17, and of fifty at once 0.3 s to 4). A touch moves that time and not the
   * version: a write that loses to one looks again. A write that finds its own version there had won before; the answer was lost.
   */
  async function write(
    prepared: ReturnType<Documents["prepare"]>,
    to: string,
    occupant: State | null,
    from?: { readonly key: string; readonly state: State },
  ): Promise<Version | null> {
    const own = await connect();
    const next = prepared(own);
    const at = (key: string): FirestoreDocument => own.collection(collection).doc(idOf(key));
    const stands = (then: State, found: State | null): boolean => found?.stamp === then.stamp && isLive(found);
    let [there, source] = [occupant, from?.state];
    for (let refusals = 0; ; refusals++) {
      // What had ended when it was read may have been touched in time.
      const worthTrying = (!occupant || (there && isLive(there))) && (!source || isLive(source));
      if (worthTrying) {
        const batch = own.batch();
        const base = from ? source : occupant && there;
        const changes = base ? documents.changes(next, base) : { write: next.values, remove: [] };
        const values = base?.values ? changed(base.values, changes) : next.values;
        // Another program's fields of a session that has ended are not to be part of a new one.
        const replaces = there !== null && occupant === null && layout !== undefined;
        if (replaces) batch.delete(at(to), unchangedSince(there as State));
        if (replaces) batch.set(at(to), values);
        else if (there) update(own, batch, at(to), changes, there);
        else batch.create(at(to), values);
        if (from && source) batch.delete(at(from.key), unchangedSince(source));
        const result = (await batch.commit().catch(unlessRefused(refusals)))[replaces ? 1 : 0];
        const { stamp, expiresAt } = next;
        if (result)
          return { stamp, expiresAt, updateTime: result.writeTime, ...(layout && { values }) } satisfies State;
      }
      const [inTo, inFrom] = await Promise.all([look(own, at(to)), from && look(own, at(from.key))]);
      if (documents.stampsAreNew && inTo?.stamp === next.stamp) return inTo;
      if (occupant ? !stands(occupant, inTo) : inTo && isLive(inTo)) return null;
      if (from && !stands(from.state, inFrom ?? null)) return null;
      there = inTo;
      source = inFrom ?? undefined;
    }
  }

  function update(
    own: FirestoreClient,
    batch: FirestoreBatch,
    document: FirestoreDocument,
    { write, remove }: FirestoreChanges,
    there: State,
  ): void {
    const condition = unchangedSince(there);
    if (!layout) {
      batch.update(document, write, condition);
      return;
    }
    // A name by itself would be taken for a path.
    const { FieldPath, FieldValue } = classesOf(own);
    const gone = remove.map((name) => [name, FieldValue.delete()] as const);
    const pairs = [...Object.entries(write), ...gone].flatMap(([name, value]) => [new FieldPath(name), value]);
    (batch.update as (...args: unknown[]) => unknown).call(batch, document, ...pairs, condition);
  }

  function* rowsOf(found: readonly FirestoreSnapshot[]): Iterable<ListedRecord> {
    for (const document of found) {
      const [key, record] = [keyOf(document.ref.id), documents.storedIn(document)];
      if (key !== null && record && record.expiresAt > now()) yield { ...record, key };
    }
  }

  const page = async (options?: PageOptions): Promise<RecordPage> => {
    const { limit, cursor, subject, prefix } = pageOptions(options, layout === undefined);
    const own = (await connect()).collection(collection);
    const some = subject === undefined ? own : own.where(names.subject, "==", encodeText(subject));
    const start = cursor ?? idOf(prefix);
    const sorted = some.orderBy("__name__");
    const { docs } = await (start === "" ? sorted : sorted.startAfter(start)).limit(limit).get();
    const last = docs.at(-1)?.ref.id;
    const rows = [...rowsOf(docs)].filter(
      ({ key, subject: owner }) => key.startsWith(prefix) && (subject === undefined || owner === subject),
    );
    const isOver = last === undefined || docs.length < limit || last > idOf(lastWith(prefix));
    return { records: rows, cursor: isOver ? undefined : last };
  };

  const store: FirestoreBareStore = {
    name: "firestore",
    space: options.collection === undefined && layout === undefined ? "common" : "own",
    capabilities: { ...googleCapabilities, bySubject: layout === undefined },
    async read(key) {
      const record = documents.storedIn(await (await connect()).collection(collection).doc(idOf(key)).get());
      return record && record.expiresAt > now() ? record : null;
    },
    async create(key, record) {
      return write(documents.prepare(key, record), key, null);
    },
    async update(key, record, version) {
      return write(documents.prepare(key, record), key, version as State);
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
        batch.update(document, { [endField]: later }, unchangedSince(found));
        const [result] = await batch.commit().catch(unlessRefused(refusals));
        if (result) return true;
      }
    },
    async rename(from, to, record, version) {
      const state = version as State;
      return from === to ? null : write(documents.prepare(to, record), to, null, { key: from, state });
    },
    async delete(key) {
      await (await connect()).collection(collection).doc(idOf(key)).delete();
    },
    list: () => everyPage(page),
    page,
    async count(options) {
      const prefix = countPrefix(options);
      const own = (await connect()).collection(collection);
      // Two ranges in one query would need an index of the user's; what has ended goes soon where there is a TTL policy.
      const query =
        prefix === ""
          ? own.where(endField, ">", new Date(now()))
          : own.where("__name__", ">", idOf(prefix)).where("__name__", "<", idOf(lastWith(prefix)));
      const { count } = query.count ? (await query.count().get()).data() : { count: (await query.get()).docs.length };
      return { count, estimate: prefix !== "" };
    },
    async prune(options) {
      const { limit } = pruneOptions(options);
      const own = await connect();
      const ended = own.collection(collection).where(endField, "<=", new Date(now()));
      const { docs } = await ended.select().limit(limit).get();
      let removed = 0;
      for (let start = 0; start < docs.length; start += pageSize) {
        removed += await removeUnchanged(own, docs.slice(start, start + pageSize));
      }
      // What was seen is removed or lives again: there is no place to go on from but the beginning.
      return { removed, cursor: docs.length < limit ? undefined : "more" };
    },
  };
  if (layout) return store;
  store.listBySubject = async function* (subject) {
    const query = (await connect()).collection(collection).where(names.subject, "==", encodeText(subject));
    for (const row of rowsOf((await query.get()).docs)) if (row.subject === subject) yield row;
  };
  return store;
}

const known = { client: true, collection: true, fields: true, layout: true, now: true } as const;

const pageSize = 100;
