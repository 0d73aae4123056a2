/** The file store over a place: what each call does. */

import { ticks } from "../../core/contracts/clock.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { pruneOptions } from "../../core/contracts/known.ts";
import type {
  CountOptions,
  ListedRecord,
  PageOptions,
  PruneOptions,
  PruneResult,
  RecordCount,
  RecordPage,
  Store,
  StoreCapabilities,
  StoreRecord,
  Version,
} from "../../core/contracts/store.ts";
import { countPrefix, everyPage, pageOptions } from "../shared/listing.ts";
import { recordsOfSubject } from "./by-subject.ts";
import { lifeOf } from "./mark.ts";
import type { Place } from "./place.ts";
import { encodeRecord } from "./record-file.ts";
import { type Content, listed, Records, stored } from "./records.ts";
import { grace, nameOf, nonce } from "./steps.ts";
import { SubjectIndex } from "./subject-index.ts";

/** A {@link Store} with all optional methods of the file store. */
export type FileStore = Store & Required<Pick<Store, "list" | "page" | "count" | "listBySubject" | "prune">>;

const capabilities: StoreCapabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: true,
  list: true,
  bySubject: true,
  pages: true,
  count: "estimate",
  shared: true,
  maxPayloadBytes: undefined,
};

/** Keeps records in a place. */
export function filesIn(place: Place, durable: boolean, now: () => number): FileStore {
  const { base, exists } = place;
  const records = new Records({ root: place.records, base, durable }, now);
  const index = new SubjectIndex({ root: place.subjects, base, durable });

  /** Writes a record, after its entry in the index. */
  async function write(
    key: string,
    record: StoreRecord,
    life: string,
    step: (name: string, content: Content) => Promise<string | null>,
    source?: string,
  ): Promise<Version | null> {
    const content = { bytes: encodeRecord(key, record), expiresAt: instant(record.expiresAt) };
    const name = nameOf(key);
    if (record.subject === undefined) return step(name, content);
    const [subject, began] = [nameOf(record.subject), ticks()];
    if (source !== undefined) await index.link(subject, source, name);
    await index.add(subject, name, life);
    const version = await step(name, content);
    // Suspended for so long that the entry may have been taken for a left-over: see the index.
    if (version !== null && ticks() - began > grace / 2) await index.add(subject, name, life);
    return version;
  }

  async function* listBySubject(subject: string, answered?: () => void): AsyncIterable<ListedRecord> {
    if (exists()) yield* recordsOfSubject(subject, index, records, answered);
  }

  async function page(options?: PageOptions): Promise<RecordPage> {
    const { limit, cursor = "", subject, prefix } = pageOptions(options);
    const rows: ListedRecord[] = [];
    if (!exists()) return { records: rows, cursor: undefined };
    let last = cursor;
    for await (const name of subject === undefined ? records.names(cursor) : index.names(nameOf(subject), cursor)) {
      if (rows.length === limit) return { records: rows, cursor: last };
      last = name;
      const found = await records.find(name);
      const isIn = found?.key.startsWith(prefix) && (subject === undefined || found.subject === subject);
      if (found && isIn) rows.push(listed(found));
    }
    return { records: rows, cursor: undefined };
  }

  /** Names are hashes, so the first of them are as good as any. */
  async function count(options?: CountOptions, answered?: () => void): Promise<RecordCount> {
    const prefix = countPrefix(options);
    let [all, looked, live] = [0, 0, 0];
    for await (const name of exists() ? records.names("") : []) {
      all += 1;
      if (looked === mostCounted) continue;
      looked += 1;
      if ((await records.find(name))?.key.startsWith(prefix)) live += 1;
      answered?.();
    }
    return { count: Math.round((all * live) / Math.max(looked, 1)), estimate: all > looked };
  }

  async function prune(options?: PruneOptions): Promise<PruneResult> {
    const { limit, cursor = "r" } = pruneOptions(options);
    const [part, after] = [cursor.slice(0, 1), cursor.slice(1)];
    let [removed, seen] = [0, 0];
    if (!exists()) return { removed, cursor: undefined };
    if (part !== "s") {
      for await (const name of records.names(after)) {
        if (await records.prune(name)) removed += 1;
        seen += 1;
        if (removed === limit || seen === limit * 10) return { removed, cursor: `r${name}` };
      }
    }
    for await (const subject of index.subjects(part === "s" ? after : "")) {
      for (const [name, entries] of (await index.read(subject)).entries) {
        const found = await records.find(name);
        const right = found?.subject !== undefined && nameOf(found.subject) === subject;
        for (const entry of entries) await index.judge(subject, name, entry, right && found.life === entry.life);
        seen += 1;
      }
      await index.prune(subject);
      seen += 1;
      if (seen >= limit * 10) return { removed, cursor: `s${subject}` };
    }
    return { removed, cursor: undefined };
  }

  return {
    name: "file",
    space: "own",
    capabilities,

    async read(key) {
      const found = exists() && (await records.find(nameOf(key)));
      return found ? stored(found) : null;
    },

    async create(key, record) {
      await place.make(durable);
      const life = nonce();
      return write(key, record, life, (name, content) => records.create(name, content, life));
    },

    async update(key, record, version) {
      const life = lifeOf(version);
      if (life === undefined || !exists()) return null;
      return write(key, record, life, (name, content) => records.update(name, content, version));
    },

    async touch(key, expiresAt) {
      return exists() && records.touch(nameOf(key), instant(expiresAt));
    },

    async rename(from, to, record, version) {
      if (!exists()) return null;
      const [source, life] = [nameOf(from), nonce()];
      const step = (name: string, content: Content) => records.rename(source, name, content, life, version);
      return write(to, record, life, step, source);
    },

    async delete(key, subject) {
      if (!exists()) return;
      const name = nameOf(key);
      const life = await records.delete(name);
      if (life !== undefined && subject !== undefined) await index.remove(nameOf(subject), name, life);
    },

    examine: async () => (await import("./examine.ts")).examine(base),
    list: () => everyPage(page),
    listBySubject,
    page,
    count,
    prune,
  };
}

/** How many records `count` looks at before it estimates. */
const mostCounted = 2000;

/** An expiry as it fits into a name. Rounded up: a record never ends early. */
function instant(expiresAt: number): number {
  if (typeof expiresAt !== "number" || Number.isNaN(expiresAt)) {
    throw wrongArgument("expiresAt", "epoch milliseconds", expiresAt);
  }
  return Math.min(Math.max(0, Math.ceil(expiresAt)), Number.MAX_SAFE_INTEGER);
}
