/**
 * A small store that several processes share: one table of `node:sqlite` in one file. Only to test the suites with;
 * `args.breaks` makes it lose a promise.
 */

import { DatabaseSync } from "node:sqlite";
import type { ListedRecord, Store } from "../../src/core/contracts/store.ts";
import type { OpenOptions } from "../../src/testing/index.ts";

/** What {@link open} takes beside the usual. */
export interface TableArgs {
  readonly directory: string;
  readonly breaks?: "create" | "update" | "resurrection" | "rename" | "prune" | "close" | "crash";
}

/** Milliseconds a broken store takes between two steps that should be one; 1 where this says nothing. */
const gaps: Record<string, number> = { crash: 20, prune: 5 };

type Row = Record<"key" | "version" | "expires", unknown> & { payload: string | Uint8Array; subject: string | null };

/** A store over one file per space. */
export function open({ space, now }: OpenOptions, { directory, breaks }: TableArgs): Store {
  const db = new DatabaseSync(`${directory}/${space}.db`);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 10000");
  db.exec(
    "CREATE TABLE IF NOT EXISTS s (key TEXT PRIMARY KEY, payload, expires INTEGER, subject TEXT, version INTEGER) STRICT".replace(
      "payload,",
      "payload ANY,",
    ),
  );
  db.exec(
    "CREATE TABLE IF NOT EXISTS counter (n INTEGER); INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter)",
  );
  const one = (sql: string, ...values: (string | number | Uint8Array | null)[]): Row | undefined =>
    db.prepare(sql).get(...values) as Row | undefined;
  const next = (): number => one("UPDATE counter SET n = n + 1 RETURNING n AS version")?.version as number;
  const shape = (row: Row): ListedRecord => ({
    key: row.key as string,
    payload: row.payload,
    expiresAt: row.expires as number,
    version: row.version as number,
    ...(row.subject !== null && { subject: row.subject }),
  });
  const rows = async function* (sql: string, ...values: (string | number)[]): AsyncGenerator<ListedRecord> {
    for (const row of db.prepare(sql).all(...values)) yield shape(row as Row);
  };
  /** Not in one step with what follows it, in a broken store. */
  const gap = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, gaps[breaks ?? ""] ?? 1));
  let timer: NodeJS.Timeout | undefined;
  if (breaks === "close") timer = setInterval(() => {}, 1000);

  const store: Store = {
    name: "table",
    capabilities: {
      compareAndSwap: "atomic",
      nativeExpiry: false,
      expiryGranularity: 1,
      clock: "ours",
      atomicRename: true,
      list: true,
      bySubject: true,
      shared: true,
      maxPayloadBytes: undefined,
    },
    async read(key) {
      const row = one("SELECT * FROM s WHERE key = ? AND expires > ?", key, now());
      return row ? shape(row) : null;
    },
    async create(key, { payload, expiresAt, subject = null }) {
      if (breaks === "create") {
        if ((await store.read(key)) !== null) return null;
        await gap();
        db.prepare("DELETE FROM s WHERE key = ?").run(key);
      }
      const row = one(
        `INSERT INTO s VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET payload = ?2, expires = ?3,
         subject = ?4, version = ?5 WHERE expires <= ?6 RETURNING version`,
        ...[key, payload, expiresAt, subject ?? null, next(), now()],
      );
      return row ? (row.version as number) : null;
    },
    async update(key, { payload, expiresAt, subject = null }, version) {
      if (breaks === "update" || breaks === "resurrection") {
        const found = await store.read(key);
        if (found?.version !== version) return null;
        await gap();
        version = (await store.read(key))?.version ?? 0;
        if (version === 0 && breaks === "resurrection") return store.create(key, { payload, expiresAt });
      }
      if (breaks === "crash") {
        db.prepare("UPDATE s SET payload = ? WHERE key = ?").run(payload.slice(0, 100), key);
        await gap();
      }
      const row = one(
        "UPDATE s SET payload = ?, expires = ?, subject = ?, version = ? WHERE key = ? AND expires > ? AND version = ? RETURNING version",
        ...[payload, expiresAt, subject ?? null, next(), key, now(), version as number],
      );
      return row ? (row.version as number) : null;
    },
    async touch(key, expiresAt) {
      const row = one(
        "UPDATE s SET expires = max(expires, ?) WHERE key = ? AND expires > ? RETURNING *",
        expiresAt,
        key,
        now(),
      );
      return row !== undefined;
    },
    async rename(from, to, { payload, expiresAt, subject = null }, version) {
      if (breaks === "rename") {
        if ((await store.read(from))?.version !== version) return null;
        await gap();
        const renamed = await store.create(to, { payload, expiresAt, subject: subject ?? undefined });
        await store.delete(from);
        return renamed;
      }
      db.exec("BEGIN IMMEDIATE");
      try {
        db.prepare("DELETE FROM s WHERE key = ? AND expires <= ?").run(to, now());
        const row = one(
          `UPDATE OR IGNORE s SET key = ?, payload = ?, expires = ?, subject = ?, version = ?
           WHERE key = ? AND key <> ? AND expires > ? AND version = ? RETURNING version`,
          ...[to, payload, expiresAt, subject ?? null, next(), from, to, now(), version as number],
        );
        return row ? (row.version as number) : null;
      } finally {
        db.exec("COMMIT");
      }
    },
    async delete(key) {
      db.prepare("DELETE FROM s WHERE key = ?").run(key);
    },
    list: () => rows("SELECT * FROM s WHERE expires > ?", now()),
    listBySubject: (subject) => rows("SELECT * FROM s WHERE expires > ? AND subject = ?", now(), subject),
    async prune({ limit = 1000 } = {}) {
      const ended = "SELECT key FROM s WHERE expires <= ? LIMIT ?";
      if (breaks === "prune") {
        const keys = db.prepare(ended).all(now(), limit);
        await gap();
        for (const { key } of keys) await store.delete(key as string);
        return { removed: keys.length, cursor: keys.length === limit ? "more" : undefined };
      }
      const { changes } = db.prepare(`DELETE FROM s WHERE key IN (${ended})`).run(now(), limit);
      return { removed: Number(changes), cursor: changes === limit ? "more" : undefined };
    },
    async close() {
      if (breaks !== "close") clearInterval(timer);
      if (db.isOpen) db.close();
    },
  };
  return store;
}
