/**
 * What a session costs its backend: bytes at rest, as the server itself says, and calls of its client for each kind of
 * request; for Redis also the commands that its scripts run. For docs/guides/capacity.md.
 *
 *     node --conditions=sojourn-source bench/capacity.ts [--sessions 20000] [--stores redis,memcached,postgres,mariadb,mongodb,sqlite,file]
 *
 * Sessions are logged in through sojourn, with data of about 1 KB. Prints one table in Markdown.
 */

import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { MongoClient } from "mongodb";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import { createSessions, type Store } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { fileStore } from "sojourn/stores/file";
import { memcachedStore } from "sojourn/stores/memcached";
import { memcachedClient } from "sojourn/stores/memcached/client";
import { mongodbStore } from "sojourn/stores/mongodb";
import { redisStore } from "sojourn/stores/redis";
import { sqlStore } from "sojourn/stores/sql";
import { memcachedVersion, startMemcached } from "../test/support/memcached-servers.ts";
import { startMongodb } from "../test/support/mongodb-servers.ts";
import { redisVersion, startRedis } from "../test/support/redis-servers.ts";
import { mariadbVersion, postgresVersion, startMariadb, startPostgres } from "../test/support/sql-servers.ts";
import { type Contents, contents } from "./contents.ts";

interface Backend {
  readonly title: string;
  readonly store: Store;
  /** Bytes that all sessions take, in memory or on the disk, with their indexes. */
  bytes(): Promise<number>;
  /** What the server has run so far, where it counts more than calls. */
  commands?(): Promise<number>;
}

const { values: options } = parseArgs({
  options: {
    sessions: { type: "string", default: "20000" },
    stores: { type: "string", default: "redis,memcached,postgres,mariadb,mongodb,sqlite,file" },
  },
});
const count = Number(options.sessions);
const closing: (() => unknown)[] = [];

const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  async redis() {
    const server = await startRedis();
    const client = createClient({ url: server.url });
    await client.connect();
    closing.push(
      () => server.stop(),
      () => client.destroy(),
    );
    const info = async (section: string, pattern: RegExp): Promise<number> =>
      [...(await client.info(section)).matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
    return {
      title: redisVersion,
      store: redisStore({ client: counted(client) }),
      bytes: () => info("memory", /^used_memory:(\d+)/gm),
      // Without the INFO of this line. What a script calls inside counts too.
      commands: () => info("commandstats", /^cmdstat_(?!info|client|hello|config|script)[^:]*:calls=(\d+)/gm),
    };
  },
  async memcached() {
    const server = await startMemcached(["-m", "1024"]);
    const client = memcachedClient({ server: server.address });
    closing.push(
      () => server.stop(),
      () => client.close(),
    );
    const stats = async (names: readonly string[]): Promise<number> => {
      const socket = connect(server.port, server.host);
      socket.end("stats\r\nquit\r\n");
      const all = new Map(
        [...(await text(socket)).matchAll(/^STAT (\S+) (\d+)/gm)].map(([, name, value]) => [name, value]),
      );
      return names.reduce((sum, name) => sum + Number(all.get(name) ?? 0), 0);
    };
    return {
      title: memcachedVersion,
      store: memcachedStore({ client: counted(client) }),
      bytes: () => stats(["bytes"]),
    };
  },
  async postgres() {
    const { stop, host, port, user, database } = await startPostgres();
    const client = new pg.Pool({ host, port, user, database });
    closing.push(stop, () => client.end());
    return {
      title: postgresVersion,
      store: sqlStore({ client: counted(client) }),
      async bytes() {
        await client.query("VACUUM FULL sojourn_sessions");
        const { rows } = await client.query("SELECT pg_total_relation_size('sojourn_sessions') AS bytes");
        return Number(rows[0].bytes);
      },
    };
  },
  async mariadb() {
    const { stop, host, port, user, database } = await startMariadb();
    const client = mysql.createPool({ host, port, user, database });
    closing.push(stop, () => client.end());
    return {
      title: mariadbVersion,
      store: sqlStore({ client: counted(client) }),
      async bytes() {
        await client.query("ANALYZE TABLE sojourn_sessions");
        const [rows] = await client.query<mysql.RowDataPacket[]>(
          "SELECT data_length + index_length AS bytes FROM information_schema.tables WHERE table_name = 'sojourn_sessions'",
        );
        return Number(rows[0]?.bytes);
      },
    };
  },
  async mongodb() {
    const server = await startMongodb();
    const client = new MongoClient(server.url, { monitorCommands: true });
    client.on("commandStarted", () => {
      calls += 1;
    });
    closing.push(
      () => server.stop(),
      () => client.close(),
    );
    const collection = client.db(server.database).collection("sessions");
    return {
      title: server.version,
      store: mongodbStore({ collection }),
      async bytes() {
        await client.db("admin").command({ fsync: 1 });
        const [stats] = await collection.aggregate([{ $collStats: { storageStats: {} } }]).toArray();
        return stats?.["storageStats"].storageSize + stats?.["storageStats"].totalIndexSize;
      },
    };
  },
  async sqlite() {
    const directory = scratch();
    const client = new DatabaseSync(join(directory, "sessions.db"));
    client.exec("PRAGMA synchronous = OFF");
    closing.push(() => client.close());
    return {
      title: `SQLite ${process.versions.sqlite}`,
      store: sqlStore({ client }),
      async bytes() {
        client.exec("VACUUM");
        const { page_count: pages } = client.prepare("PRAGMA page_count").get() as { page_count: number };
        const { page_size: size } = client.prepare("PRAGMA page_size").get() as { page_size: number };
        return pages * size;
      },
    };
  },
  async file() {
    const directory = scratch();
    return {
      title: "files",
      store: fileStore({ directory }),
      // Blocks, not lengths: that is what a disk runs out of.
      bytes: async () =>
        readdirSync(directory, { recursive: true, encoding: "utf8" })
          .map((path) => lstatSync(join(directory, path)).blocks * 512)
          .reduce((sum, one) => sum + one, 0),
    };
  },
};

