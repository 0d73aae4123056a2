/** The smaller of the stored and the configured lifetime counts at every use; clocks that differ end no session. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/core/contracts/store.ts";
import type { Duration } from "../../../src/core/options/duration.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskFiles } from "../../../src/flask/files.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { countedStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const minute = 60_000;
const day = 86_400_000;

interface Layout {
  /** Opens the same sessions again, with another lifetime. */
  readonly store: () => SessionOptions<Data>["store"];
  readonly options?: (lifetime: Duration) => Partial<SessionOptions<Data>>;
}

function layouts(now: () => number): Record<string, Layout> {
  const memory = memoryStore({ now });
  const directory = mkdtempSync(join(tmpdir(), "sojourn-lifetime-"));
  const foreign = memoryStore({ now });
  const secrets = "a secret of at least 32 characters";
  const flask = (lifetime: Duration): Partial<SessionOptions<Data>> => ({ ...flaskSession({ lifetime }) });
  return {
    memory: { store: () => memory },
    files: { store: () => fileStore({ directory, now }) },
    cookies: { store: () => cookieStore({ secrets }) },
    "Flask's format": { store: () => foreign, options: flask },
    "Flask's files": {
      store: () => flaskFiles({ directory: mkdtempOnce(), now }),
      options: flask,
    },
  };
}

let flaskDirectory: string | undefined;
function mkdtempOnce(): string {
  flaskDirectory ??= mkdtempSync(join(tmpdir(), "sojourn-flask-"));
  return flaskDirectory;
}

describe("a shortened idle timeout", () => {
  const clock = { now: 1_800_000_000_000 };
  const now = (): number => clock.now;
  for (const [name, { store, options }] of Object.entries(layouts(now))) {
    test(`reaches a session that is only read (${name})`, async () => {
      const open = (idleTimeout: Duration) =>
        new Sessions<Data>({
          now,
          ...(options ? options(idleTimeout) : { idleTimeout, absoluteTimeout: false }),
          store: store() as Store,
        });
      let { cookie } = await request(open("30d"), undefined, ({ data }) => Object.assign(data, { n: 1 }));
      const sessions = open("15m");
      const read = async (): Promise<boolean | undefined> => {
        const answer = await request(sessions, cookie, (session) => session.isNew);
        expect(answer.error).toBeUndefined();
        cookie = answer.cookie;
        return answer.value;
      };
      clock.now += day;
      expect(await read()).toBe(false);
      clock.now += 14 * minute;
      expect(await read()).toBe(false);
      clock.now += 14 * minute;
      expect(await read()).toBe(false);
      // Two seconds, for backends that keep whole ones.
      clock.now += 15 * minute + 2000;
      expect(await read()).toBe(true);
    });
  }
});

function setUp(options: Partial<SessionOptions<Data>> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const store = countedStore(memoryStore({ now: () => clock.now }));
  const open = (more: Partial<SessionOptions<Data>>) =>
    new Sessions<Data>({ now: () => clock.now, ...options, ...more, store });
  return { clock, store, open };
}

describe("a shortened timeout", () => {
  test("is written once, and costs a reader nothing from then on", async () => {
    const { store, open } = setUp();
    const { cookie } = await request(open({ idleTimeout: "30d", absoluteTimeout: false }), undefined, ({ data }) =>
      Object.assign(data, { n: 1 }),
    );
    const sessions = open({ idleTimeout: "15m", absoluteTimeout: false });
    store.reset();
    for (let n = 0; n < 3; n++) await request(sessions, cookie, ({ data }) => data.n);
    expect(store.calls).toEqual({ read: 3, update: 1 });
  });

  test("reaches a session where a route may only read, or does not touch", async () => {
    for (const access of ["read", "no-touch"] as const) {
      const { clock, open } = setUp();
      const long = open({ idleTimeout: "30d", absoluteTimeout: false });
      const { cookie } = await request(long, undefined, ({ data }) => Object.assign(data, { n: 1 }));
      const sessions = open({ idleTimeout: "15m", absoluteTimeout: false });
      const visit = async (): Promise<boolean> => {
        const incoming = {};
        const exchange = sessions.open(incoming, { cookie: () => cookie, secure: () => true });
        exchange.restrict(access);
        const { isNew } = await sessions.get(incoming);
        await exchange.commit(new Headers());
        return isNew;
      };
      expect(await visit()).toBe(false);
      clock.now += 15 * minute;
      expect(await visit()).toBe(true);
    }
  });

  test("of the whole session applies at the next use, and in the store", async () => {
    const { clock, open } = setUp();
    const long = open({ idleTimeout: "30d", absoluteTimeout: "60d" });
    const { cookie } = await request(long, undefined, (session) => session.login("ann"));
    const sessions = open({ idleTimeout: "2d", absoluteTimeout: "2d" });
    clock.now += day;
    await request(sessions, cookie, ({ data }) => data.n);
    expect((await sessions.list("ann"))[0]?.expiresAt).toBe(clock.now + day);
    clock.now += day;
    expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(true);
  });

  test("does not fail a request that reads when it cannot be written", async () => {
    const { store, open } = setUp();
    const long = open({ idleTimeout: "30d", absoluteTimeout: false });
    const { cookie } = await request(long, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const broken = { ...store, update: () => Promise.reject(new Error("out of memory")) };
    const sessions = new Sessions<Data>({ store: broken, idleTimeout: "15m", absoluteTimeout: false });
    const answer = await request(sessions, cookie, ({ data }) => data.n);
    expect([answer.value, answer.error]).toEqual([1, undefined]);
  });
});

describe("nodes whose clocks differ", () => {
  test("by less than a fifth of the timeout do not overwrite each other", async () => {
    const { clock, store } = setUp();
    const behind = new Sessions<Data>({ store, now: () => clock.now - 2 * minute, idleTimeout: "1h" });
    const ahead = new Sessions<Data>({ store, now: () => clock.now + 2 * minute, idleTimeout: "1h" });
    const { cookie } = await request(ahead, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    store.reset();
    for (let n = 0; n < 4; n++) for (const node of [behind, ahead]) await request(node, cookie, ({ data }) => data.n);
    expect(store.calls).toEqual({ read: 8 });
  });

  test("do not end a session when the one ahead writes on a route that does not touch", async () => {
    const clock = { now: 1_800_000_000_000 };
    // As a store whose server decides by its own clock, which is sent durations.
    const inner = memoryStore({ now: () => clock.now });
    const served = (skew: number): Sessions<Data> => {
      const now = (): number => clock.now + skew;
      const update: Store["update"] = (key, record, version) =>
        inner.update(key, { ...record, expiresAt: record.expiresAt - skew }, version);
      const touch: Store["touch"] = (key, expiresAt, subject) => inner.touch(key, expiresAt - skew, subject);
      return new Sessions<Data>({ store: { ...inner, update, touch }, now, idleTimeout: "10m" });
    };
    const { cookie } = await request(served(0), undefined, (session) => session.login("ann"));
    const sessions = served(11 * minute);
    const incoming = {};
    const exchange = sessions.open(incoming, { cookie: () => cookie, secure: () => true });
    exchange.restrict("no-touch");
    (await sessions.get(incoming)).data.n = 1;
    await exchange.commit(new Headers());
    clock.now += 5 * minute;
    const { value } = await request(served(0), cookie, ({ data, subject }) => [data.n, subject]);
    expect(value).toEqual([1, "ann"]);
  });
});
