/** Whole sessions on Flask's records: made, changed, met by a Flask that writes at the same time, ended. */

import { describe, expect, test } from "vitest";
import type { SessionEvent } from "../../src/core/contracts/session-event.ts";
import type { Store } from "../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../src/core/options/options.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { type FlaskSessionOptions, flaskSession } from "../../src/flask.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { request } from "../support/requests.ts";

const start = 1_800_000_000_000;
const id = "A".repeat(43);
const key = `session:${id}`;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const hex = (payload: unknown): string => Buffer.from(payload as Uint8Array).toString("hex");

interface Scene {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly events: SessionEvent[];
  /** Writes a record as Flask does: whole, without looking. */
  flask(payload: Uint8Array): Promise<void>;
  payload(at?: string): Promise<string | undefined>;
  now: number;
}

function scene(options: FlaskSessionOptions = {}, more: Partial<SessionOptions> = {}): Scene {
  const clock = { now: start };
  const store = memoryStore({ now: () => clock.now });
  const config = { ...flaskSession(options), store, now: () => clock.now, wait: async () => {}, ...more };
  const sessions = new Sessions(config as SessionOptions & { store: Store });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  return Object.assign(clock, {
    store,
    sessions,
    events,
    async flask(payload: Uint8Array) {
      await store.delete(key);
      await store.create(key, { payload, expiresAt: clock.now + 2_678_400_000 });
    },
    async payload(at = key) {
      const record = await store.read(at);
      return record ? hex(record.payload) : undefined;
    },
  });
}

