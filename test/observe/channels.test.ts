/** What is published on `sojourn:load`, `sojourn:store`, `sojourn:save`, `sojourn:renew` and `sojourn:event`. */

import { AsyncLocalStorage } from "node:async_hooks";
import { channel, tracingChannel } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as node from "../../src/core/contracts/channels.node.ts";
import * as plain from "../../src/core/contracts/channels.ts";
import { createSessions, type Session, type SessionOptions } from "../../src/index.ts";
import { createPartsSessions } from "../../src/parts.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "./visitor.ts";

type Message = Record<string, unknown> & { subject?: string };
const heard: [name: string, when: string, message: Message][] = [];
const stops: (() => void)[] = [];

function listen(...names: string[]): void {
  for (const name of names) {
    const one = tracingChannel(`sojourn:${name}`);
    const on = (when: string) => (message: unknown) => void heard.push([name, when, message as Message]);
    const subscribers = {
      ...{ start: on("start"), end: on("end"), asyncStart: on("asyncStart") },
      ...{ asyncEnd: on("asyncEnd"), error: on("error") },
    };
    one.subscribe(subscribers as never);
    stops.push(() => void one.unsubscribe(subscribers as never));
  }
}

function ended(name: string): Message[] {
  return heard.filter(([of, when]) => of === name && when === "asyncEnd").map(([, , message]) => message);
}

beforeEach(() => heard.splice(0));
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function setUp(options: Partial<SessionOptions> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const sessions = createSessions({
    ...{ store: memoryStore({ now: () => clock.now }), now: () => clock.now, warn: false, wait: async () => {} },
    ...options,
  });
  return { clock, sessions, visit: visitor(sessions) };
}

const change = ({ data }: Session): unknown => Object.assign(data, { n: Number(data["n"] ?? 0) + 1 });

test("a load publishes its outcome, the store and the duration; no id, key, data or subject", async () => {
  const { visit, sessions } = setUp();
  await visit((session) => session.login("ada@example.com"));
  listen("load");
  await visit(change);
  await visit(() => {}, "");
  await visit(() => {}, `__Host-session=${"A".repeat(43)}`);
  const handle = (await sessions.list("ada@example.com"))[0]?.handle;
  expect(ended("load")).toMatchObject([
    { backend: "memory", outcome: "found", handle },
    { backend: "memory", outcome: "none" },
    { backend: "memory", outcome: "absent" },
  ]);
  const [first] = ended("load");
  expect(Object.keys(first as Message).sort()).toEqual(["backend", "duration", "handle", "outcome"]);
  expect(first?.["duration"]).toBeGreaterThanOrEqual(0);
  expect(first?.subject).toBe("ada@example.com");
  expect(inspect({ ...first }, { showHidden: true }) + inspect(first) + JSON.stringify(first)).not.toContain("ada@");
});

