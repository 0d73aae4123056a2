/** Many parallel updates of one session, over a store that is some milliseconds away: how long they take, and how many are kept; see bench/README.md. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "redis";
import { createSessions, type Sessions, type Store } from "../src/index.ts";
import { memoryStore } from "../src/stores/memory.ts";
import { redisStore } from "../src/stores/redis.ts";
import { redisProgram, startRedis } from "../test/support/redis-servers.ts";

interface Data {
  count: number;
}
interface Request {
  readonly cookie: string | undefined;
}
/** What came of many updates at once. */
interface Sample {
  readonly took: number;
  readonly cpu: number;
  readonly answered: number;
  readonly errors: readonly string[];
}

const reader = { cookie: (request: Request) => request.cookie, secure: () => true };

/** Every call takes one round trip, half of it on the way there. */
function far(store: Store, roundTrip: number, calls: Record<string, number>): Store {
  const away =
    <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      calls[name] = (calls[name] ?? 0) + 1;
      await sleep(roundTrip / 2);
      const answer = await call(...args);
      await sleep(roundTrip / 2);
      return answer;
    };
  const { read, create, update, touch, rename } = store;
  return Object.assign(Object.create(store), {
    read: away("read", read.bind(store)),
    create: away("create", create.bind(store)),
    update: away("update", update.bind(store)),
    touch: away("touch", touch.bind(store)),
    rename: away("rename", rename.bind(store)),
    delete: away("delete", store.delete.bind(store)),
  });
}

async function count(sessions: Sessions<Data>, cookie: string | undefined): Promise<string | null> {
  const request = { cookie };
  const exchange = sessions.open(request, reader);
  const session = await sessions.get(request);
  session.update("count", (before = 0) => before + 1);
  const headers = new Headers();
  await exchange.commit(headers);
  return headers.get("set-cookie");
}

async function begin(sessions: Sessions<Data>): Promise<string> {
  return String(await count(sessions, undefined)).split(";")[0] as string;
}

async function atOnce(sessions: Sessions<Data>, cookie: string, updates: number): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const results = await Promise.allSettled(Array.from({ length: updates }, () => count(sessions, cookie)));
  const took = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const failed = results.filter((result) => result.status === "rejected");
  const errors = [...new Set(failed.map(({ reason }) => String((reason as { code?: string }).code ?? reason)))];
  return { took, cpu: (user + system) / 1000, answered: updates - failed.length, errors };
}

async function kept(sessions: Sessions<Data>, cookie: string): Promise<number> {
  const request = { cookie };
  sessions.open(request, reader);
  return ((await sessions.get(request)).data.count ?? 0) - 1;
}

async function oneProcess(updates: number, roundTrip: number): Promise<Record<string, unknown>> {
  const calls: Record<string, number> = {};
  const sessions = createSessions<Data>({ store: far(memoryStore(), roundTrip, calls), warn: () => {} });
  // The code is compiled by then.
  await atOnce(sessions, await begin(sessions), updates);
  const cookie = await begin(sessions);
  for (const name of Object.keys(calls)) calls[name] = 0;
  const { took, cpu, answered } = await atOnce(sessions, cookie, updates);
  const writes = calls.update;
  return {
    "updates at once": updates,
    "round trip ms": roundTrip,
    "took ms": Math.round(took),
    "in round trips": Number((took / roundTrip).toFixed(1)),
    "CPU ms": Math.round(cpu),
    writes,
    answered,
    kept: await kept(sessions, cookie),
  };
}

/** A way to a server on which everything takes half a round trip, in both directions. */
async function farProxy(port: number, roundTrip: number): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const late = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on("data", (chunk) => setTimeout(() => to.write(chunk), roundTrip / 2));
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  };
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    late(client, upstream);
    late(upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function overRedis(url: string): Promise<{ sessions: Sessions<Data>; close(): Promise<void> }> {
  const client = createClient({ url });
  await client.connect();
  const sessions = createSessions<Data>({ store: redisStore({ client, prefix: "hot:" }), warn: () => {} });
  return { sessions, close: () => client.close() };
}

/** What one of several processes does: tells that it is ready, and updates when it is given a cookie and how often. */
async function serve(url: string): Promise<void> {
  const { sessions, close } = await overRedis(url);
  await atOnce(sessions, await begin(sessions), 100);
  process.send?.("ready");
  const [{ cookie, updates }] = (await once(process, "message")) as [{ cookie: string; updates: number }];
  process.send?.(await atOnce(sessions, cookie, updates));
  await close();
  process.disconnect();
}

async function severalProcesses(
  processes: number,
  updates: number,
  roundTrip: number,
): Promise<Record<string, unknown>> {
  const redis = await startRedis();
  const proxy = await farProxy(Number(new URL(redis.url).port), roundTrip);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const { sessions, close } = await overRedis(url);
  const children: ChildProcess[] = [];
  try {
    const cookie = await begin(sessions);
    for (let at = 0; at < processes; at++) {
      const child = fork(fileURLToPath(import.meta.url), ["--serve", url], { execArgv: process.execArgv });
      children.push(child);
      await once(child, "message");
    }
    const samples = await Promise.all(
      children.map(async (child) => {
        child.send({ cookie, updates });
        return ((await once(child, "message")) as [Sample])[0];
      }),
    );
    const took = Math.max(...samples.map((sample) => sample.took));
    return {
      processes,
      "updates at once, each": updates,
      "round trip ms": roundTrip,
      "slowest took ms": Math.round(took),
      "in round trips": Number((took / roundTrip).toFixed(1)),
      answered: samples.reduce((sum, sample) => sum + sample.answered, 0),
      kept: await kept(sessions, cookie),
      errors: samples.flatMap(({ errors }) => errors).join(", ") || "none",
    };
  } finally {
    for (const child of children) child.kill();
    await close();
    proxy.close();
    await redis.stop();
  }
}

const [, , role, url] = process.argv;
if (role === "--serve") await serve(String(url));
else {
  console.log("\nOne session, many updates at once, from one process");
  const rows = [];
  for (const [updates, roundTrip] of [
    [500, 5],
    [500, 20],
    [60, 190],
  ] as const)
    rows.push(await oneProcess(updates, roundTrip));
  console.table(rows);
  if (redisProgram) {
    console.log("The same from several processes, over Redis behind a proxy that takes its time");
    console.table([await severalProcesses(4, 125, 20), await severalProcesses(4, 500, 20)]);
  }
  process.exit(0);
}
