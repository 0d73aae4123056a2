/** Broken stores: each breaks one promise of the store contract, and names the case that must notice. */

import { SessionError } from "../../src/core/contracts/errors.ts";
import type {
  ListedRecord,
  PageOptions,
  Store,
  StoreCapabilities,
  StoredRecord,
  StoreRecord,
  Version,
} from "../../src/core/contracts/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { StoreHarness } from "../../src/testing/index.ts";

/** What to replace in a store, to break it. */
export type Break = (store: Store, now: () => number) => Partial<Store>;

const largest = 200_000;

/** A memory store of everything a store can be: shared by all handles of a space, limited in size, with setup and close. */
function whole(inner: Store): Store {
  const fits = (record: StoreRecord): StoreRecord => {
    if (Buffer.byteLength(record.payload) > largest) throw new SessionError("ERR_SESSION_TOO_LARGE", "too large");
    return record;
  };
  return {
    ...inner,
    ...rewrite(inner, fits),
    capabilities: { ...inner.capabilities, shared: true, maxPayloadBytes: largest },
    async setup() {},
    examine: async () => [{ about: "version", state: "good", found: "1" }],
    async close() {},
  };
}

/** Such a store with some methods replaced by broken ones. */
export function broken(replace: Break, claims: Partial<StoreCapabilities> = {}): StoreHarness {
  const spaces = new Map<string, Store>();
  const open = (space: string, now: () => number): Store => {
    const inner = spaces.get(space) ?? memoryStore({ now });
    spaces.set(space, inner);
    const store = whole(inner);
    return { ...store, capabilities: { ...store.capabilities, ...claims }, ...replace(store, now) };
  };
  return { name: "broken", sample: open("sample", Date.now), open: ({ space, now }) => open(space, now) };
}

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function* nothing(): AsyncGenerator<never> {}

function methodsOf({ capabilities: _, ...methods }: Store): Partial<Store> {
  return methods;
}

/** Writes without comparing: the inner store's version is read just before. */
async function force(store: Store, key: string, record: StoreRecord): Promise<Version | null> {
  const found = await store.read(key);
  return found === null ? store.create(key, record) : store.update(key, record, found.version);
}

/** Pages and counts records for ever. */
const ended: Break = (store) => {
  const made = new Map<string, ListedRecord>();
  return {
    async create(key, record) {
      const version = await store.create(key, record);
      if (version !== null) made.set(key, { ...record, key, version });
      return version;
    },
    page: async () => ({ records: [...made.values()], cursor: undefined }),
    count: async () => ({ count: made.size, estimate: false }),
  };
};

export interface Mutant {
  readonly does: string;
  /** A part of the "group: name" of a case that must fail. */
  readonly caughtBy: string;
  readonly claims?: Partial<StoreCapabilities>;
  readonly breaks: Break;
}

/** Asks for every key, and gives it back, in another spelling. */
function respell(store: Store, spell: (key: string) => string): Partial<Store> {
  return {
    read: (key) => store.read(spell(key)),
    create: (key, record) => store.create(spell(key), record),
    update: (key, record, version) => store.update(spell(key), record, version),
    touch: (key, expiresAt) => store.touch(spell(key), expiresAt),
    rename: (from, to, record, version) => store.rename(spell(from), spell(to), record, version),
    delete: (key) => store.delete(spell(key)),
  };
}

/** Stores another record than the one it was given. */
export function rewrite(store: Store, change: (record: StoreRecord) => StoreRecord): Partial<Store> {
  return {
    create: (key, record) => store.create(key, change(record)),
    update: (key, record, version) => store.update(key, change(record), version),
    rename: (from, to, record, version) => store.rename(from, to, change(record), version),
  };
}

