/** `sojourn/metrics` with the real prom-client. */

import { Registry } from "prom-client";
import { afterEach, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { sessionMetrics } from "../../src/metrics.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "./visitor.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function setUp(register = new Registry()) {
  const inner = memoryStore();
  const state = { broken: false };
  const read = (key: string) => (state.broken ? Promise.reject(new Error("down")) : inner.read(key));
  const sessions = createSessions({ store: { ...inner, read }, warn: false });
  const stop = sessionMetrics({ register });
  stops.push(stop);
  return { register, state, sessions, stop, visit: visitor(sessions) };
}

test("the number of sessions is a gauge for stores that can count, read at most once a minute; the others have no value", async () => {
  const register = new Registry();
  const inner = memoryStore();
  let counts = 0;
  const store = {
    ...inner,
    count(...given: Parameters<NonNullable<typeof inner.count>>) {
      counts += 1;
      return inner.count!(...given);
    },
  };
  const { count: _, ...cannot } = memoryStore();
  const shop = createSessions({ store, warn: false, name: "shop" });
  const other = createSessions({ store: cannot, warn: false, name: "other" });
  stops.push(sessionMetrics({ register, sessions: [shop, other] }));
  for (let times = 0; times < 3; times++) await visitor(shop)((session) => session.login(`user-${times}`));
  const line = 'sojourn_sessions{backend="memory",name="shop"} 3';
  expect(await linesOf(register, "sojourn_sessions")).toEqual([line]);
  await visitor(shop)((session) => session.login("ada"));
  expect(await linesOf(register, "sojourn_sessions")).toEqual([line]);
  expect(counts).toBe(1);
});

test("metrics do not wait for a slow count", async () => {
  const register = new Registry();
  let answer = (_: { count: number; estimate: boolean }): void => {};
  const store = {
    ...memoryStore(),
    count: () =>
      new Promise<never>((resolve) => {
        answer = resolve as never;
      }),
  };
  stops.push(sessionMetrics({ register, sessions: createSessions({ store, warn: false, storeTimeout: "30s" }) }));
  expect(await linesOf(register, "sojourn_sessions")).toEqual([]);
  answer({ count: 7, estimate: true });
  expect(await linesOf(register, "sojourn_sessions")).toEqual(['sojourn_sessions{backend="memory",name="session"} 7']);
});

test("under load no label grows with users: 300 users and 2,000 requests have the lines of 3 and 20", async () => {
  const register = new Registry();
  const sessions = createSessions({ store: memoryStore(), warn: false, name: "shop" });
  stops.push(sessionMetrics({ register, sessions }));
  const load = async (users: number, from: number): Promise<void> => {
    for (let user = from; user < from + users; user++) {
      const visit = visitor(sessions);
      await visit((session) => session.login(`user-${user}@example.com`));
      for (let times = 0; times < 4; times++)
        await visit((session) => Object.assign(session.data, { [`key-${user}`]: times }));
      await visit(() => {}, `__Host-shop=${String(user).padStart(43, "A")}`);
      await visit((session) => session.destroy());
    }
  };
  const shapeOf = async (): Promise<string[]> =>
    (await register.metrics()).split("\n").map((line) => line.replace(/ [\d.e+-]+$/, ""));
  await load(3, 0);
  const few = await shapeOf();
  await load(300, 3);
  expect(await shapeOf()).toEqual(few);
  expect(few.length).toBeLessThan(200);
  expect(few.join()).not.toMatch(/user-|example\.com|key-/);
}, 60_000);

/** The lines of one metric, without comments. */
async function linesOf(register: { metrics(): Promise<string> }, name: string): Promise<string[]> {
  return (await register.metrics()).split("\n").filter((line) => line.startsWith(name));
}

test("loads, saves, conflicts, renewals and events are counted", async () => {
  const { register, visit, state } = setUp();
  await visit((session) => session.login("ada"));
  await visit(async (session) => {
    session.data["a"] = 1;
    await visit((other) => Object.assign(other.data, { b: 2 }));
  });
  await visit(async (session) => {
    session.data["a"] = 2;
    await visit((other) => other.destroy());
  });
  await visit(() => {}, "");
  state.broken = true;
  await visit(() => {}, `__Host-session=${"A".repeat(43)}`);
  const text = await register.metrics();
  for (const line of [
    'sojourn_loads_total{backend="memory",outcome="found"} 4',
    'sojourn_loads_total{backend="memory",outcome="none"} 2',
    'sojourn_loads_total{backend="memory",outcome="failed"} 1',
    'sojourn_saves_total{backend="memory",plan="update",outcome="saved"} 2',
    'sojourn_saves_total{backend="memory",plan="update",outcome="refused"} 1',
    'sojourn_saves_total{backend="memory",plan="delete",outcome="saved"} 1',
    'sojourn_save_conflicts_total{backend="memory"} 2',
    'sojourn_events_total{type="session_login"} 1',
    'sojourn_events_total{type="store_unavailable"} 1',
    "# TYPE sojourn_store_seconds histogram",
  ])
    expect(text).toContain(line);
});

test("each store call is in a bucket by its seconds; the last bucket, count and sum agree", async () => {
  const { register, visit } = setUp();
  for (let times = 0; times < 5; times++) await visit((session) => Object.assign(session.data, { times }));
  const lines = await linesOf(register, "sojourn_store_seconds");
  const labels = 'backend="memory",operation="update",outcome="ok"';
  expect(lines).toContain(`sojourn_store_seconds_bucket{le="+Inf",${labels}} 4`);
  expect(lines).toContain(`sojourn_store_seconds_count{${labels}} 4`);
  const counts = lines
    .filter((line) => line.includes("_bucket") && line.includes("update"))
    .map((line) => Number(line.split(" ").at(-1)));
  expect(counts).toHaveLength(13);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
});

test("a thousand users make as many lines as one", async () => {
  const { register, sessions } = setUp();
  const use = async (user: string): Promise<void> => {
    const visit = visitor(sessions);
    await visit((session) => session.login(user));
    await visit((session) => Object.assign(session.data, { user }));
    await visit((session) => session.destroy());
  };
  await use("ada");
  const before = (await register.metrics()).split("\n").length;
  for (let at = 0; at < 1000; at++) await use(`user${at}@example.com`);
  const text = await register.metrics();
  expect(text.split("\n")).toHaveLength(before);
  expect(text).not.toContain("example.com");
});

test("OpenMetrics, JSON and a reset of the registry work as with its own metrics", async () => {
  const register = new Registry();
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const { visit } = setUp(register);
  await visit((session) => Object.assign(session.data, { n: 1 }));
  const text = await register.metrics();
  expect(text).toContain("# TYPE sojourn_loads counter");
  expect(text).toContain('sojourn_loads_total{backend="memory",outcome="none"} 1');
  const [json] = (await register.getMetricsAsJSON()) as unknown as {
    values: { value: number }[];
    aggregator: string;
  }[];
  expect([json?.aggregator, json?.values[0]?.value]).toEqual(["sum", 1]);
  register.resetMetrics();
  expect(await register.metrics()).not.toContain('backend="memory"');
});

test("stop removes the metrics from the registry, and counting ends", async () => {
  const { register, stop, visit } = setUp();
  stop();
  await visit((session) => Object.assign(session.data, { n: 1 }));
  expect((await register.metrics()).trim()).toBe("");
  stops.push(sessionMetrics({ register }));
  expect(await linesOf(register, "sojourn_loads_total")).toEqual([]);
});

test("a second call on one registry is refused and leaves the first unchanged", async () => {
  const { register, visit } = setUp();
  expect(() => sessionMetrics({ register })).toThrow(/call sessionMetrics once for each register/);
  await visit(() => {});
  expect(await linesOf(register, "sojourn_loads_total")).toEqual([
    'sojourn_loads_total{backend="memory",outcome="none"} 1',
  ]);
});

test.each([[{}], [{ register: {} }], [{ register: new Registry(), registry: 1 }]])("%o is refused", (options) => {
  expect(() => sessionMetrics(options as never)).toThrow(TypeError);
});
