/**
 * What one call of a store takes with few and with many sessions stored: file, SQLite, PostgreSQL, Redis.
 *
 *     npm run bench -- --scale [--max 1000000] [--stores file,sqlite,postgres,redis] [--rounds 1000]
 *
 * Prints one table in Markdown; how it is measured is in bench/README.md.
 */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import pg from "pg";
import { createClient } from "redis";
import type { Store, StoreRecord } from "../src/core/contracts/store.ts";
import { fileStore } from "../src/stores/file.ts";
import { redisStore } from "../src/stores/redis.ts";
import { sqlStore } from "../src/stores/sql.ts";
import { redisVersion, startRedis } from "../test/support/redis-servers.ts";
import { postgresVersion, startPostgres } from "../test/support/sql-servers.ts";

/** What to do in the end, the latest first. */
type Closing = (() => unknown)[];

interface Backend {
  readonly title: string;
  /** How often each kind of prune is measured. */
  readonly prunes: number;
  /** One store for each size, with so many sessions in it, all of them there at the same time. */
  fill(sizes: readonly number[], closing: Closing): Promise<Store[]>;
}

const hour = 3_600_000;
const cart = Array.from({ length: 30 }, (_, at) => `item ${at}`);
const payload = JSON.stringify({ user: "u".repeat(36), cart });
/** The keys of real sessions are digests too: in no order. */
const keyOf = (at: number | string): string => createHash("sha256").update(String(at)).digest("hex");
const subjectOf = (at: number): string => `s${Math.floor(at / 5)}`;
const record = (subject: string, lasts = hour): StoreRecord => ({ payload, expiresAt: Date.now() + lasts, subject });

const { values: options } = parseArgs({
  options: {
    scale: { type: "boolean" },
    max: { type: "string", default: "100000" },
    stores: { type: "string", default: "file,sqlite,postgres,redis" },
    rounds: { type: "string", default: "1000" },
  },
});
const rounds = Number(options.rounds);
const sizes = [1000, 100_000, 1_000_000].filter((size) => size <= Number(options.max));
const [smallest, largest] = [sizes[0], sizes.at(-1)];
if (!smallest || !largest || !(rounds >= 1)) throw new Error("--max takes at least 1000, --rounds at least 1");

let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => (stopped = true));
let shown = 0;

/** Says how far it is, at most every five seconds; ends everything, in order, when it was told to stop. */
function progress(what: string, now = false): void {
  if (stopped) throw new Error("stopped");
  if (!now && performance.now() - shown < 5000) return;
  shown = performance.now();
  console.error(`${(shown / 1000).toFixed(0).padStart(5)} s  ${what}`);
}

const thousands = (count: number): string => count.toLocaleString("en").replaceAll(",", " ");

/** Through the store itself, so many calls at a time. */
async function fillThrough(store: Store, count: number, abreast: number): Promise<void> {
  for (let at = 0; at < count; at += abreast) {
    const some = Array.from({ length: Math.min(abreast, count - at) }, (_, step) => at + step);
    await Promise.all(some.map((one) => store.create(keyOf(one), record(subjectOf(one), hour + one))));
    progress(`${store.name}: ${thousands(at + some.length)} of ${thousands(count)}`);
  }
}

/** Inside the database: the one row that the store has written, over and over with other keys, subjects and ends. */
async function fillFromRow(store: Store, count: number, insert: (from: number, to: number) => unknown): Promise<void> {
  await store.setup?.();
  await store.create("pattern", record("pattern"));
  for (let at = 0; at < count; at += 50_000) {
    await insert(at, Math.min(at + 50_000, count) - 1);
    progress(`${store.name}: ${thousands(at)} of ${thousands(count)}`);
  }
  await store.delete("pattern", "pattern");
}

