/** Data that are decoded when a handler asks for them, and turn out to be damaged then. */

import { describe, expect, test } from "vitest";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import type { Store, StoredRecord } from "../../../src/core/contracts/store.ts";
import { encrypted } from "../../../src/core/record/encrypted.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { jsonFormat } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

type Data = { cart?: string[]; a?: number };

/** A store whose records can be damaged: the text inside the data, and nothing around it. */
function setUp(options: { format?: ReturnType<typeof jsonFormat> } = {}) {
  const inner = memoryStore();
  const written: string[] = [];
  const store: Store = {
    ...inner,
    update: (key, record, version) => {
      written.push(key);
      return inner.update(key, record, version);
    },
    touch: (key, expiresAt, subject) => {
      written.push(key);
      return inner.touch(key, expiresAt, subject);
    },
  };
  const sessions = new Sessions<Data>({ store, ...options });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  const find = async (): Promise<StoredRecord & { key: string }> => {
    for await (const row of inner.list?.() ?? []) {
      const record = row.key.startsWith("session:") && (await inner.read(row.key));
      if (record) return { ...record, key: row.key };
    }
    throw new Error("no record");
  };
  const damage = async (): Promise<void> => {
    const { key, version, ...record } = await find();
    await inner.update(key, { ...record, payload: String(record.payload).replace('["tea"]', '["tea"') }, version);
  };
  const told = (type: string): SessionEvent[] => events.filter((event) => event.type === type);
  return { inner, sessions, events, told, find, damage, written };
}

async function begun(setup: ReturnType<typeof setUp>, subject?: string): Promise<string | undefined> {
  const { cookie } = await request(setup.sessions, undefined, (session) => {
    session.data.cart = ["tea"];
    if (subject) session.login(subject);
  });
  await setup.damage();
  setup.written.length = 0;
  return cookie;
}

describe("damaged data", () => {
  test("does not affect a request that asks who is logged in", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    const { value, error } = await request(setup.sessions, cookie, ({ subject }) => subject);
    expect([value, error]).toEqual(["ada", undefined]);
    expect(setup.told("record_refused")).toEqual([]);
  });

  test("ends the session for the request that uses it: an event, no error, no cookie, nothing written", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    const before = await setup.find();
    const answer = await request(setup.sessions, cookie, (session) => {
      const { subject } = session;
      const cart = session.data.cart;
      session.data.a = 1;
      session.update("a", (n = 0) => n + 1);
      return [subject, cart, session.subject, session.isNew, session.createdAt];
    });
    expect(answer).toMatchObject({ value: ["ada", undefined, undefined, true, undefined], error: undefined });
    expect(answer.setCookie).toBeUndefined();
    expect(setup.told("record_refused")).toEqual([
      expect.objectContaining({ subject: "ada", reason: "not a record of format json" }),
    ]);
    expect(setup.told("save_refused")).toHaveLength(1);
    expect(setup.written).toEqual([]);
    expect(await setup.find()).toEqual(before);
    expect(JSON.stringify(setup.events)).not.toContain("tea");
  });

  test("is no session for the next request, which may begin another", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    await request(setup.sessions, cookie, ({ data }) => data.cart);
    const next = await request(setup.sessions, cookie, (session) => {
      session.data.a = 1;
      return session.subject;
    });
    expect(next.value).toBeUndefined();
    expect(next.setCookie).toBeDefined();
    expect((await request(setup.sessions, next.cookie, ({ data }) => data.a)).value).toBe(1);
  });

  test("is not carried over by a login, which begins a new session", async () => {
    const setup = setUp();
    const cookie = await begun(setup);
    const next = await request(setup.sessions, cookie, (session) => session.login("ben"));
    expect(next.error).toBeUndefined();
    expect(next.setCookie).toBeDefined();
    const { value } = await request(setup.sessions, next.cookie, ({ subject, data }) => [subject, { ...data }]);
    expect(value).toEqual(["ben", {}]);
  });

  test("is ended by a logout", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    const { error, setCookie } = await request(setup.sessions, cookie, (session) => session.destroy());
    expect(error).toBeUndefined();
    expect(setCookie).toMatch(/Max-Age=0/);
    await expect(setup.find()).rejects.toThrow("no record");
  });

  test("has its cookie removed by a logout after it was found", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    const { error, setCookie } = await request(setup.sessions, cookie, (session) => {
      void session.data.cart;
      session.destroy();
    });
    expect(error).toBeUndefined();
    expect(setCookie).toMatch(/Max-Age=0/);
    expect(setup.written).toEqual([]);
  });

  test("moves unread to a new id, and is found there", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    const next = await request(setup.sessions, cookie, (session) => session.regenerate());
    expect(next.error).toBeUndefined();
    const { value } = await request(setup.sessions, next.cookie, ({ subject, data }) => [subject, { ...data }]);
    expect(value).toEqual(["ada", {}]);
    expect(setup.told("record_refused")).toHaveLength(1);
  });

  test("found while a save merges is refused, not overwritten", async () => {
    const setup = setUp();
    const cookie = await begun(setup, "ada");
    const answer = await request(setup.sessions, cookie, async (session) => {
      session.persistent = true;
      const { key, version, ...record } = await setup.find();
      await setup.inner.update(key, record, version);
    });
    expect(answer.error).toBeUndefined();
    expect(answer.setCookie).toBeUndefined();
    expect(setup.told("record_refused")).not.toEqual([]);
  });
});

describe("data that no request used", () => {
  test("is kept unchanged when the session gets a new id, also when encrypted", async () => {
    for (const format of [jsonFormat(), encrypted(jsonFormat(), "a secret of at least 32 characters")]) {
      const { sessions } = (({ sessions }) => ({ sessions }))(setUp({ format }));
      const { cookie } = await request(sessions, undefined, (session) => {
        session.data.cart = ["tea"];
        session.login("ada");
      });
      const next = await request(sessions, cookie, (session) => session.regenerate());
      expect(next.cookie).not.toBe(cookie);
      const { value } = await request(sessions, next.cookie, ({ subject, data }) => [subject, { ...data }]);
      expect(value).toEqual(["ada", { cart: ["tea"] }]);
    }
  });

  test("count as data when the same user logs in again", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => {
      data.cart = ["tea"];
    });
    const next = await request(sessions, cookie, (session) => session.login("ada"));
    expect((await request(sessions, next.cookie, ({ data }) => data.cart)).value).toEqual(["tea"]);
  });
});
