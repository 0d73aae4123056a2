/** The HTTP benchmark: applications with and without sessions, side by side and in turns. Prints ratios; see bench/README.md. */

import { type ChildProcess, fork } from "node:child_process";
import { arch, cpus, platform } from "node:os";
import autocannon from "autocannon";
import { type RedisServer, redisProgram, redisVersion, startRedis } from "../../test/support/redis-servers.ts";
import type { Variant } from "./server.ts";

interface Application {
  readonly name: string;
  readonly variant: Variant;
  readonly url: string;
  /** One session for each connection; none where there are no sessions. */
  readonly cookies: readonly string[];
  readonly child: ChildProcess;
}

interface Sample {
  /** Microseconds of the server's CPU time per request. */
  readonly cpu: number;
  readonly perSecond: number;
  readonly commands: number;
}

const quick = process.argv.includes("--quick");
const rounds = quick ? 3 : 9;
const seconds = quick ? 1 : 2;
const connections = 16;

/** Each framework with its usual library. */
const peers = {
  node: undefined,
  express: "express-session",
  koa: "koa-session",
  fastify: "@fastify/session",
  hono: "hono-sessions",
} as const;

const variants = (Object.keys(peers) as (keyof typeof peers)[]).flatMap((framework): Variant[] => {
  const all = ["none", "nothing", "by hand", "sojourn", peers[framework]] as const;
  return all.filter((sessions) => sessions !== undefined).map((sessions) => ({ framework, sessions }));
});

/** Who takes part in the measurement of a path, and what is asked of those that have another one. */
const paths: Record<string, { readonly who: (sessions: Variant["sessions"]) => boolean; readonly others?: string }> = {
  "/subject": { who: (sessions) => sessions !== "nothing", others: "/read" },
  "/read": { who: (sessions) => sessions !== "nothing" },
  "/untouched": { who: () => true },
  "/write": { who: (sessions) => sessions !== "nothing" },
};

/** `-- --only express` measures one framework. */
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : undefined;

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the application ended with ${code}`));
    child.once("exit", ended);
    child.once("message", (message) => {
      child.off("exit", ended);
      resolve(message as T);
    });
  });
}

async function start(variant: Variant, redis: RedisServer): Promise<Application> {
  const child = fork(new URL("./server.ts", import.meta.url), {
    execArgv: ["--conditions=sojourn-source"],
    env: { ...process.env, NODE_ENV: "production", VARIANT: JSON.stringify(variant), REDIS_URL: redis.url },
  });
  const { port } = await answerOf<{ port: number }>(child);
  const url = `http://127.0.0.1:${port}`;
  const keeps = !["none", "nothing", "by hand"].includes(variant.sessions);
  const cookies: string[] = [];
  for (let at = 0; keeps && at < connections; at++) {
    const begun = await fetch(`${url}/begin`);
    const cookie = begun.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    if (!cookie) throw new Error(`${variant.sessions} sent no cookie`);
    cookies.push(cookie);
  }
  return { name: `${variant.framework}, ${variant.sessions}`, variant, url, cookies, child };
}

async function cpuOf({ child }: Application): Promise<number> {
  child.send("cpu");
  const { cpu } = await answerOf<{ cpu: NodeJS.CpuUsage }>(child);
  return cpu.user + cpu.system;
}

async function commandsOf(redis: RedisServer): Promise<number> {
  const info = String(await redis.ask("INFO", "commandstats"));
  let calls = 0;
  for (const [, name, count] of info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)) {
    if (["get", "set", "evalsha", "expire", "setex"].includes(String(name))) calls += Number(count);
  }
  return calls;
}

async function measure(app: Application, path: string, redis: RedisServer): Promise<Sample> {
  const [cpu, commands] = [await cpuOf(app), await commandsOf(redis)];
  let next = 0;
  const result = await autocannon({
    url: `${app.url}${path}`,
    connections,
    duration: seconds,
    setupClient(client) {
      const cookie = app.cookies[next++ % Math.max(app.cookies.length, 1)];
      if (cookie) client.setHeaders({ cookie });
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${app.name} ${path}: ${result.non2xx} answers other than 2xx, ${result.errors} errors`);
  const requests = result.requests.total;
  return {
    cpu: ((await cpuOf(app)) - cpu) / requests,
    perSecond: result.requests.average,
    commands: ((await commandsOf(redis)) - commands) / requests,
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

function report(path: string, samples: ReadonlyMap<Application, Sample[]>): void {
  console.log(`\n${path}`);
  const apps = [...samples.keys()];
  const rows = apps.map((app) => {
    const mine = samples.get(app) as Sample[];
    const beside = (sessions: Variant["sessions"]): Sample[] | undefined => {
      const other = apps.find(
        ({ variant }) => variant.framework === app.variant.framework && variant.sessions === sessions,
      );
      return other && samples.get(other);
    };
    const none = beside("none") as Sample[];
    const hand = beside("by hand") ?? none;
    // Ratios are formed within a round, where the machine was in one mood, and their median is taken.
    const added = mine.map((sample, at) => sample.cpu - (none[at] as Sample).cpu);
    const toHand = mine.map(
      (sample, at) => (sample.cpu - (none[at] as Sample).cpu) / ((hand[at] as Sample).cpu - (none[at] as Sample).cpu),
    );
    const toNone = mine.map((sample, at) => sample.cpu / (none[at] as Sample).cpu);
    const spread = [...toHand].sort((a, b) => a - b);
    return {
      application: app.name,
      "CPU µs/request": Number(median(mine.map((sample) => sample.cpu)).toFixed(1)),
      "added µs": Number(median(added).toFixed(1)),
      "added, to by hand":
        ["none", "nothing"].includes(app.variant.sessions) || path === "/untouched"
          ? ""
          : `${median(toHand).toFixed(2)} (${(spread[1] ?? 0).toFixed(2)} to ${(spread.at(-2) ?? 0).toFixed(2)})`,
      "to no session": `${median(toNone).toFixed(3)}`,
      "requests/s": Math.round(median(mine.map((sample) => sample.perSecond))),
      "Redis commands": Number(median(mine.map((sample) => sample.commands)).toFixed(2)),
    };
  });
  console.table(rows);
}

if (!redisProgram) throw new Error("the benchmark needs redis-server on the PATH, or named in REDIS_SERVER");
console.log(
  `Node ${process.version}, ${redisVersion}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${platform()} ${arch()}`,
);
console.log(
  `${rounds} rounds of ${seconds} s for each application, in turns, ${connections} connections with a session of their own, about 1 KB each`,
);
const redis = await startRedis();
const wanted = variants.filter(({ framework }) => only === undefined || framework === only);
const apps = await Promise.all(wanted.map((variant) => start(variant, redis)));
try {
  for (const [path, { who, others = path }] of Object.entries(paths)) {
    const takingPart = apps.filter(({ variant }) => who(variant.sessions));
    const pathOf = ({ variant: { sessions } }: Application): string => {
      if (sessions === "none" || sessions === "nothing") return "/";
      return sessions === "sojourn" ? path : others;
    };
    const samples = new Map<Application, Sample[]>(takingPart.map((app) => [app, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const app of takingPart) {
        const sample = await measure(app, pathOf(app), redis);
        // The first round warms up.
        if (round > 0) samples.get(app)?.push(sample);
      }
      process.stderr.write(`\r${path} round ${round} of ${rounds} `);
    }
    process.stderr.write("\r");
    report(path, samples);
  }
} finally {
  const gone = apps.map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
  for (const { child } of apps) child.disconnect();
  await Promise.all(gone);
  await redis.stop();
}