export const mutants: readonly Mutant[] = [
  {
    does: "updates whatever the version",
    caughtBy: "version: from before an update is refused",
    breaks: (store) => ({
      update: async (key, record) => ((await store.read(key)) === null ? null : force(store, key, record)),
    }),
  },
  {
    does: "creates on update",
    caughtBy: "update: returns null for a key without a record",
    breaks: (store) => ({
      update: async (key, record, version) =>
        (await store.read(key)) === null ? store.create(key, record) : store.update(key, record, version),
    }),
  },
  {
    does: "overwrites on create",
    caughtBy: "create: returns null for a taken key",
    breaks: (store) => ({ create: (key, record) => force(store, key, record) }),
  },
  {
    does: "compares and creates in two steps",
    caughtBy: "race over one handle: of many creates",
    breaks: (store) => ({
      async create(key, record) {
        if ((await store.read(key)) !== null) return null;
        await pause();
        return force(store, key, record);
      },
    }),
  },
  {
    does: "compares and updates in two steps",
    caughtBy: "race over one handle: counters are exact",
    breaks: (store) => ({
      async update(key, record, version) {
        const found = await store.read(key);
        if (found?.version !== version) return null;
        await pause();
        return force(store, key, record);
      },
    }),
  },
  {
    does: "brings a record back that was deleted during its update",
    caughtBy: "race over one handle: a record deleted while others update it",
    breaks: (store) => ({
      async update(key, record, version) {
        const found = await store.read(key);
        if (found?.version !== version) return null;
        await pause();
        return (await store.update(key, record, version)) ?? store.create(key, record);
      },
    }),
  },
  {
    does: "leaves the expiry alone on update",
    caughtBy: "update: can shorten the expiry",
    breaks: (store) => ({
      async update(key, record, version) {
        const found = await store.read(key);
        return store.update(key, { ...record, expiresAt: found?.expiresAt ?? 0 }, version);
      },
    }),
  },
  {
    does: "keeps the subject when an update has none",
    caughtBy: "update: can remove the subject",
    breaks: (store) => ({
      async update(key, record, version) {
        const found = await store.read(key);
        return store.update(key, { ...record, subject: record.subject ?? found?.subject }, version);
      },
    }),
  },
  {
    does: "shortens on touch",
    caughtBy: "touch: never shortens: an earlier",
    breaks: (store, now) => ({
      async touch(key, expiresAt) {
        const found = await store.read(key);
        if (found === null) return false;
        if (expiresAt <= now()) return true;
        await store.delete(key);
        await store.create(key, { ...found, expiresAt });
        return true;
      },
    }),
  },
  {
    does: "changes the version on touch",
    caughtBy: "version: survives a touch: a",
    breaks: (store) => ({
      async touch(key, expiresAt) {
        const found = await store.read(key);
        if (found === null) return false;
        await store.update(key, { ...found, expiresAt: Math.max(expiresAt, found.expiresAt) }, found.version);
        return true;
      },
    }),
  },
  {
    does: "creates on touch",
    caughtBy: "touch: returns false for a key without a record",
    breaks: (store) => ({
      async touch(key, expiresAt) {
        if (!(await store.touch(key, expiresAt))) await store.create(key, { payload: "", expiresAt });
        return true;
      },
    }),
  },
  {
    does: "answers true to every touch",
    caughtBy: "expiry: an expired record cannot be touched",
    breaks: (store) => ({ touch: async (key, expiresAt) => (await store.touch(key, expiresAt)) || true }),
  },
  {
    does: "does nothing on touch",
    caughtBy: "touch: moves the expiry of",
    breaks: (store) => ({ touch: async (key) => (await store.read(key)) !== null }),
  },
  {
    does: "writes back on touch what it read before",
    caughtBy: "race over one handle: a record touched and updated in parallel",
    breaks: (store) => ({
      async touch(key, expiresAt) {
        const found = await store.read(key);
        if (found === null) return false;
        await pause();
        const newest = await store.read(key);
        if (newest === null) return false;
        if (newest.version === found.version) return store.touch(key, expiresAt);
        await store.update(key, { ...found, expiresAt }, newest.version);
        return true;
      },
    }),
  },
  {
    does: "recreates on touch a record deleted since",
    caughtBy: "race over one handle: a record touched and deleted in parallel",
    breaks: (store) => ({
      async touch(key, expiresAt) {
        const found = await store.read(key);
        if (found === null) return false;
        await pause();
        if (!(await store.touch(key, expiresAt))) await store.create(key, { ...found, expiresAt });
        return true;
      },
    }),
  },
  {
    does: "does nothing on delete",
    caughtBy: "delete: removes the record",
    breaks: () => ({ async delete() {} }),
  },
  {
    does: "rejects when it deletes what is not there",
    caughtBy: "delete: of a missing record succeeds, twice",
    breaks: (store) => ({
      async delete(key) {
        if ((await store.read(key)) === null) throw new Error("no such record");
        await store.delete(key);
      },
    }),
  },
  {
    does: "deletes every key with the same beginning",
    caughtBy: "delete: keeps other records",
    breaks: (store) => ({
      async delete(key) {
        for await (const row of store.list!()) if (row.key.startsWith(key)) await store.delete(row.key);
      },
    }),
  },
  {
    does: "leaves the old key alive on rename",
    caughtBy: "rename: frees the old key: no",
    breaks: (store) => ({
      async rename(from, to, record, version) {
        return (await store.read(from))?.version === version ? store.create(to, record) : null;
      },
    }),
  },
  {
    does: "renames over a taken key",
    caughtBy: "rename: to a taken key returns null",
    breaks: (store) => ({
      async rename(from, to, record, version) {
        if ((await store.read(from))?.version !== version) return null;
        if (from !== to) await store.delete(to);
        return store.rename(from, to, record, version);
      },
    }),
  },
  {
    does: "renames whatever the version",
    caughtBy: "rename: with a stale version returns null",
    breaks: (store) => ({
      async rename(from, to, record) {
        const found = await store.read(from);
        return found === null ? null : store.rename(from, to, record, found.version);
      },
    }),
  },
  {
    does: "leaves a refused rename's copy under the new key",
    caughtBy: "rename: with a stale version returns null",
    breaks: (store) => ({
      async rename(from, to, record, version) {
        const renamed = await store.create(to, record);
        if (renamed === null || (await store.read(from))?.version !== version) return null;
        await store.delete(from);
        return renamed;
      },
    }),
  },
  {
    does: "renames without comparing when it ends the old key",
    caughtBy: "race over one handle: of many renames of one record",
    claims: { atomicRename: false },
    breaks: (store) => ({
      async rename(from, to, record, version) {
        if ((await store.read(from))?.version !== version) return null;
        await pause();
        const renamed = await store.create(to, record);
        if (renamed !== null) await store.delete(from);
        return renamed;
      },
    }),
  },
  {
    does: "deletes first and creates then on rename",
    caughtBy: "race over one handle: a record that is being renamed is always under one",
    claims: { atomicRename: false },
    breaks: (store, now) => ({
      async rename(from, to, record, version) {
        if ((await store.read(to)) !== null) return null;
        if ((await store.update(from, { payload: "", expiresAt: now() - 1 }, version)) === null) return null;
        await pause();
        return store.create(to, record);
      },
    }),
  },
  {
    does: "claims an atomic rename and creates first, deletes then",
    caughtBy: "race over one handle: a record that is being renamed is always under one",
    breaks: (store, now) => ({
      async rename(from, to, record, version) {
        const renamed = await store.create(to, record);
        if (renamed === null) return null;
        await pause();
        if ((await store.update(from, { payload: "", expiresAt: now() - 1 }, version)) !== null) return renamed;
        await store.delete(to);
        return null;
      },
    }),
  },
  {
    does: "reads expired records",
    caughtBy: "expiry: an expired record is not read",
    breaks: () => methodsOf(memoryStore({ now: () => 0 })),
  },
  {
    does: "keeps the key of an expired record taken",
    caughtBy: "expiry: the key of an expired record is free: create works",
    breaks: (store, now) => {
      const ends = new Map<string, number>();
      return {
        async create(key, record) {
          if ((ends.get(key) ?? Number.POSITIVE_INFINITY) <= now()) return null;
          ends.set(key, record.expiresAt);
          return store.create(key, record);
        },
        async delete(key) {
          ends.delete(key);
          await store.delete(key);
        },
      };
    },
  },
  {
    does: "ends records a second early",
    caughtBy: "expiry: a record is live until just",
    breaks: (_, now) => methodsOf(memoryStore({ now: () => now() + 1000 })),
  },
  {
    does: "rounds an expiry down to whole seconds",
    caughtBy: "expiry: an expiry between two steps is rounded up",
    claims: { expiryGranularity: 1000 },
    breaks: (store) =>
      rewrite(store, (record) => ({ ...record, expiresAt: Math.floor(record.expiresAt / 1000) * 1000 })),
  },
  {
    does: "takes no expiry beyond 30 days",
    caughtBy: "expiry: an instant 400 days ahead",
    breaks: (store, now) =>
      rewrite(store, (record) => ({ ...record, expiresAt: Math.min(record.expiresAt, now() + 30 * 86_400_000) })),
  },
  {
    does: "rejects a record that has already ended",
    caughtBy: "expiry: a record already expired when it is written is",
    breaks: (store, now) =>
      rewrite(store, (record) => {
        if (record.expiresAt <= now()) throw new Error("invalid expire time in 'set' command");
        return record;
      }),
  },
  {
    does: "keeps a record for ever whose expiry lies in the past",
    caughtBy: "expiry: an update or rename with an instant in the past",
    breaks: (store, now) =>
      rewrite(store, (record) =>
        record.expiresAt > now() ? record : { ...record, expiresAt: Number.POSITIVE_INFINITY },
      ),
  },
  {
    does: "gives bytes back as text",
    caughtBy: "payload: bytes come back as bytes: all 256 values",
    breaks: (store) =>
      rewrite(store, (record) => ({ ...record, payload: Buffer.from(record.payload as string).toString("latin1") })),
  },
  {
    does: "gives text back as bytes",
    caughtBy: "payload: text comes back exactly: one character",
    breaks: (store) => rewrite(store, (record) => ({ ...record, payload: Buffer.from(record.payload as string) })),
  },
  {
    does: "keeps bytes as UTF-8",
    caughtBy: "payload: bytes come back as bytes: valid and broken UTF-8",
    breaks: (store) =>
      rewrite(store, (record) =>
        typeof record.payload === "string"
          ? record
          : { ...record, payload: Uint8Array.from(Buffer.from(Buffer.from(record.payload).toString())) },
      ),
  },
  {
    does: "ends text at NUL",
    caughtBy: "payload: text comes back exactly: NUL",
    breaks: (store) =>
      rewrite(store, (record) =>
        typeof record.payload === "string" ? { ...record, payload: record.payload.split("\0")[0] ?? "" } : record,
      ),
  },
  {
    does: "trims text",
    caughtBy: "payload: text comes back exactly: white space at both ends",
    breaks: (store) =>
      rewrite(store, (record) =>
        typeof record.payload === "string" ? { ...record, payload: record.payload.trim() } : record,
      ),
  },
  {
    does: "takes an empty payload for no record",
    caughtBy: "payload: text comes back exactly: the empty text",
    breaks: (store) => ({
      async read(key) {
        const found = await store.read(key);
        return found?.payload ? found : null;
      },
    }),
  },
  {
    does: "stores the whole buffer of a part",
    caughtBy: "payload: bytes that are a part of a larger buffer",
    breaks: (store) =>
      rewrite(store, (record) =>
        typeof record.payload === "string"
          ? record
          : { ...record, payload: new Uint8Array(record.payload.buffer as ArrayBuffer) },
      ),
  },
  {
    does: "keeps the caller's bytes",
    caughtBy: "payload: bytes changed by the caller after the call",
    breaks: (store) => {
      const handed = new Map<string, string | Uint8Array>();
      return {
        async create(key, record) {
          const version = await store.create(key, record);
          if (version !== null) handed.set(key, record.payload);
          return version;
        },
        async read(key) {
          const found = await store.read(key);
          return found && { ...found, payload: handed.get(key) ?? found.payload };
        },
      };
    },
  },
  {
    does: "hands out its own bytes",
    caughtBy: "payload: bytes changed by their reader",
    breaks: (store) => {
      const given = new Map<Version, string | Uint8Array>();
      return {
        async read(key) {
          const found = await store.read(key);
          if (found === null) return null;
          given.set(found.version, given.get(found.version) ?? found.payload);
          return { ...found, payload: given.get(found.version)! };
        },
      };
    },
  },
  {
    does: "compares keys without case",
    caughtBy: "key: each is its own record: upper and lower case",
    breaks: (store) => respell(store, (key) => key.toLowerCase()),
  },
  {
    does: "cuts keys at 64 characters",
    caughtBy: "key: each is its own record: 200 characters",
    breaks: (store) => respell(store, (key) => key.slice(0, 64)),
  },
  {
    does: "takes keys for paths",
    caughtBy: "key: each is its own record: path-like keys",
    breaks: (store) => respell(store, (key) => new URL(key.replaceAll(" ", ""), "file:///store/").pathname),
  },
  {
    does: "decodes percent signs in keys",
    caughtBy: "key: each is its own record: percent signs",
    breaks: (store) => respell(store, (key) => key.replaceAll(/%2f/gi, "/")),
  },
  {
    does: "keeps records as properties of an object",
    caughtBy: "key: each is its own record: names that objects have",
    breaks: (store) => {
      const known: Record<string, boolean> = {};
      return {
        create: async (key, record) =>
          known[key] && (await store.read(key)) === null ? null : store.create(key, record),
      };
    },
  },
  {
    does: "counts versions per record and from 1 again for a new one",
    caughtBy: "version: of a record that was deleted and created again",
    breaks: (store) => {
      const versions = new Map<string, number>();
      return {
        async read(key) {
          const found = await store.read(key);
          return found && { ...found, version: versions.get(key) ?? 1 };
        },
        async create(key, record) {
          if ((await store.create(key, record)) === null) return null;
          versions.set(key, 1);
          return 1;
        },
        async update(key, record, version) {
          const found = await store.read(key);
          if (found === null || versions.get(key) !== version) return null;
          versions.set(key, (version as number) + 1);
          await store.update(key, record, found.version);
          return (version as number) + 1;
        },
        async rename(from, to, record, version) {
          const found = await store.read(from);
          if (found === null || versions.get(from) !== version) return null;
          if ((await store.rename(from, to, record, found.version)) === null) return null;
          versions.set(to, (version as number) + 1);
          return (version as number) + 1;
        },
      };
    },
  },
  {
    does: "forgets to index a renamed record",
    caughtBy: "rename: moves the record in the index",
    breaks: (store) => {
      const renamed = new Set<string>();
      return {
        async rename(from, to, record, version) {
          const answer = await store.rename(from, to, record, version);
          if (answer !== null) renamed.add(to);
          return answer;
        },
        async *listBySubject(subject) {
          for await (const row of store.listBySubject!(subject)) if (!renamed.has(row.key)) yield row;
        },
      };
    },
  },
  {
    does: "leaves a record in the index of the subject it had before",
    caughtBy: "listBySubject: follows an update",
    breaks: (store) => {
      const first = new Map<string, string>();
      return {
        async create(key, record) {
          if (record.subject !== undefined) first.set(key, record.subject);
          return store.create(key, record);
        },
        async *listBySubject(subject) {
          for await (const row of store.list!()) {
            if (row.subject === subject || first.get(row.key) === subject) yield row;
          }
        },
      };
    },
  },
  {
    does: "lets the index forget a record at its first expiry",
    caughtBy: "expiry: a touch in time keeps the record past its first expiry, in the index too",
    breaks: (store, now) => {
      const ends = new Map<string, number>();
      return {
        async create(key, record) {
          ends.set(key, record.expiresAt);
          return store.create(key, record);
        },
        async *listBySubject(subject) {
          for await (const row of store.listBySubject!(subject))
            if ((ends.get(row.key) ?? now() + 1) > now()) yield row;
        },
      };
    },
  },
  {
    does: "finds subjects by a pattern",
    caughtBy: "listBySubject: distinguishes nearly equal subjects",
    breaks: (store) => ({
      async *listBySubject(subject) {
        for await (const row of store.list!()) if (row.subject?.startsWith(subject)) yield row;
      },
    }),
  },
  {
    does: "reads the index once and then the records",
    caughtBy: "listBySubject: always finds a session that is being renamed, updated and",
    breaks: (store) => ({
      async *listBySubject(subject) {
        const keys: string[] = [];
        for await (const { key } of store.listBySubject!(subject)) keys.push(key);
        for (const key of keys) {
          await pause();
          const found = await store.read(key);
          if (found?.subject === subject) yield { ...found, key };
        }
      },
    }),
  },
  {
    does: "lists the first hundred",
    caughtBy: "list: finds all of 250",
    breaks: (store) => ({
      async *list() {
        let rows = 0;
        for await (const row of store.list!()) if (rows++ < 100) yield row;
      },
    }),
  },
  {
    does: "claims pages and a count, and has neither",
    caughtBy: "page: exists if capabilities.pages says so, and",
    breaks: () => ({ page: undefined, count: undefined }) as unknown as Partial<Store>,
  },
  {
    does: "has always another page",
    caughtBy: "page: of an empty store is empty and the last one",
    breaks: (store) => ({
      page: async (options) => ({ ...(await store.page!(options)), cursor: "0" }),
    }),
  },
  {
    does: "leaves out the last record of a page",
    caughtBy: "page: returns every live record once",
    breaks: (store) => ({
      async page(options) {
        const { records, cursor } = await store.page!(options);
        return { records: cursor === undefined ? records : records.slice(0, -1), cursor };
      },
    }),
  },
  {
    does: "answers a page of keys with any prefix",
    caughtBy: "page: returns only keys with a prefix",
    breaks: (store) => ({ page: async (options) => store.page!({ ...options, prefix: "" }) }),
  },
  {
    does: "answers a page of any subject",
    caughtBy: "page: returns only records of a subject",
    breaks: (store) => ({ page: async (options) => store.page!({ ...options, subject: undefined }) }),
  },
  {
    does: "counts the records that pages have passed",
    caughtBy: "page: continues from a cursor in another process, and",
    breaks: (store) => ({
      async page(options) {
        const { cursor = "0", limit = 100, ...others } = options ?? {};
        await store.page!(options);
        const all: ListedRecord[] = [];
        for await (const row of store.list!()) all.push(row);
        const { subject, prefix = "" } = others as PageOptions;
        const some = all.filter((row) => row.key.startsWith(prefix) && (!subject || row.subject === subject));
        const end = Number(cursor) + limit;
        return { records: some.slice(Number(cursor), end), cursor: end < some.length ? String(end) : undefined };
      },
    }),
  },
  {
    does: "answers pages and counts of what has ended",
    caughtBy: "page: leaves out expired records",
    breaks: ended,
  },
  { does: "counts what has ended", caughtBy: "count: leaves out expired records", breaks: ended },
  {
    does: "takes any option of page and count",
    caughtBy: "page: refuses a wrong limit",
    breaks: (store) => ({ page: async () => store.page!(), count: async () => store.count!() }),
  },
  {
    does: "takes any option of count",
    caughtBy: "count: refuses an unknown option",
    breaks: (store) => ({ count: async () => store.count!() }),
  },
  {
    does: "finds a fault and does not say what to do",
    caughtBy: "examine: changes nothing, reports each check, and says what to do",
    breaks: () => ({ examine: async () => [{ about: "version", state: "fault", found: "0" }] }),
  },
  {
    does: "counts one record too many",
    caughtBy: "count: counts the live records, all and of",
    breaks: (store) => ({
      async count(options) {
        const { count, estimate } = await store.count!(options);
        return { count: count + 1, estimate };
      },
    }),
  },
  {
    does: "lists forever when rows are updated during it",
    caughtBy: "list: ends although each listed record is updated",
    breaks: (store) => ({
      async *list() {
        const seen = new Set<Version>();
        for (let found = true; found; ) {
          found = false;
          for await (const row of store.list!()) {
            if (seen.has(row.version)) continue;
            seen.add(row.version);
            found = true;
            yield row;
          }
        }
      },
    }),
  },
  {
    does: "prunes what lives",
    caughtBy: "prune: removes all expired records and no live one",
    breaks: (store) => ({
      async prune() {
        let removed = 0;
        for await (const { key } of store.list!()) {
          await store.delete(key);
          removed += 1;
        }
        return { removed, cursor: undefined };
      },
    }),
  },
  {
    does: "prunes without a limit",
    caughtBy: "prune: removes no more than its limit",
    breaks: (store) => ({ prune: () => store.prune!() }),
  },
  {
    does: "forgets on prune where it stopped",
    caughtBy: "prune: finishes with a limit of 1, even if nothing",
    breaks: (store) => ({
      prune: async (options) => ({ ...(await store.prune!({ ...options, cursor: undefined })), cursor: "more" }),
    }),
  },
  {
    does: "stops pruning after one batch",
    caughtBy: "prune: removes no more than its limit",
    breaks: (store) => ({ prune: async (options) => ({ ...(await store.prune!(options)), cursor: undefined }) }),
  },
  {
    does: "prunes by key what it saw ended before",
    caughtBy: "prune: never removes a record created on an expired one's key",
    breaks: (store, now) => {
      const ends = new Map<string, number>();
      return {
        async create(key, record) {
          const version = await store.create(key, record);
          if (version !== null) ends.set(key, record.expiresAt);
          return version;
        },
        async prune() {
          const ended = [...ends].filter(([, end]) => end <= now());
          await pause();
          for (const [key] of ended) await store.delete(key);
          return { removed: ended.length, cursor: undefined };
        },
      };
    },
  },
  {
    does: "cuts off what is too large",
    caughtBy: "limit: a payload one byte larger rejects with",
    claims: { maxPayloadBytes: 1000 },
    breaks: (store) => rewrite(store, (record) => ({ ...record, payload: record.payload.slice(0, 1000) })),
  },
  {
    does: "claims to list and cannot",
    caughtBy: "capabilities: agree with the store's",
    breaks: () => ({ list: undefined as never }),
  },
  {
    does: "lists nothing",
    caughtBy: "list: finds every live record",
    breaks: () => ({ list: nothing }),
  },
  {
    does: "removes nothing by itself and has no prune()",
    caughtBy: "capabilities: agree with the store's",
    breaks: () => ({ prune: undefined as never }),
  },
  {
    does: "answers undefined where null is promised",
    caughtBy: "read: returns null for a key that was never written",
    breaks: (store) => ({ read: async (key) => (await store.read(key)) ?? (undefined as never) }),
  },
  {
    does: "gives an empty subject to anonymous sessions",
    caughtBy: "read: returns no subject where none was stored",
    breaks: (store) => ({
      async read(key) {
        const found = await store.read(key);
        return found && { ...found, subject: found.subject ?? "" };
      },
    }),
  },
  {
    does: "reads versions that update does not take",
    caughtBy: "version: from create, from update and from read",
    breaks: (store) => ({
      async read(key) {
        const found = await store.read(key);
        return found && { ...found, version: `${found.version}` };
      },
    }),
  },
  {
    does: "lists anonymous sessions under every subject",
    caughtBy: "listBySubject: finds nothing for a subject without sessions",
    breaks: (store) => ({
      async *listBySubject(subject) {
        for await (const row of store.list!()) if ((row.subject ?? subject) === subject) yield row;
      },
    }),
  },
  {
    does: "claims steps of half a millisecond",
    caughtBy: "capabilities: are complete",
    claims: { expiryGranularity: 0.5 },
    breaks: () => ({}),
  },
  {
    does: "keeps what it has read for the next read",
    caughtBy: "capabilities: shared",
    breaks: (store) => {
      const cache = new Map<string, StoredRecord>();
      return {
        async read(key) {
          const found = cache.get(key) ?? (await store.read(key));
          if (found) cache.set(key, found);
          return found;
        },
        async update(key, record, version) {
          cache.delete(key);
          return store.update(key, record, version);
        },
        async rename(from, to, record, version) {
          cache.delete(from);
          return store.rename(from, to, record, version);
        },
        async delete(key) {
          cache.delete(key);
          return store.delete(key);
        },
      };
    },
  },
  {
    does: "empties itself on setup",
    caughtBy: "life: setup() can be called again",
    breaks: (store) => ({
      async setup() {
        for await (const { key } of store.list!()) await store.delete(key);
      },
    }),
  },
  {
    does: "closes what it shares with other handles",
    caughtBy: "life: close() of one handle",
    breaks: (store) => ({
      async close() {
        for await (const { key } of store.list!()) await store.delete(key);
      },
    }),
  },
  {
    does: "refuses payloads of exactly its limit",
    caughtBy: "limit: a payload of exactly maxPayloadBytes",
    breaks: (store) =>
      rewrite(store, (record) => {
        if (record.payload.length >= largest) throw new SessionError("ERR_SESSION_TOO_LARGE", "too large");
        return record;
      }),
  },
  {
    does: "counts characters where its limit counts octets",
    caughtBy: "limit: a payload one byte larger rejects with",
    claims: { maxPayloadBytes: largest / 2 },
    breaks: (store) =>
      rewrite(store, (record) => {
        if (record.payload.length > largest / 2) throw new SessionError("ERR_SESSION_TOO_LARGE", "too large");
        return record;
      }),
  },
  {
    does: "locks each key only within one handle",
    caughtBy: "race over two handles: counters are exact",
    breaks: (store) => {
      let last: Promise<unknown> = Promise.resolve();
      const locked = <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
        const answer = last.then(work);
        last = answer.catch(() => {});
        return answer;
      };
      return {
        update: (key, record, version) =>
          locked(async () => {
            const found = await store.read(key);
            if (found?.version !== version) return null;
            await pause();
            return force(store, key, record);
          }),
      };
    },
  },
];