function directory(closing: Closing): string {
  const path = mkdtempSync(join(tmpdir(), "sojourn-scale-"));
  closing.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const columns = "session_key, payload, kind, expires_at, subject, version";

const backends: Readonly<Record<string, Backend>> = {
  file: {
    title: "file",
    prunes: 5,
    async fill(sizes, closing) {
      const base = directory(closing);
      const stores: Store[] = [];
      for (const size of sizes) {
        const store = fileStore({ directory: join(base, String(size)) });
        await fillThrough(store, size, 50);
        stores.push(store);
      }
      return stores;
    },
  },
  sqlite: {
    title: `SQLite ${process.versions.sqlite}`,
    prunes: 21,
    async fill(sizes, closing) {
      const base = directory(closing);
      const stores: Store[] = [];
      for (const size of sizes) {
        const open = (): DatabaseSync => {
          const db = new DatabaseSync(join(base, `${size}.db`));
          db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
          return db;
        };
        const filler = open();
        try {
          filler.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000");
          filler.function("key_of", (at) => keyOf(Number(at)));
          await fillFromRow(sqlStore({ client: filler }), size, (from, to) =>
            filler
              .prepare(
                `WITH RECURSIVE series(n) AS (SELECT CAST(? AS integer) UNION ALL SELECT n + 1 FROM series WHERE n < ?)
                INSERT INTO sojourn_sessions (${columns}) SELECT key_of(n), payload, kind, expires_at + n, 's' || (n / 5), version
                FROM series, sojourn_sessions WHERE session_key = 'pattern'`,
              )
              .run(from, to),
          );
        } finally {
          filler.close();
        }
        const client = open();
        closing.push(() => client.close());
        stores.push(sqlStore({ client }));
      }
      return stores;
    },
  },
  postgres: {
    title: postgresVersion,
    prunes: 21,
    async fill(sizes, closing) {
      const server = await startPostgres();
      closing.push(() => server.stop());
      const { host, port, user, database } = server;
      const client = new pg.Pool({ host, port, user, database });
      client.on("error", () => {});
      closing.push(() => client.end());
      const stores: Store[] = [];
      for (const size of sizes) {
        const table = `sessions_${size}`;
        const store = sqlStore({ client, table });
        await fillFromRow(store, size, (from, to) =>
          client.query(
            `INSERT INTO ${table} (${columns}) SELECT encode(sha256(CAST(CAST(n AS text) AS bytea)), 'hex'), payload, kind,
              expires_at + n, 's' || (n / 5), version FROM ${table}, generate_series(${from}, ${to}) AS n
              WHERE session_key = 'pattern'`,
          ),
        );
        await client.query(`VACUUM ANALYZE ${table}`);
        stores.push(store);
      }
      return stores;
    },
  },
  redis: {
    title: redisVersion,
    prunes: 0,
    async fill(sizes, closing) {
      const stores: Store[] = [];
      for (const size of sizes) {
        const server = await startRedis();
        closing.push(() => server.stop());
        const client = createClient({ url: server.url });
        client.on("error", () => {});
        await client.connect();
        closing.push(() => client.destroy());
        const store = redisStore({ client });
        await fillThrough(store, size, 500);
        stores.push(store);
      }
      return stores;
    },
  },
};

/** Microseconds by call and size. */
class Times {
  readonly #all = new Map<string, Map<number, number[]>>();

  async of<T>(call: string, size: number, work: () => Promise<T>): Promise<T> {
    const before = performance.now();
    const result = await work();
    const time = (performance.now() - before) * 1000;
    const sizes = this.#all.get(call) ?? new Map<number, number[]>();
    this.#all.set(call, sizes.set(size, [...(sizes.get(size) ?? []), time]));
    return result;
  }

  clear(): void {
    this.#all.clear();
  }

  rows(title: string): string[] {
    const part = (times: readonly number[], at: number): number =>
      [...times].sort((a, b) => a - b)[Math.floor(times.length * at)] ?? Number.NaN;
    return [...this.#all].map(([call, bySize]) => {
      const cells = sizes.map((size) => {
        const times = bySize.get(size) ?? [];
        return `${thousands(Math.round(part(times, 0.5)))} (${thousands(Math.round(part(times, 0.95)))})`;
      });
      const medians = sizes.map((size) => part(bySize.get(size) ?? [], 0.5));
      const ratios = medians.slice(1).map((median) => (median / (medians[0] ?? Number.NaN)).toFixed(2));
      return `| ${[title, call, ...cells, ...ratios].join(" | ")} |`;
    });
  }
}

