/** Real Redis (or Valkey) servers for tests: alone, as a cluster, behind Sentinels. On free ports, gone with the tests. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createClient } from "redis";
import { freePort } from "./free-port.ts";

/** The program that is run: the environment's `REDIS_SERVER`, else `redis-server` on the PATH, or `undefined`. */
export const redisProgram: string | undefined = findProgram();

/** Name and version of the program, such as `"Redis 7.0.15"`; empty where there is none. */
export const redisVersion: string = redisProgram ? askVersion(redisProgram) : "";

/** Why nothing can be tested here, for `reportMissing`. */
export const noRedis = "no redis-server on the PATH; install it, or name one in REDIS_SERVER";

/** How a server is started. */
export interface RedisOptions {
  /** Configuration by name, such as `{ maxmemory: "64mb" }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Keeps every write in its directory, so that it survives `kill` and `restart`. Default false. */
  readonly persist?: boolean;
}

/** One running server. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Sends one command over a connection of its own and answers the reply. */
  ask(...command: string[]): Promise<unknown>;
  /** Ends it the hard way and waits until it is gone. Its directory stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and directory; kills it first if it runs. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** Several servers that belong together. */
export interface RedisGroup {
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

/** A master, a replica and three Sentinels that watch them. */
export interface RedisSentinels extends RedisGroup {
  /** What the Sentinels call the master. */
  readonly name: string;
  /** Where the Sentinels listen. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The server that is the master now, as the first Sentinel sees it. */
  master(): Promise<RedisServer>;
}

const host = "127.0.0.1";
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts one server, by itself and with nothing on disk unless asked. */
export function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  return start(configOf(options));
}

function configOf({ persist, config }: RedisOptions): Record<string, string> {
  const persistence = persist ? { appendonly: "yes", appendfsync: "always" } : { appendonly: "no" };
  return { save: "", ...persistence, ...config };
}

/** Starts a cluster in which each of `masters` servers owns a part of the slots. */
export async function startCluster(masters = 3, options: RedisOptions = {}): Promise<RedisGroup> {
  const servers = await Promise.all(
    Array.from({ length: masters }, async () => {
      const busPort = String(await freePort());
      const cluster = { "cluster-enabled": "yes", "cluster-port": busPort, "cluster-node-timeout": "2000" };
      return start({ ...configOf(options), ...cluster });
    }),
  );
  const group = groupOf(servers);
  try {
    const first = servers[0]!;
    const bus = String((await infoOf(first, "CONFIG", "GET", "cluster-port"))["cluster-port"]);
    for (const [at, server] of servers.entries()) {
      const [from, to] = [at, at + 1].map((part) => Math.floor((16384 * part) / masters));
      await server.ask("CLUSTER", "SET-CONFIG-EPOCH", String(at + 1));
      await server.ask("CLUSTER", "ADDSLOTSRANGE", String(from), String(to! - 1));
      if (at > 0) await server.ask("CLUSTER", "MEET", host, String(first.port), bus);
    }
    const formed = async (server: RedisServer): Promise<boolean> => {
      const info = String(await server.ask("CLUSTER", "INFO"));
      return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${masters}`);
    };
    await until("the cluster to form", async () => (await Promise.all(servers.map(formed))).every(Boolean));
    return group;
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** Starts a master with a replica, and three Sentinels that notice within a second when it is gone. */
export async function startSentinel(): Promise<RedisSentinels> {
  const name = "sessions";
  const master = await startRedis({ config: { "repl-diskless-sync-delay": "0" } });
  const replica = await startRedis({ config: { replicaof: `${host} ${master.port}` } });
  const rules = [
    `sentinel monitor ${name} ${host} ${master.port} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => start({}, rules)));
  const data = [master, replica];
  const group = groupOf([...data, ...sentinels]);
  try {
    await until("the Sentinels to find the replica and each other", async () => {
      const views = await Promise.all(sentinels.map((sentinel) => infoOf(sentinel, "SENTINEL", "MASTER", name)));
      const synced = String(await replica.ask("INFO", "replication")).includes("master_link_status:up");
      return synced && views.every((view) => view["num-slaves"] === "1" && view["num-other-sentinels"] === "2");
    });
  } catch (error) {
    await group.stop();
    throw error;
  }
  return {
    ...group,
    name,
    sentinels: sentinels.map(({ port }) => ({ host, port })),
    async master() {
      const [, port] = (await sentinels[0]!.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)) as [string, string];
      return data.find((server) => String(server.port) === port)!;
    },
  };
}

