/** The two tables of stores in docs/stores/README.md, made from what the stores themselves declare. `--write` puts them there. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { Client as ElasticsearchClient } from "@elastic/elasticsearch";
import { Datastore } from "@google-cloud/datastore";
import { Firestore } from "@google-cloud/firestore";
import Keyv from "keyv";
import Memcached from "memcached";
import { MongoClient } from "mongodb";
import { createClient } from "redis";
import { DataSource } from "typeorm";
import { createStorage } from "unstorage";
import type { StoreCapabilities } from "../src/core/contracts/store.ts";
import { cachedStore } from "../src/stores/cached.ts";
import { cloudflareKvStore } from "../src/stores/cloudflare-kv.ts";
import { cookieStore } from "../src/stores/cookie.ts";
import { datastoreStore } from "../src/stores/datastore.ts";
import { drizzleStore } from "../src/stores/drizzle.ts";
import { durableObjectStore } from "../src/stores/durable-objects.ts";
import { dynamodbStore } from "../src/stores/dynamodb.ts";
import { elasticsearchStore } from "../src/stores/elasticsearch.ts";
import { fileStore } from "../src/stores/file.ts";
import { firestoreStore } from "../src/stores/firestore.ts";
import { keyvStore } from "../src/stores/keyv.ts";
import { memcachedStore } from "../src/stores/memcached.ts";
import { memoryStore } from "../src/stores/memory.ts";
import { mongodbStore } from "../src/stores/mongodb.ts";
import { movingStore } from "../src/stores/moving.ts";
import { nullStore } from "../src/stores/null.ts";
import { redisStore } from "../src/stores/redis.ts";
import { sqlStore } from "../src/stores/sql.ts";
import { typeormStore } from "../src/stores/typeorm.ts";
import { unstorageStore } from "../src/stores/unstorage.ts";
import { drizzleTables } from "../test/support/drizzle-clients.ts";
import { projectRoot } from "./lib.ts";

type Row = Partial<StoreCapabilities> & { readonly revocable?: boolean };

interface StoreRow {
  /** The file in src/stores and in docs/stores. */
  readonly name: string;
  /** What is behind it, after the name. */
  readonly behind?: string;
  readonly capabilities: Row;
  /** Where it runs. */
  readonly runs: string;
  /** Overrides what `nativeExpiry` says. */
  readonly ends?: string;
  /** Overrides what `maxPayloadBytes` says. */
  readonly largest?: string;
  /** Overrides what `shared` says. */
  readonly seenBy?: string;
}

/** No client is connected: a store declares what it can do when it is made. */
function rows(): StoreRow[] {
  const anywhere = "anywhere";
  const withClient = "where its client does";
  const node = "Node, Bun, Deno";
  const none = (): never => {
    throw new Error("only declared");
  };
  const mongo = new MongoClient("mongodb://127.0.0.1:1").db("none").collection("none");
  return [
    { name: "memory", capabilities: memoryStore().capabilities, runs: anywhere },
    {
      name: "file",
      capabilities: fileStore({ directory: "none" }).capabilities,
      runs: node,
      seenBy: "all processes of a machine",
    },
    {
      name: "redis",
      behind: "Redis, Valkey, Cluster, Sentinel",
      capabilities: redisStore({ client: createClient() }).capabilities,
      runs: withClient,
    },
    {
      name: "memcached",
      capabilities: memcachedStore({ client: new Memcached("127.0.0.1:1") }).capabilities,
      runs: withClient,
    },
    { name: "mongodb", capabilities: mongodbStore({ collection: mongo }).capabilities, runs: withClient },
    {
      name: "sql",
      behind: "PostgreSQL, MySQL, MariaDB, SQLite, D1, Kysely",
      capabilities: sqlStore({ client: new DatabaseSync(":memory:") }).capabilities,
      runs: withClient,
      seenBy: "all machines; SQLite: one",
    },
    {
      name: "drizzle",
      behind: "your Drizzle instance",
      capabilities: drizzleStore({
        db: () => Promise.reject(new Error("only declared")) as never,
        table: drizzleTables.sqlite("none") as never,
      }).capabilities,
      runs: withClient,
      seenBy: "as its database",
    },
    {
      name: "typeorm",
      behind: "your TypeORM DataSource",
      capabilities: typeormStore({
        dataSource: new DataSource({ type: "better-sqlite3", database: ":memory:" }) as never,
        entity: "none",
      }).capabilities,
      runs: withClient,
      seenBy: "as its database",
    },
    {
      name: "dynamodb",
      capabilities: dynamodbStore({ client: new DynamoDB({ region: "none" }) }).capabilities,
      runs: withClient,
    },
    {
      name: "elasticsearch",
      behind: "Elasticsearch, OpenSearch",
      capabilities: elasticsearchStore({ client: new ElasticsearchClient({ node: "http://127.0.0.1:1" }) as never })
        .capabilities,
      runs: withClient,
    },
    {
      name: "firestore",
      capabilities: firestoreStore({ client: new Firestore({ projectId: "none" }) as never }).capabilities,
      runs: withClient,
    },
    {
      name: "datastore",
      capabilities: datastoreStore({ client: new Datastore({ projectId: "none" }) as never }).capabilities,
      runs: withClient,
    },
    {
      name: "durable-objects",
      behind: "Cloudflare Durable Objects",
      capabilities: durableObjectStore({ namespace: { idFromName: none, get: none } }).capabilities,
      runs: "Cloudflare Workers",
      seenBy: "all Workers",
    },
    {
      name: "cloudflare-kv",
      behind: "Cloudflare KV",
      capabilities: cloudflareKvStore({ namespace: { get: none, put: none, delete: none, list: none } }).capabilities,
      runs: "Cloudflare Workers",
      seenBy: "all Workers, up to a minute late",
      largest: "25 MiB",
    },
    {
      name: "keyv",
      behind: "any Keyv adapter",
      capabilities: keyvStore({ client: new Keyv({ throwOnErrors: true }) as never }).capabilities,
      runs: withClient,
      seenBy: "as its adapter",
    },
    {
      name: "unstorage",
      behind: "any unstorage driver",
      capabilities: unstorageStore({ storage: createStorage() }).capabilities,
      runs: withClient,
      seenBy: "as its driver",
    },
    {
      name: "cached",
      behind: "memory in front of another",
      capabilities: cachedStore(memoryStore()).capabilities,
      runs: anywhere,
      seenBy: "as the store behind it",
      largest: "as the store behind it",
      ends: "as the store behind it",
    },
    {
      name: "moving",
      behind: "two stores, while sessions move",
      capabilities: movingStore({ from: memoryStore(), to: memoryStore() }).capabilities,
      runs: anywhere,
      seenBy: "as both",
      largest: "as the smaller of both",
      ends: "as in both",
    },
    {
      name: "cookie",
      behind: "the session is the cookie",
      capabilities: { ...cookieStore({ secrets: "x".repeat(32) }).capabilities, compareAndSwap: "none" } as Row,
      runs: anywhere,
      seenBy: "its client",
      largest: "about 3 KB a cookie",
      ends: "with their cookie",
    },
    {
      name: "null",
      behind: "no sessions",
      capabilities: nullStore().capabilities,
      runs: anywhere,
      seenBy: "no process",
      ends: "–",
    },
  ];
}

