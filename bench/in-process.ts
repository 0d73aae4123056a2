/** What the library itself costs a request: one process, no sockets, a Redis client that answers at once. Prints CPU µs added; see bench/README.md. */

import { hash } from "node:crypto";
import { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { nodeSessions } from "../src/frameworks/node.ts";
import { createSessions, type Session } from "../src/index.ts";
import { redisStore } from "../src/stores/redis.ts";
import { type Contents, contents } from "./contents.ts";

/** Takes what is written, at once. */
class Sink extends Duplex {
  readonly remoteAddress = "127.0.0.1";
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }
  override _writev(_chunks: unknown, done: () => void): void {
    done();
  }
  override _read(): void {}
  setTimeout(): void {}
}

const values = new Map<string, string>();
/** Understands what the store sends: GET, SET and the script that writes, of which it takes the value and no condition. */
const client = {
  command(_key: string | undefined, args: readonly (string | Uint8Array)[]): Promise<unknown> {
    const [name, key, value] = args;
    if (name === "GET") return Promise.resolve(values.get(String(key)) ?? null);
    if (name === "SET") values.set(String(key), String(value));
    else if (args.length > 10) values.set(String(args[4]), String(args[9]));
    return Promise.resolve(name === "SET" ? "OK" : 1);
  },
};

const options = {
  store: redisStore({ client, prefix: "bench:" }),
  cookie: { secure: false },
  idleTimeout: "1d",
} as const;
const sessions = createSessions<Contents>(options);
const withSessions = nodeSessions(sessions);
const handId = "the id of a session that a handler reads by hand";
values.set(`hand:${hash("sha256", handId, "base64url")}`, JSON.stringify(contents));

function request(headers: Record<string, string>): [IncomingMessage, ServerResponse] {
  const req = new IncomingMessage(new Sink() as never);
  req.httpVersionMajor = req.httpVersionMinor = 1;
  req.headers = headers;
  const res = new ServerResponse(req);
  res.assignSocket(req.socket);
  return [req, res];
}

function answer(res: ServerResponse, value: unknown): void {
  res.setHeader("content-type", "text/plain; charset=utf-8");
  res.end(String(value));
}

const read = (): Promise<unknown> => client.command(undefined, ["GET", `hand:${hash("sha256", handId, "base64url")}`]);

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown;
const nothing =
  (handler: Handler): Handler =>
  (req, res) =>
    handler(req, res);

const cases: Record<string, Handler> = {
  none: (_req, res) => answer(res, 12),
  "a wrapper that does nothing": nothing((_req, res) => answer(res, 12)),
  untouched: withSessions((_req, res) => answer(res, 12)),
  "read by hand": async (_req, res) => answer(res, (JSON.parse(String(await read())) as Contents).visits),
  "read subject": withSessions(async (req, res) => answer(res, (await sessions.get(req)).subject)),
  "read data": withSessions(async (req, res) => answer(res, (await sessions.get(req)).data.visits)),
  "write by hand": async (_req, res) => {
    const data = JSON.parse(String(await read())) as Contents;
    data.visits += 1;
    await client.command(undefined, ["SET", "hand:written", JSON.stringify(data), "EX", "3600"]);
    answer(res, data.visits);
  },
  write: withSessions(async (req, res) => {
    const { data } = await sessions.get(req);
    data.visits = (data.visits ?? 0) + 1;
    answer(res, data.visits);
  }),
};

/** What a session holds, by its cookie. */
async function sessionOf(cookie: string): Promise<Session<Contents>> {
  const [req, res] = request({ cookie, host: "localhost" });
  return new Promise((resolve) =>
    withSessions(async (req, res) => {
      resolve(await sessions.get(req));
      answer(res, "seen");
    })(req, res),
  );
}

/** Microseconds of CPU per request, of so many requests, one at a time for each session. */
function measure(handler: Handler, cookies: readonly string[], count: number): Promise<number> {
  const before = process.cpuUsage();
  return new Promise((resolve) => {
    let [begun, ended] = [0, 0];
    const begin = (cookie: string): void => {
      if (begun++ >= count) return;
      const [req, res] = request({ cookie, host: "localhost" });
      res.once("finish", () => {
        ended += 1;
        if (ended < count) return begin(cookie);
        const { user, system } = process.cpuUsage(before);
        resolve((user + system) / count);
      });
      handler(req, res);
    };
    for (const cookie of cookies) begin(cookie);
  });
}

/** The cookie of a new session. */
async function newSession(): Promise<string> {
  const [req, res] = request({ host: "localhost" });
  const begun = new Promise((resolve) => res.once("finish", resolve));
  withSessions(async (req, res) => {
    const session = await sessions.get(req);
    Object.assign(session.data, contents);
    session.login("ada");
    answer(res, "begun");
  })(req, res);
  await begun;
  return String(res.getHeader("set-cookie")).split(";")[0] as string;
}

const cookies = await Promise.all(Array.from({ length: 8 }, newSession));
const cookie = cookies[0] as string;

for (const name of ["read subject", "read data", "write"]) {
  const [req, res] = request({ cookie, host: "localhost" });
  const ended = new Promise((resolve) => res.once("finish", resolve));
  cases[name]?.(req, res);
  await ended;
  const { data, subject } = await sessionOf(cookie);
  if (subject !== "ada" || data.visits === undefined) throw new Error(`${name}: the session was not found`);
}

const rounds = process.argv.includes("--quick") ? 15 : 40;
const best = new Map<string, number>();
for (let round = 0; round < rounds; round++) {
  for (const [name, handler] of Object.entries(cases)) {
    const now = await measure(handler, cookies, 2000);
    best.set(name, Math.min(now, best.get(name) ?? Number.POSITIVE_INFINITY));
  }
}

const added = (name: string): number => (best.get(name) as number) - (best.get("none") as number);
const toHand = (name: string): string => {
  if (name === "write") return (added(name) / added("write by hand")).toFixed(2);
  return name.startsWith("read") ? (added(name) / added("read by hand")).toFixed(2) : "";
};
console.log(
  `\nIn one process, Node ${process.version}: CPU µs a request, minimum of ${rounds} rounds; none takes ${best.get("none")?.toFixed(1)}`,
);
console.table(
  Object.keys(cases)
    .slice(1)
    .map((name) => ({ case: name, "added µs": Number(added(name).toFixed(1)), "to by hand": toHand(name) })),
);
process.exit(0);