/** Asks again until the answer is true. */
export async function until(what: string, question: () => Promise<boolean>, limit = 45_000): Promise<void> {
  const end = Date.now() + limit;
  while (!(await question())) {
    if (Date.now() > end) throw new Error(`waited ${limit} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function groupOf(servers: readonly RedisServer[]): RedisGroup {
  return {
    servers,
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/** `sentinelRules` make it a Sentinel. */
async function start(
  config: Readonly<Record<string, string>>,
  sentinelRules?: readonly string[],
): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-redis-"));
  const file = join(directory, "redis.conf");
  let child: ChildProcess | undefined;
  const run = async (port: number): Promise<void> => {
    const settings = { port: String(port), bind: host, dir: directory, ...config };
    const lines = Object.entries(settings).map(([key, value]) => `${key} ${value === "" ? '""' : value}`);
    writeFileSync(file, `${[...lines, ...(sentinelRules ?? [])].join("\n")}\n`);
    child = await launch(sentinelRules ? [file, "--sentinel"] : [file]);
  };
  const kill = async (): Promise<void> => {
    const gone = child;
    child = undefined;
    if (!gone || gone.exitCode !== null || gone.signalCode !== null) return;
    gone.ref();
    gone.kill("SIGKILL");
    await once(gone, "exit");
  };
  const port = await onFreePort(run);
  return {
    host,
    port,
    url: `redis://${host}:${port}`,
    ask: (...command) => ask(port, command),
    kill,
    async restart() {
      await kill();
      await run(port);
    },
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Another program may take a free port before the server does: then the next one. */
async function onFreePort(run: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      await run(port);
      return port;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function launch(args: readonly string[]): Promise<ChildProcess> {
  if (!redisProgram) throw new Error(noRedis);
  const child = spawn(redisProgram, args, { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let log = "";
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`redis-server did not start:\n${log}`));
    child.once("error", reject).once("exit", fail);
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      if (log.length > 100_000) return; // Read on, so that the server never waits for us.
      log += chunk;
      if (/Ready to accept connections|Sentinel ID is/.test(log)) resolve();
    });
  });
  child.stdout!.removeAllListeners("data").resume();
  // A server that runs does not keep the tests from ending.
  child.unref();
  (child.stdout as unknown as { unref(): void }).unref();
  return child;
}

async function ask(port: number, command: readonly string[]): Promise<unknown> {
  const client = createClient({ RESP: 2, socket: { host, port, reconnectStrategy: false } });
  client.on("error", () => {}); // Every command that fails says so itself.
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

/** A reply that is a flat list of names and values. */
async function infoOf(server: RedisServer, ...command: string[]): Promise<Record<string, string>> {
  const flat = (await server.ask(...command)) as string[];
  return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]!]] : [])));
}

function findProgram(): string | undefined {
  const named = process.env.REDIS_SERVER;
  const candidates = named
    ? [named]
    : (process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, "redis-server"));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `"Redis server v=7.0.15 sha=..."`, `"Valkey server v=8.0.1 ..."` */
function askVersion(program: string): string {
  const text = execFileSync(program, ["--version"], { encoding: "utf8", timeout: 60_000 });
  const [, name, version] = /(\w+) server v=(\S+)/.exec(text) ?? [];
  return name ? `${name} ${version}` : text.trim();
}
