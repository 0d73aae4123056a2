/** Saves of one session that meet in one process: written together, each answered when its change is kept. */

import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { type Answer, request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
type Handler = (session: Session<Data>) => unknown;

const count: Handler = (session) => session.update("n", (n) => (n as number) + 1);
const set =
  (key: string, value: unknown): Handler =>
  (session) => {
    session.data[key] = value;
  };

interface Held {
  readonly name: string;
  go(fault?: Fault): void;
}

/** Sessions over a store whose writes wait until they are let go, one at a time. */
async function hot(
  options: Omit<SessionOptions<Data>, "store"> = {},
  around: (store: Store) => Store = (store) => store,
) {
  const inner = memoryStore();
  const calls: string[] = [];
  const held: Held[] = [];
  let [isHeld, fault]: [boolean, Fault] = [false, "pass"];
  const faulty = faultyStore(inner, () => fault);
  const gated = (name: "create" | "update" | "delete") =>
    async function call(...args: never[]): Promise<never> {
      calls.push(name);
      if (!isHeld) return (inner[name] as (...all: never[]) => never)(...args);
      const asked = await new Promise<Fault>((resolve) => held.push({ name, go: (kind = "pass") => resolve(kind) }));
      fault = asked;
      const answer = (faulty[name] as (...all: never[]) => never)(...args);
      fault = "pass";
      return answer;
    };
  const store = {
    ...inner,
    read: (key: string) => {
      calls.push("read");
      return inner.read(key);
    },
    create: gated("create"),
    update: gated("update"),
    delete: gated("delete"),
  } as Store;
  const events: string[] = [];
  const sessions = new Sessions<Data>({
    store: around(store),
    warn: () => {},
    wait: () => Promise.resolve(),
    storeTimeout: "1m",
    ...options,
  });
  sessions.on(({ type }) => events.push(type));
  const first = await request(sessions, undefined, set("n", 0));
  const cookie = first.cookie as string;
  calls.length = 0;
  isHeld = true;
  const done: number[] = [];
  const start = (...handlers: Handler[]): Promise<Answer>[] =>
    handlers.map((handler, at) => request(sessions, cookie, handler).finally(() => done.push(at)));
  /** Lets the write that waits go, when there is one. */
  const next = async (kind?: Fault): Promise<string> => {
    await expect.poll(() => held.length, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0);
    await quiet();
    const { name, go } = held.shift() as Held;
    go(kind);
    await quiet();
    return name;
  };
  const look = async (value: string | undefined = cookie): Promise<Data | undefined> => {
    isHeld = false;
    return (await request(sessions, value, (session) => (session.isNew ? undefined : { ...session.data }))).value;
  };
  return { inner, sessions, cookie, calls, held, events, done, start, next, look, open: () => (isHeld = false) };
}

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const errors = (answers: readonly Answer[]): unknown[] =>
  answers.map(({ error }) => (error as { code?: string })?.code);

describe("parallel saves of one session in one process", () => {
  test("500 updates take one write for the first and one for all others, and no further read", async () => {
    const { start, next, look, calls } = await hot();
    const answers = start(...Array.from({ length: 500 }, () => count));
    await next();
    await next();
    expect(errors(await Promise.all(answers)).filter(Boolean)).toEqual([]);
    expect(calls.filter((name) => name === "update")).toHaveLength(2);
    expect(calls.filter((name) => name === "read")).toHaveLength(500);
    expect((await look())?.n).toBe(500);
  });

  test("no response leaves before a write with its change was confirmed", async () => {
    const { start, next, done } = await hot();
    const answers = start(set("a", 1), set("b", 2), set("c", 3));
    await next();
    expect(done).toEqual([0]);
    await quiet();
    expect(done).toEqual([0]);
    await next();
    await Promise.all(answers);
    expect(done).toHaveLength(3);
  });

  test("a request with the same change as another waits for its own write too", async () => {
    const { start, next, done } = await hot();
    const answers = start(set("a", 1), set("b", 2), set("b", 2));
    await next();
    expect(done).toEqual([0]);
    await next("throw-before");
    expect(errors(await Promise.all(answers))).toEqual([
      undefined,
      "ERR_SESSION_STORE_UNAVAILABLE",
      "ERR_SESSION_STORE_UNAVAILABLE",
    ]);
  });

  test("an update function runs once in its request and once on the saved value, in its request's own context", async () => {
    const { start, next } = await hot();
    const context = new AsyncLocalStorage<number>();
    const ran: unknown[] = [];
    const update =
      (at: number): Handler =>
      (session) =>
        context.run(at, () =>
          session.update("n", (n) => {
            ran.push([at, context.getStore()]);
            return (n as number) + 1;
          }),
        );
    const inContext = [0, 1, 2].map((at) => context.run(at, () => start(update(at))[0] as Promise<Answer>));
    await next();
    await next();
    await Promise.all(inContext);
    expect(ran).toEqual([0, 1, 2, 1, 2].map((at) => [at, at]));
  });

  test("an update function that throws on the newest value fails its own request only", async () => {
    for (const at of [1, 2, 3]) {
      const { start, next, look } = await hot();
      const handlers = [count, count, count, count];
      handlers[at] = (session) =>
        session.update("n", (n) => {
          if (n !== 0) throw new RangeError("not this one");
          return 100;
        });
      const answers = start(...handlers);
      await next();
      await next();
      const all = await Promise.all(answers);
      expect(all.map(({ error }) => (error as Error)?.message)).toEqual(
        handlers.map((_, one) => (one === at ? "not this one" : undefined)),
      );
      expect((await look())?.n).toBe(3);
    }
  });

  for (const fault of ["throw-before", "throw-after"] as const) {
    test(`a write that fails (${String(fault)}) fails every request in it, and no other`, async () => {
      const { start, next, look, events } = await hot();
      const answers = start(set("a", 1), set("b", 2), set("c", 3));
      await next();
      await next(fault);
      const all = await Promise.all(answers);
      expect(errors(all)).toEqual([undefined, "ERR_SESSION_STORE_UNAVAILABLE", "ERR_SESSION_STORE_UNAVAILABLE"]);
      expect(all.map(({ setCookie }) => setCookie)).toEqual([undefined, undefined, undefined]);
      expect(events.filter((type) => type === "save_failed")).toHaveLength(2);
      expect(await look()).toEqual({ n: 0, a: 1, ...(fault === "throw-after" && { b: 2, c: 3 }) });
    });
  }

  test("changes of a failed write are not written by another of its requests that saves again", async () => {
    const { start, next, look, open } = await hot();
    const again: Handler = async (session) => {
      session.data.c = 3;
      await expect(session.save()).rejects.toMatchObject({ status: 503 });
      open();
      session.update("n", (n) => (n as number) + 1);
      await session.save();
    };
    const answers = [];
    for (const handler of [set("a", 1), set("b", 2), again]) {
      answers.push(...start(handler));
      await quiet();
    }
    await next();
    await next("throw-before");
    expect(errors(await Promise.all(answers))).toEqual([undefined, "ERR_SESSION_STORE_UNAVAILABLE", undefined]);
    expect(await look()).toEqual({ n: 1, a: 1, c: 3 });
  });

  test("a request that saves again after such a write keeps the changes of the others in it", async () => {
    const { start, next, look, open } = await hot();
    const again: Handler = async (session) => {
      session.data.b = 2;
      await session.save();
      open();
      session.data.later = 1;
    };
    const answers = [];
    for (const handler of [set("a", 1), again, set("c", 3), count]) {
      answers.push(...start(handler));
      await quiet();
    }
    await next();
    await next();
    expect(errors(await Promise.all(answers))).toEqual([undefined, undefined, undefined, undefined]);
    expect(await look()).toEqual({ n: 1, a: 1, b: 2, c: 3, later: 1 });
  });

  test("a write that conflicts with another process reads once for all requests in it", async () => {
    const { start, next, look, calls, inner } = await hot();
    const answers = start(count, count, count, count);
    await next();
    await expect.poll(() => calls.filter((name) => name === "update").length).toBe(2);
    const rows = [];
    for await (const row of inner.list?.() ?? []) rows.push(row);
    const [row] = rows;
    if (!row) throw new Error("no record");
    const theirs = String(row.payload).replace('"n":1', '"n":11');
    await inner.update(row.key, { payload: theirs, expiresAt: row.expiresAt }, row.version);
    calls.length = 0;
    await next();
    await next();
    expect(errors(await Promise.all(answers)).filter(Boolean)).toEqual([]);
    expect(calls).toEqual(["read", "update"]);
    expect((await look())?.n).toBe(14);
  });

  test("when that read fails, all of them get its error", async () => {
    let isDown = false;
    const { start, next, look, calls } = await hot({}, (store) => ({
      ...store,
      read: (key) => (isDown ? Promise.reject(new Error("down")) : store.read(key)),
      update: async (...call) => (isDown ? null : store.update(...call)),
    }));
    const answers = start(count, count, count);
    await expect.poll(() => calls.filter((name) => name === "read").length).toBe(3);
    await quiet();
    isDown = true;
    await next();
    expect(errors(await Promise.all(answers))).toEqual([
      undefined,
      "ERR_SESSION_STORE_UNAVAILABLE",
      "ERR_SESSION_STORE_UNAVAILABLE",
    ]);
    isDown = false;
    expect((await look())?.n).toBe(1);
  });

  test("changes too large together are saved one by one, and only those that do not fit fail", async () => {
    const { start, next, look, open, held } = await hot({}, (store) => ({
      ...store,
      capabilities: { ...store.capabilities, maxPayloadBytes: 600 },
    }));
    const big = "x".repeat(300);
    const answers = start(count, set("a", big), set("b", big), set("c", 1));
    await next();
    open();
    while (held.length > 0) await next();
    const all = await Promise.all(answers);
    const data = (await look()) as Data;
    const kept = ["a", "b"].filter((key) => data[key] === big);
    expect(kept).toHaveLength(1);
    expect(data).toMatchObject({ n: 1, c: 1 });
    expect(errors(all).filter(Boolean)).toEqual(["ERR_SESSION_TOO_LARGE"]);
  });

  test("a queued logout ends those behind it without a store call for them; those before it are saved", async () => {
    const { start, next, calls, events, look } = await hot();
    const answers = start(count, count, (session) => session.destroy(), count, count);
    await next();
    await next();
    await next();
    expect(await next()).toBe("delete");
    const all = await Promise.all(answers);
    expect(errors(all).filter(Boolean)).toEqual([]);
    expect(all.map(({ setCookie }) => setCookie !== undefined)).toEqual([false, false, true, false, false]);
    expect(events.filter((type) => type === "save_refused")).toHaveLength(2);
    expect(calls.filter((name) => name !== "read")).toEqual(["update", "update", "update", "delete"]);
    expect(calls.filter((name) => name === "read")).toHaveLength(5);
    expect(await look()).toBeUndefined();
  });

  test("a queued login includes the changes of those before it, and those behind it write nothing", async () => {
    const { start, next, open, held, look, events } = await hot();
    const answers = start(count, count, (session) => session.login("ann"));
    await quiet();
    answers.push(...start(set("late", 1)));
    await next();
    open();
    while (held.length > 0) await next();
    const all = await Promise.all(answers);
    expect(await look(all[2]?.cookie)).toEqual({ n: 2 });
    expect(events).toContain("save_refused");
    expect(await look()).toBeUndefined();
  });

  test("a queued regenerate includes the changes of those before it, and those behind it move to the new id", async () => {
    const scene = await hot();
    const answers = scene.start(count, count, (session) => session.regenerate(), count, count);
    await scene.next();
    scene.open();
    while (scene.held.length > 0) await scene.next();
    const all = await Promise.all(answers);
    expect(errors(all).filter(Boolean)).toEqual([]);
    expect(all.filter(({ setCookie }) => setCookie !== undefined)).toHaveLength(1);
    expect(await scene.look(all[2]?.cookie)).toEqual({ n: 4 });
    expect(await scene.look()).toBeUndefined();
  });

  test("a request that does not touch does not prevent the touch of others", async () => {
    for (const quietAt of [1, 2]) {
      let now = 1_800_000_000_000;
      const scene = await hot({ now: () => now });
      now += 600_000;
      const reader = { cookie: () => scene.cookie, secure: () => true };
      const answers = [0, 1, 2].map(async (at) => {
        const exchange = scene.sessions.open({}, reader);
        const session = await exchange.get();
        if (at === quietAt) exchange.restrict("no-touch");
        session.data[`k${at}`] = 1;
        await exchange.commit(new Headers());
        return session.expiresAt;
      });
      await scene.next();
      await scene.next();
      expect(await Promise.all(answers)).toEqual([now + 3_600_000, now + 3_600_000, now + 3_600_000]);
    }
  });

  test("records of another program's format are saved together too", async () => {
    const scene = await hot({ format: { ...jsonFormat(), foreign: true } });
    const handles: string[] = [];
    const named: Handler = (session) => {
      count(session);
      handles.push(session.handle);
    };
    const answers = scene.start(named, named, named);
    await scene.next();
    await scene.next();
    expect(errors(await Promise.all(answers)).filter(Boolean)).toEqual([]);
    expect(new Set(handles).size).toBe(1);
    expect((await scene.look())?.n).toBe(3);
  });
});