/** A call that did nothing would be quick. */
function done(what: string, holds: boolean): void {
  if (!holds) throw new Error(`${what} did not do what was measured`);
}

async function measure({ title, prunes }: Backend, stores: readonly Store[]): Promise<string[]> {
  const times = new Times();
  const turns = stores.map((store, at) => [store, sizes[at] ?? 0] as const);
  // The sizes take turns, so that they share whatever else the machine does, and another is the first each time.
  const each = async (work: (store: Store, size: number) => Promise<void>): Promise<void> => {
    for (const [store, size] of turns) await work(store, size);
    turns.push(...turns.splice(0, 1));
  };
  const warmUp = Math.ceil(rounds / 5);
  for (let round = -warmUp; round < rounds; round++) {
    if (round === 0) times.clear();
    progress(`${title}: round ${round} of ${rounds}`);
    await each(async (store, size) => {
      const at = Math.floor(Math.random() * size);
      const [key, subject] = [keyOf(at), subjectOf(at)];
      const found = await times.of("read", size, () => store.read(key));
      const version = await times.of("update", size, () => store.update(key, record(subject), found?.version ?? ""));
      done("update", version !== null);
      const created = await times.of("create", size, () => store.create(keyOf(`new ${round}`), record(`new ${round}`)));
      done("create", created !== null);
      await store.delete(keyOf(`new ${round}`), `new ${round}`);
      let listed = 0;
      const list = async (): Promise<void> => {
        for await (const _ of store.listBySubject?.(subject) ?? []) listed += 1;
      };
      await times.of("list one subject (5)", size, list);
      done("listBySubject", listed === 5);
    });
  }
  for (let round = 0; round < prunes; round++) {
    progress(`${title}: prune ${round + 1} of ${prunes}`);
    await each(async (store, size) => {
      const result = await times.of("prune, nothing ended", size, async () => store.prune?.());
      done("prune", result?.removed === 0);
    });
  }
  for (let round = 0; round < prunes; round++) {
    progress(`${title}: prune of 1000, ${round + 1} of ${prunes}`);
    await each(async (store, size) => {
      const ended = Array.from({ length: 1000 }, (_, at) => keyOf(`ended ${round} ${at}`));
      await Promise.all(ended.map((key) => store.create(key, record("ended", -1000))));
      const result = await times.of("prune, 1000 ended", size, async () => store.prune?.());
      done("prune", (result?.removed ?? 0) > 0);
    });
  }
  return times.rows(title);
}

const names = options.stores.split(",");
const rows: string[] = [];
for (const name of names) {
  const backend = backends[name];
  if (!backend) throw new Error(`--stores takes ${Object.keys(backends).join(", ")}; received ${name}`);
  const closing: Closing = [];
  try {
    const began = performance.now();
    const stores = await backend.fill(sizes, closing);
    progress(`${backend.title}: filled in ${((performance.now() - began) / 1000).toFixed(0)} s`, true);
    rows.push(...(await measure(backend, stores)));
  } finally {
    for (const close of closing.reverse()) await close();
  }
}
const load = loadavg().map((one) => one.toFixed(0));
console.log(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), load ${load.join(", ")}`);
console.log(`Microseconds: median (95th percentile) of ${rounds} calls, one after the other\n`);
const ratios = sizes.slice(1).map((size) => `${thousands(size)} : ${thousands(smallest)}`);
const head = ["store", "call", ...sizes.map(thousands), ...ratios];
console.log([`| ${head.join(" | ")} |`, `|${head.map(() => "---|").join("")}`, ...rows].join("\n"));
