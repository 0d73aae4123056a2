/** A real MongoDB for tests: the one at `MONGODB_URL`, or MongoDB's own engine, started on a free port. */

import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MongoClient } from "mongodb";
import { mongodbNode } from "../../scripts/mongodb-node.ts";
import { end, host, launch, onFreePort } from "./processes.ts";

const elsewhere = process.env.MONGODB_URL;
const node = elsewhere ? "" : mongodbNode();

/** Why nothing can be tested here, for `reportMissing`; `undefined` where there is a server. */
export const noMongodb: string | undefined = typeof node === "string" && !elsewhere ? node : undefined;

/** One running server. */
export interface MongodbServer {
  readonly url: string;
  /** `"MongoDB 8.0.4"`, as it says itself. */
  readonly version: string;
  /** Of the tests alone. */
  readonly database: string;
  /** Ends it the hard way. Only one of our own. */
  kill(): Promise<void>;
  /** Starts it again with what it had. */
  restart(): Promise<void>;
  /** Removes the database, and ends the server if it is ours. */
  stop(): Promise<void>;
}

/** True where servers are ours to kill. */
export const isOurs: boolean = !elsewhere;

/** Starts a server, or finds the one that runs. */
export async function startMongodb(): Promise<MongodbServer> {
  const own = elsewhere ? undefined : await startOwn();
  const url = elsewhere ?? own?.url ?? "";
  const database = `sojourn_tests_${process.pid}`;
  const cannot = async (): Promise<never> => {
    throw new Error("the server at MONGODB_URL is not ours to end");
  };
  return {
    url,
    database,
    version: await withClient(url, async (client) => {
      const { version } = await client.db("admin").command({ buildInfo: 1 });
      return `MongoDB ${version}`;
    }),
    kill: own?.kill ?? cannot,
    restart: own?.restart ?? cannot,
    async stop() {
      if (own) await own.stop();
      else await withClient(url, (client) => client.db(database).dropDatabase());
    },
  };
}

interface OwnServer extends Pick<MongodbServer, "url" | "kill" | "restart" | "stop"> {}

async function startOwn(): Promise<OwnServer> {
  if (typeof node === "string") throw new Error(node);
  const directory = mkdtempSync(join(tmpdir(), "sojourn-mongodb-"));
  const scratch = join(directory, "tmp");
  mkdirSync(scratch);
  const front = fileURLToPath(new URL("mongodb-front.ts", import.meta.url));
  const [command, ...args] = node;
  const run = (port: number): Promise<ChildProcess> =>
    launch("/usr/bin/env", [`TMPDIR=${scratch}`, command, ...args, front, join(directory, "data"), String(port)], port);
  let [port, child] = await onFreePort(async (free) => [free, await run(free)] as const);
  return {
    url: `mongodb://${host}:${port}/?directConnection=true`,
    kill: () => end(child),
    async restart() {
      await end(child);
      child = await run(port);
    },
    async stop() {
      await end(child);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function withClient<Answer>(url: string, work: (client: MongoClient) => Promise<Answer>): Promise<Answer> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 10_000 });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