test("the five channels are published in Node's order, with one message object", async () => {
  const { visit } = setUp();
  listen("save");
  await visit(change);
  expect(heard.map(([, when]) => when)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
  expect(new Set(heard.map(([, , message]) => message)).size).toBe(1);
});

describe("a save", () => {
  test("publishes its plan: nothing, a record, a change, another id, the end", async () => {
    const { visit } = setUp();
    listen("save");
    await visit(() => {});
    await visit(change);
    await visit(() => {});
    await visit(change);
    await visit((session) => session.regenerate());
    await visit((session) => session.destroy());
    const plans = ["none", "create", "none", "update", "rename", "delete"];
    expect(ended("save").map(({ plan }) => plan)).toEqual(plans);
    expect(ended("save").every(({ outcome, retries }) => outcome === "saved" && retries === 0)).toBe(true);
  });

  test("counts conflicts and retries, and each store call", async () => {
    const { visit } = setUp();
    await visit(change);
    listen("save", "store");
    await visit(async (session) => {
      change(session);
      await visit((meanwhile) => Object.assign(meanwhile.data, { other: 1 }));
    });
    expect(ended("save")).toMatchObject([
      { plan: "update", outcome: "saved", retries: 0, conflicts: 0 },
      { plan: "update", outcome: "saved", retries: 1, conflicts: 1 },
    ]);
    expect(ended("store").map(({ operation, outcome, attempt }) => [operation, outcome, attempt])).toEqual([
      ["read", "ok", 1],
      ["read", "ok", 1],
      ["update", "ok", 1],
      ["update", "refused", 1],
      ["read", "ok", 1],
      ["update", "ok", 2],
    ]);
  });

  test("that finds its session ended is refused", async () => {
    const { visit } = setUp();
    await visit(change);
    listen("save");
    await visit(async (session) => {
      change(session);
      await visit((meanwhile) => meanwhile.destroy());
    });
    expect(ended("save").map(({ plan, outcome }) => [plan, outcome])).toEqual([
      ["delete", "saved"],
      ["update", "refused"],
    ]);
  });
});

test("a store that fails, or times out, is an outcome with an error that has no cause", async () => {
  const inner = memoryStore();
  let fault: "fails" | "hangs" | undefined;
  const read = (key: string) => {
    if (fault === "fails") return Promise.reject(new Error(`GET ${key}`));
    return fault === "hangs" ? new Promise<never>(() => {}) : inner.read(key);
  };
  const { visit } = setUp({ store: { ...inner, read }, storeTimeout: "5ms" });
  await visit(change);
  listen("store", "load", "event");
  const events: Message[] = [];
  const onEvent = (message: unknown): void => void events.push(message as Message);
  channel("sojourn:event").subscribe(onEvent);
  stops.push(() => void channel("sojourn:event").unsubscribe(onEvent));
  for (fault of ["fails", "hangs"] as const) expect(await visit(() => {})).toBeInstanceOf(Error);
  expect(ended("store").map(({ operation, outcome }) => [operation, outcome])).toEqual([
    ["read", "failed"],
    ["read", "timeout"],
  ]);
  expect(ended("load").map(({ outcome }) => outcome)).toEqual(["failed", "failed"]);
  const errors = heard.filter(([, when]) => when === "error").map(([, , { error }]) => error as Error);
  expect(errors.map((error) => (error as Error & { code: string }).code)).toContain("ERR_SESSION_STORE_TIMEOUT");
  expect(errors.every(({ cause }) => cause === undefined)).toBe(true);
  expect(events).toMatchObject([
    { type: "store_unavailable", code: "ERR_SESSION_STORE_UNAVAILABLE" },
    { type: "store_unavailable", code: "ERR_SESSION_STORE_TIMEOUT" },
  ]);
});

test("a renewal publishes its reason: login, regenerate, or the age of the id", async () => {
  const { visit, clock } = setUp({ renewAfter: "10m" });
  await visit(change);
  listen("renew");
  await visit((session) => session.login("ada"));
  await visit((session) => session.regenerate());
  clock.now += 700_000;
  await visit(() => {});
  expect(ended("renew").map(({ by, outcome }) => [by, outcome])).toEqual([
    ["login", "renewed"],
    ["regenerate", "renewed"],
    ["passing", "renewed"],
  ]);
});

test("a listing is one message for any number of sessions; a cookie store and a revocation publish their own calls", async () => {
  const { visit, sessions } = setUp();
  for (let times = 0; times < 5; times++) await visit((session) => session.login("ada"), "");
  listen("store");
  await sessions.list("ada");
  expect(ended("store").filter(({ operation }) => operation === "list")).toHaveLength(1);
  heard.splice(0);
  await sessions.revoke("ada");
  expect(ended("store").filter(({ operation }) => operation === "delete")).toHaveLength(5);
  heard.splice(0);
  const inCookie = setUp({ store: cookieStore({ secrets: "a secret of at least 32 characters, really" }) });
  listen("load", "save");
  await inCookie.visit(change);
  await inCookie.visit(change);
  expect(ended("load").map(({ backend, outcome }) => [backend, outcome])).toEqual([
    ["cookie", "none"],
    ["cookie", "found"],
  ]);
  expect(ended("store")).toEqual([]);
});

test("the context that subscribers bind to the channel reaches the store call", async () => {
  const spans = new AsyncLocalStorage<string>();
  const inner = memoryStore();
  const within: (string | undefined)[] = [];
  const read = (key: string) => {
    within.push(spans.getStore());
    return inner.read(key);
  };
  const { visit } = setUp({ store: { ...inner, read } });
  await visit(change);
  const { start } = tracingChannel("sojourn:store");
  start.bindStore(spans, (message) => (message as Message)["operation"] as string);
  stops.push(() => void start.unbindStore(spans));
  await visit(() => {});
  expect(within).toEqual(["read"]);
});

test("each part is a load and a save of its own", async () => {
  const store = memoryStore();
  const visit = visitor(
    createPartsSessions<{ a: number; b: number }>({
      parts: {
        one: { store, fields: ["a"], cookie: { name: "one" } },
        two: { store, fields: ["b"], cookie: { name: "two" } },
      },
    }),
  );
  listen("load", "save");
  await visit((session) => Object.assign(session.data, { a: 1, b: 1 }));
  expect(ended("load").length).toBeGreaterThanOrEqual(2);
  expect(ended("save").filter(({ plan }) => plan === "create")).toHaveLength(2);
});

describe("where Node's modules cannot be imported", () => {
  test("the runtime's own channels are used", () => {
    expect(plain.diagnostics?.channel("sojourn:event")).toBe(node.diagnostics.channel("sojourn:event"));
    expect(plain.diagnostics?.scope<number>().run(1, () => 2)).toBe(2);
  });
});