describe("a session begun in Node", () => {
  test("is a record and a cookie in Flask's form", async () => {
    const { sessions, store, events } = scene();
    const { cookie, setCookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
    expect(setCookie).toMatch(/^session=[A-Za-z0-9_-]{43}; Max-Age=2678400; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    const record = await store.read(`session:${cookie?.slice(8)}`);
    expect(hex(record?.payload)).toBe("82aa5f7065726d616e656e74c3a16ba176");
    expect(record?.expiresAt).toBe(start + 2_678_400_000);
    expect(events.map(({ type }) => type)).toEqual(["session_created"]);
  });

  test("that is not permanent has no such key and no Max-Age", async () => {
    const { sessions, store } = scene({ permanent: false, lifetime: 60.9, cookie: { name: "flask", secure: false } });
    const { cookie, setCookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
    expect(setCookie).toMatch(/^flask=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    const record = await store.read(`session:${cookie?.slice(6)}`);
    expect(hex(record?.payload)).toBe("81a16b01");
    expect(record?.expiresAt).toBe(start + 60_000);
    await request(sessions, cookie, (session) => {
      session.persistent = true;
    });
    expect(hex((await store.read(`session:${cookie?.slice(6)}`))?.payload)).toBe("82a16b01aa5f7065726d616e656e74c3");
  });

  test("is in JSON, with a UUID, under another prefix, signed", async () => {
    const { sessions, store } = scene({
      format: "json",
      ids: "uuid",
      keyPrefix: "app:",
      signed: { secretKey: "fixed-secret-key" },
      cookie: { prefix: "__Host-" },
    });
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { f: 1.5 }));
    const [, uuid] = /^__Host-session=([0-9a-f-]{36})\.[A-Za-z0-9_-]{27}$/.exec(String(cookie)) ?? [];
    const record = await store.read(`app:${uuid}`);
    expect(new TextDecoder().decode(record?.payload as Uint8Array)).toBe('{"_permanent":true,"f":1.5}');
    expect((await request(sessions, cookie, ({ data }) => data["f"])).value).toBe(1.5);
    expect((await request(sessions, `__Host-session=${uuid}`, ({ isNew }) => isNew)).value).toBe(true);
  });
});

describe("deleting the last key", () => {
  const one = bytes("82aa5f7065726d616e656e74c3a16b01");

  test("ends record and cookie, as in Flask-Session", async () => {
    for (const format of ["msgpack", "json", "pickle"] as const) {
      const { sessions, store } = scene({ format });
      const begun = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
      const at = `session:${begun.cookie?.slice(8)}`;
      const { setCookie, error } = await request(sessions, begun.cookie, ({ data }) => delete data["k"]);
      expect(error).toBeUndefined();
      expect(setCookie).toMatch(/^session=; Max-Age=0/);
      expect(await store.read(at)).toBeNull();
      expect((await request(sessions, begun.cookie, ({ isNew }) => isNew)).value).toBe(true);
    }
  });

  test("and setting another after a save begins a new session", async () => {
    const { sessions, flask, payload, store } = scene();
    await flask(one);
    const { cookie } = await request(sessions, `session=${id}`, async (session) => {
      session.clear();
      await session.save();
      session.data["next"] = 1;
    });
    expect(await payload()).toBeUndefined();
    expect(cookie).not.toBe(`session=${id}`);
    expect(hex((await store.read(`session:${cookie?.slice(8)}`))?.payload)).toMatch(/a46e65787401/);
  });

  test("keeps what another request added in between", async () => {
    const { sessions, flask, payload } = scene();
    await flask(one);
    const { setCookie } = await request(sessions, `session=${id}`, async ({ data }) => {
      delete data["k"];
      await flask(bytes("83aa5f7065726d616e656e74c3a16b01a17802"));
    });
    expect(await payload()).toBe("82aa5f7065726d616e656e74c3a17802");
    expect(setCookie).not.toContain("Max-Age=0");
  });

  test("ends nothing while a user is logged in, or a key that is no text is left", async () => {
    const { sessions, flask, payload } = scene({ subjectKey: "_user_id" });
    for (const rest of ["a85f757365725f6964a137", "0502"]) {
      await flask(bytes(`82a16b01${rest}`));
      const { setCookie, error } = await request(sessions, `session=${id}`, ({ data }) => delete data["k"]);
      expect(error).toBeUndefined();
      expect(setCookie ?? "").not.toContain("Max-Age=0");
      expect(await payload()).toBe(`81${rest}`);
    }
  });
});

describe("a session that Flask made", () => {
  const made = bytes("83aa5f7065726d616e656e74c3a166cb3ff0000000000000a16b01");

  test("is read without being written", async () => {
    const { sessions, store, flask } = scene();
    await flask(made);
    const { payload } = (await store.read(key))!;
    const { value, setCookie } = await request(sessions, `session=${id}`, (session) => ({
      ...session.data,
      persistent: session.persistent,
      isNew: session.isNew,
      created: session.createdAt,
      subject: session.subject,
    }));
    expect(value).toEqual({ f: 1, k: 1, persistent: true, isNew: false, created: undefined, subject: undefined });
    expect(setCookie).toBeUndefined();
    expect((await store.read(key))?.payload).toEqual(payload);
  });

  test("keeps unchanged values byte for byte", async () => {
    const { sessions, payload, flask } = scene();
    await flask(made);
    const answer = await request(sessions, `session=${id}`, (session) => session.update("k", (n) => Number(n) + 1));
    expect(answer.setCookie).toMatch(/^session=A{43}; Max-Age=2678400; /);
    expect(await payload()).toBe(hex(made).replace(/01$/, "02"));
  });

  test("keeps what Flask wrote during the request, to other keys and to the same", async () => {
    const { sessions, payload, flask } = scene();
    await flask(made);
    await request(sessions, `session=${id}`, async (session) => {
      session.data["mine"] = true;
      session.update("k", (n) => Number(n) + 1);
      // f is 2.0 now, k is 5, and there is a new date with microseconds.
      await flask(bytes("84aa5f7065726d616e656e74c3a166cb4000000000000000a16b05a164d7ffa1dcd42065937d25"));
    });
    expect(await payload()).toBe(
      "85aa5f7065726d616e656e74c3a166cb4000000000000000a16b06a164d7ffa1dcd42065937d25a46d696e65c3",
    );
  });

  test("that Flask ends during the request is not brought back", async () => {
    const { sessions, payload, flask, store, events } = scene();
    await flask(made);
    const { error, setCookie } = await request(sessions, `session=${id}`, async ({ data }) => {
      data["mine"] = true;
      await store.delete(key);
    });
    expect(error).toBeUndefined();
    expect(setCookie).toBeUndefined();
    expect(await payload()).toBeUndefined();
    expect(events.map(({ type }) => type)).toEqual(["save_refused"]);
  });

  test("in the other format or in pickle is rewritten when changed, not before", async () => {
    const pickled = bytes("8004951f000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a752e");
    const { sessions, payload, flask } = scene({ format: "json" });
    for (const old of [pickled, bytes("82aa5f7065726d616e656e74c3a7757365725f69642a")]) {
      await flask(old);
      expect((await request(sessions, `session=${id}`, ({ data }) => data["user_id"])).value).toBe(42);
      expect(await payload()).toBe(hex(old));
      await request(sessions, `session=${id}`, ({ data }) => Object.assign(data, { k: 1 }));
      expect(Buffer.from(String(await payload()), "hex").toString()).toBe('{"_permanent":true,"user_id":42,"k":1}');
    }
  });

  test("is ended by destroy, and gets a new id by a login whose subject Flask-Login finds", async () => {
    const warn = (message: string): never => expect.fail(message);
    const { sessions, payload, flask, events, store } = scene({ subjectKey: "_user_id" }, { warn });
    await flask(made);
    const login = await request(sessions, `session=${id}`, (session) => session.login("7"));
    expect(await payload()).toBeUndefined();
    expect(login.cookie).not.toBe(`session=${id}`);
    const moved = `session:${login.cookie?.slice(8)}`;
    expect(await payload(moved)).toBe(`84${hex(made).slice(2)}a85f757365725f6964a137`);
    expect((await store.read(moved))?.subject).toBe("7");
    expect(await sessions.list("7")).toMatchObject([{ subject: "7", createdAt: undefined }]);
    expect((await request(sessions, login.cookie, ({ subject }) => subject)).value).toBe("7");
    const logout = await request(sessions, login.cookie, (session) => session.destroy());
    expect(logout.setCookie).toContain("Max-Age=0");
    expect(await payload(moved)).toBeUndefined();
    expect(events.map(({ type }) => type)).toEqual(["session_renewed", "session_login", "session_logout"]);
  });

  test("has no subject without the key for it, after a login too", async () => {
    const said: string[] = [];
    const { sessions, payload, flask } = scene({}, { warn: (message) => void said.push(message) });
    await flask(made);
    const login = await request(sessions, `session=${id}`, (session) => session.login("7"));
    expect(said).toEqual([expect.stringContaining("the record does not say who logged in: format flask-session msg")]);
    expect(login.cookie).not.toBe(`session=${id}`);
    expect(await payload(`session:${login.cookie?.slice(8)}`)).toBe(hex(made));
    expect((await request(sessions, login.cookie, ({ subject }) => subject)).value).toBeUndefined();
  });

  test("that is written with its old id after a login keeps the login's cookie", async () => {
    const { sessions, flask, store } = scene({ subjectKey: "_user_id" });
    await flask(made);
    const login = await request(sessions, `session=${id}`, (session) => session.login("7"));
    const late = await request(sessions, `session=${id}`, ({ data }) => Object.assign(data, { mine: 1 }));
    expect([late.error, late.setCookie]).toEqual([undefined, undefined]);
    const keys: string[] = [];
    for await (const row of store.list!()) keys.push(row.key);
    expect(keys.filter((one) => one.startsWith("session:"))).toContain(`session:${login.cookie?.slice(8)}`);
  });

  test("has one handle in every request, and it is not its id", async () => {
    const { sessions, flask } = scene();
    await flask(made);
    const one = await request(sessions, `session=${id}`, ({ handle }) => handle);
    const two = await request(sessions, `session=${id}`, ({ handle }) => handle);
    expect(one.value).toBe(two.value);
    expect(one.value).toMatch(/^[A-Za-z0-9_-]{12}$/);
    expect(id).not.toContain(one.value);
  });
});

describe("the handle, which Flask's records have no room for", () => {
  test("is the same in an event and in later requests", async () => {
    const { sessions, events } = scene({ subjectKey: "_user_id" });
    const handle = async (cookie: string | undefined) => (await request(sessions, cookie, (one) => one.handle)).value;
    const begun = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
    const login = await request(sessions, begun.cookie, (session) => session.login("7"));
    expect(events.map(({ type }) => type)).toEqual(["session_created", "session_renewed", "session_login"]);
    const named = await handle(login.cookie);
    expect(events.slice(1).map((event) => event.handle)).toEqual([named, named]);
    expect(events[0]?.handle).not.toBe(named);
    expect(await sessions.list("7")).toMatchObject([{ handle: named }]);
    const again = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
    expect(events.at(-1)).toMatchObject({ type: "session_created", handle: await handle(again.cookie) });
  });

  test("is the new one after a login was saved, so that ending the other sessions spares this one", async () => {
    const { sessions } = scene({ subjectKey: "_user_id" });
    const other = await request(sessions, undefined, (session) => session.login("7"));
    const begun = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
    const login = await request(sessions, begun.cookie, async (session) => {
      session.login("7");
      await session.save();
      return sessions.revoke("7", { except: session.handle });
    });
    expect(login.value).toBe(1);
    expect((await request(sessions, login.cookie, ({ subject }) => subject)).value).toBe("7");
    expect((await request(sessions, other.cookie, ({ subject }) => subject)).value).toBeUndefined();
  });
});

test.each(["attacker-chosen", `${id}.sig`, "B".repeat(43), `"${id}"`, "a\\012b", `${id}${id}`])(
  "the id %j is never adopted",
  async (given) => {
    const { sessions, store } = scene();
    const { cookie } = await request(sessions, `session=${given}`, ({ data }) => Object.assign(data, { k: 1 }));
    expect(cookie).not.toBe(`session=${given}`);
    const keys: string[] = [];
    for await (const row of store.list!()) keys.push(row.key);
    expect(keys).toEqual([`session:${cookie?.slice(8)}`]);
  },
);

test("text that cannot be an id of Flask's never reaches the store", async () => {
  let reads = 0;
  const { sessions, store } = scene();
  const watched: Store = {
    ...store,
    read: (one) => {
      reads += 1;
      return store.read(one);
    },
  };
  const over = new Sessions({ ...flaskSession(), store: watched });
  for (const junk of ["x", "a\0b", `${id}${id}A`, id.slice(22), `session:${id}`, "é".repeat(43)])
    await request(over, `session=${junk}`, ({ isNew }) => isNew);
  expect(reads).toBe(0);
  await request(over, `session=${id}`, ({ isNew }) => isNew);
  // The record, and a note of where its session may have moved.
  expect(reads).toBe(2);
  expect(sessions).toBeDefined();
});

describe("a wrong option is a TypeError that names it", () => {
  test.each<[Record<string, unknown>, string]>([
    [{ prefix: "x" }, 'flaskSession: there is no option "prefix"; there are format, subjectKey'],
    [{ format: "yaml" }, 'format must be "msgpack", "json" or "pickle"; received a string of 4 characters'],
    [{ lifetime: 0 }, "lifetime must be a duration from 1s to 400d"],
    [
      { lifetime: "a month" },
      'lifetime must be a duration from 1s to 400d, as a number of seconds or a text like "30m"; received "a month"',
    ],
    [{ permanent: 1 }, "permanent must be true or false; received 1"],
    [{ signed: true }, "signed must be { secretKey }; received true"],
    [{ signed: {} }, "signed.secretKey must be Flask's SECRET_KEY"],
    [{ subjectKey: "_permanent" }, "subjectKey must be a key of the session such as"],
    [{ subjectKey: "" }, "subjectKey must be a key of the session such as"],
    [{ subjectType: "int" }, 'subjectType must be "string" or "integer"'],
    [{ legacyPickle: "no" }, "legacyPickle must be true or false"],
    [{ idLength: 1 }, "idLength must be a whole number of bytes from 16 to 64; received 1"],
  ])("%j", (options, message) => {
    expect(() => flaskSession(options as never)).toThrow(TypeError);
    expect(() => flaskSession(options as never)).toThrow(message);
  });

  test("null is wrong too; renewAfter is refused by createSessions", () => {
    expect(() => flaskSession(null as never)).toThrow("the argument of flaskSession() must be an object of options");
    expect(() => scene({}, { renewAfter: "1h" })).toThrow("renewAfter must be false with format flask-session msgpack");
    expect(() => scene({ cookie: { prefix: "__Host-", path: "/x" } })).toThrow('"__Host-session" needs path "/"');
  });
});