const yes = (value: boolean | undefined): string => (value ? "yes" : "no");
const size = (octets: number | undefined): string => {
  if (octets === undefined) return "no limit";
  return octets >= 1024 * 1024 ? `${Math.floor(octets / 1024 / 1024)} MiB` : `${Math.floor(octets / 1024)} KiB`;
};

function seenBy({ seenBy: said, capabilities }: StoreRow): string {
  return said ?? (capabilities.shared ? "all machines" : "one process");
}

function lines(header: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(header), `|${header.map(() => "---").join("|")}|`, ...body.map(line)].join("\n");
}

/** What one chooses by. */
function short(): string {
  const body = rows().map((row) => [
    `[${row.name}](${row.name}.md)${row.behind ? `: ${row.behind}` : ""}`,
    `\`sojourn/stores/${row.name}\``,
    seenBy(row),
    row.ends ?? (row.capabilities.nativeExpiry ? "by themselves" : "when you call `prune()`"),
    yes(row.capabilities.bySubject),
  ]);
  return lines(["store", "import", "seen by", "ended sessions disappear", "finds a user's sessions"], body);
}

/** What each promises. */
function whole(): string {
  const body = rows().map((row) => {
    const { capabilities } = row;
    return [
      `[${row.name}](${row.name}.md)`,
      capabilities.compareAndSwap === "atomic" ? "yes" : "no",
      yes(capabilities.atomicRename),
      yes(capabilities.nativeExpiry),
      capabilities.expiryGranularity === undefined ? "–" : `${capabilities.expiryGranularity} ms`,
      capabilities.clock === "server" ? "the server's" : "the application's",
      yes(capabilities.list),
      yes(capabilities.bySubject),
      yes(capabilities.pages),
      capabilities.count === undefined || capabilities.count === "none" ? "no" : capabilities.count,
      row.largest ?? size(capabilities.maxPayloadBytes),
      row.runs,
    ];
  });
  const header = [
    "store",
    "compare-and-swap",
    "atomic rename",
    "native expiry",
    "granularity",
    "clock",
    "listing",
    "by subject",
    "pages",
    "count",
    "largest session",
    "runs",
  ];
  return lines(header, body);
}

const places = [
  { file: "docs/stores/README.md", mark: "stores", table: short },
  { file: "docs/stores/README.md", mark: "promises", table: whole },
];

/** What the page holds and should hold between each two marks. */
export function tables(root: string): { file: string; is: string; should: string }[] {
  return [...new Set(places.map(({ file }) => file))].map((file) => {
    const is = readFileSync(join(root, file), "utf8");
    const should = places
      .filter((place) => place.file === file)
      .reduce((page, { mark, table }) => {
        const [before = "", rest = ""] = page.split(`<!-- ${mark} -->\n`);
        return `${before}<!-- ${mark} -->\n${table()}\n${rest.slice(rest.indexOf(`<!-- /${mark} -->`))}`;
      }, is);
    return { file, is, should };
  });
}

if (import.meta.main) {
  for (const { file, is, should } of tables(projectRoot)) {
    if (is === should) continue;
    if (process.argv.includes("--write")) writeFileSync(join(projectRoot, file), should);
    console.log(
      `${file}: ${process.argv.includes("--write") ? "written" : "the table of stores is out of date; run npm run docs:stores"}`,
    );
  }
}
