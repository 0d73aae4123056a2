/** What the drop-in publishes on `sojourn:load`, `sojourn:store` and `sojourn:save`, over stores of express-session and of sojourn. */

import { tracingChannel } from "node:diagnostics_channel";
import memorystore from "memorystore";
import session from "sojourn/express-session";
import { memoryStore } from "sojourn/stores/memory";
import { expect, onTestFinished, test } from "vitest";
import { type Handler, type Running, serve } from "./http.ts";

type Message = Record<string, unknown>;

/** What has ended, by channel. */
function listen(): Record<"load" | "store" | "save", Message[]> {
  const heard = { load: [] as Message[], store: [] as Message[], save: [] as Message[] };
  for (const name of ["load", "store", "save"] as const) {
    const { asyncEnd } = tracingChannel(`sojourn:${name}`);
    const onMessage = (message: unknown): void => void heard[name].push(message as Message);
    asyncEnd.subscribe(onMessage);
    onTestFinished(() => void asyncEnd.unsubscribe(onMessage));
  }
  return heard;
}

const secret = "keyboard cat";

async function app(store: unknown, handler: Handler): Promise<Running> {
  const middleware = session({ secret, resave: false, saveUninitialized: false, store: store as never });
  const started = await serve(middleware as never, handler);
  onTestFinished(() => started.close());
  return started;
}

const routes: Handler = (req, res) => {
  if (req.url === "/set") req.session.n = 1;
  if (req.url === "/end") req.session.destroy(() => res.end());
  else res.end("ok");
};

/** Each request: what its load, its store calls and its save were. */
const visits = [
  ["/", undefined, "none", [], undefined],
  ["/set", undefined, "none", ["create ok"], "create"],
  ["/", "kept", "found", ["read ok", "touch ok"], undefined],
  ["/set", "kept", "found", ["read ok", "touch ok"], undefined],
  ["/end", "kept", "found", ["read ok", "delete ok"], "delete"],
  ["/", "kept", "absent", ["read absent"], undefined],
] as const;

test("over an express-session store, loads and calls are published by outcome, without id, data or subject", async () => {
  const MemoryStore = memorystore(session as never);
  const { send } = await app(new MemoryStore({}), routes);
  let kept: string | undefined;
  for (const [path, cookie, outcome, calls, plan] of visits) {
    const heard = listen();
    const answer = await send(path, cookie && kept);
    kept = answer.cookie ?? kept;
    expect(
      heard.load.map((message) => [message["backend"], message["outcome"]]),
      path,
    ).toEqual([["express-session", outcome]]);
    expect(
      heard.store.map((message) => `${message["operation"]} ${message["outcome"]}`),
      path,
    ).toEqual(calls);
    expect(heard.save.at(-1)?.["plan"], path).toBe(plan);
    const text = JSON.stringify(heard);
    const id = /s%3A([\w-]+)/.exec(kept ?? "")?.[1] ?? "no id";
    expect(text).not.toContain(id);
  }
});

test("a failing express-session store is published as an outcome, without the client's message", async () => {
  const MemoryStore = memorystore(session as never);
  const store = new MemoryStore({});
  const { send } = await app(store, routes);
  const { cookie } = await send("/set");
  const heard = listen();
  store.get = (id: string, done: (error: unknown) => void) => done(new Error(`GET ${id}`));
  expect((await send("/", cookie)).status).toBe(500);
  expect(heard.store).toMatchObject([{ operation: "read", outcome: "failed", attempt: 1 }]);
  expect(heard.load).toMatchObject([{ outcome: "failed" }]);
  expect(String(heard.store[0]?.["error"])).not.toContain("GET");
});

test("over a store of sojourn the same loads are published", async () => {
  const { send } = await app(memoryStore(), routes);
  const heard = listen();
  const { cookie } = await send("/set");
  await send("/", cookie);
  await send("/", `${cookie?.split("=")[0]}=s%3Anothing.forged`);
  expect(heard.load.map(({ backend, outcome }) => [backend, outcome])).toEqual([
    ["memory", "none"],
    ["memory", "found"],
    ["memory", "none"],
  ]);
  expect(heard.store.map(({ operation }) => operation)).toEqual(["create", "read"]);
});