let calls = 0;

/** The same client; what it is asked and answers later is a round trip. */
function counted<Client extends object>(client: Client): Client {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        const answer: unknown = value.apply(target, args);
        if (typeof (answer as { then?: unknown } | undefined)?.then === "function") calls += 1;
        return answer;
      };
    },
  });
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-capacity-"));
  closing.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function measure({ title, store, bytes, commands }: Backend): Promise<string> {
  await store.setup?.();
  const sessions = createSessions<Contents>({ name: "shop", store, storeTimeout: "30s" });
  const kinds: Readonly<Record<string, (request: Request) => Promise<void>>> = {
    async login(request) {
      const session = await sessions.get(request);
      session.login(`user-${at++}`);
      Object.assign(session.data, contents);
    },
    async read(request) {
      void (await sessions.get(request)).data;
    },
    async write(request) {
      (await sessions.get(request)).update("visits", (n = 0) => n + 1);
    },
    async logout(request) {
      (await sessions.get(request)).destroy();
    },
  };
  let at = 0;
  const handler = fetchSessions(sessions)(async (request) => {
    await kinds[new URL(request.url).pathname.slice(1)]?.(request);
    return new Response();
  });
  const send = (kind: string, cookie = ""): Promise<Response> =>
    handler(new Request(`https://shop.example/${kind}`, { headers: cookie ? { cookie } : {} }));
  /** Calls, and behind a stroke what the server ran, for each of the requests that `work` sends. */
  const costOf = async (requests: number, work: () => Promise<void>): Promise<string> => {
    const [ran, called] = [await commands?.(), calls];
    await work();
    const each = [(calls - called) / requests];
    if (commands) each.push(((await commands()) - (ran ?? 0)) / requests);
    return called === calls ? "in process" : each.map((one) => one.toFixed(1).replace(".0", "")).join(" / ");
  };
  const cookies: string[] = [];
  await send("login");
  const before = await bytes();
  const logins = await costOf(count, async () => {
    while (cookies.length < count) {
      const some = await Promise.all(Array.from({ length: Math.min(50, count) }, () => send("login")));
      for (const response of some) cookies.push(response.headers.getSetCookie()[0]?.split(";")[0] ?? "");
    }
  });
  const cells = [title, `${Math.round(((await bytes()) - before) / cookies.length)}`, logins];
  for (const kind of ["read", "write", "logout"]) {
    const some = cookies.slice(0, 1000);
    cells.push(
      await costOf(some.length, async () => {
        for (const cookie of some) await send(kind, cookie);
      }),
    );
  }
  return `| ${cells.join(" | ")} |`;
}

const rows: string[] = [];
for (const name of (options.stores ?? "").split(",")) {
  const backend = backends[name];
  if (!backend) throw new Error(`--stores takes ${Object.keys(backends).join(", ")}; received ${name}`);
  try {
    rows.push(await measure(await backend()));
    console.error(rows.at(-1));
  } finally {
    for (const close of closing.splice(0).reverse()) await close();
  }
}
console.log(
  [
    `${count} sessions, data of ${JSON.stringify(contents).length} bytes; calls of its client for each request`,
    "",
    "| backend | bytes a session | login | read | write | logout |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n"),
);
