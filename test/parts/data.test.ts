/** `session.data` of a session in parts is one object. */

import assert from "node:assert/strict";
import { inspect } from "node:util";

import { createPartsSessions, type PartsSession } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { devalue } from "../support/devalue.ts";
import { request } from "../support/requests.ts";

interface Data {
  token: string;
  user: { name: string; tags?: string[] };
  cart: string[];
  theme: string;
  toJSON: string;
  __proto__: string;
}

function setUp() {
  return createPartsSessions<Data>({
    parts: {
      csrf: { cookie: { name: "csrf" }, store: cookieStore({ secrets: "x".repeat(32) }), fields: ["token"] },
      login: { store: memoryStore(), fields: ["user"] },
      rest: { cookie: { name: "rest" }, store: memoryStore(), fields: "rest" },
    },
  });
}

async function within<T>(handler: (session: PartsSession<Data>) => T | Promise<T>): Promise<T> {
  const { value, error } = await request(setUp(), undefined, (session) => handler(session as PartsSession<Data>));
  if (error) throw error;
  return value as T;
}

const filled = { token: "t", user: { name: "Ada" }, cart: ["tea"], theme: "dark" };

describe("data", () => {
  test("is read, written, deleted and listed as one object, in the order of the parts", () =>
    within(({ data }) => {
      Object.assign(data, { theme: "dark", cart: ["tea"], user: { name: "Ada" }, token: "t" });
      expect(data).toEqual(filled);
      expect(Object.keys(data)).toEqual(["token", "user", "theme", "cart"]);
      expect({ ...data }).toEqual(filled);
      expect(JSON.parse(JSON.stringify(data))).toEqual(filled);
      expect(Object.entries(data)).toHaveLength(4);
      expect("user" in data && !("nobody" in data)).toBe(true);
      expect(Object.hasOwn(data, "theme")).toBe(true);
      delete data.theme;
      expect("theme" in data).toBe(false);
      expect(data.theme).toBeUndefined();
      data.user?.tags?.push("never");
      if (data.user) data.user.tags = ["new"];
      expect(data.user).toEqual({ name: "Ada", tags: ["new"] });
      Object.defineProperty(data, "theme", { value: "light", enumerable: true, writable: true, configurable: true });
      expect(data.theme).toBe("light");
      expect(Object.getOwnPropertyDescriptor(data, "theme")).toEqual({
        value: "light",
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }));

  test("is as plain as a proxy can be", () =>
    within(({ data }) => {
      Object.assign(data, structuredClone(filled));
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
      assert.deepStrictEqual({ ...data }, filled);
      assert.deepStrictEqual(data, filled);
      expect(data).toStrictEqual(filled);
      expect(`${data}`).toBe("[object Object]");
      // biome-ignore lint/suspicious/noPrototypeBuiltins: what applications write
      expect([data.hasOwnProperty("user"), data.hasOwnProperty("toString")]).toEqual([true, false]);
      expect(["toString" in data, "user" in data, "nobody" in data]).toEqual([true, true, false]);
      expect(Object.hasOwn(data, "toString")).toBe(false);
      const seen: string[] = [];
      for (const key in data) seen.push(key);
      expect(seen).toEqual(Object.keys(filled));
      expect(devalue.uneval(data)).toBe(devalue.uneval(filled));
      expect(structuredClone({ ...data })).toStrictEqual(filled);
    }));

  test("in a request that loads some parts, inherited properties are no error", async () => {
    const sessions = setUp();
    const incoming = { cookie: undefined };
    const cookies = { cookie: (from: typeof incoming) => from.cookie, secure: () => true };
    const exchange = sessions.open(incoming, cookies);
    const { data } = await sessions.get(incoming, ["user"]);
    expect(`${data}`).toBe("[object Object]");
    expect(await Promise.resolve(data)).toBe(data);
    expect({ ...data }).toEqual({});
    data.user = { name: "Ada" };
    assert.deepStrictEqual(data, { user: { name: "Ada" } });
    expect(() => (data as Partial<Data>).theme).toThrow('in the part "rest", which was not loaded');
    await exchange.commit(new Headers(), {});
  });

  test("has no reserved keys", () =>
    within((session) => {
      const data = session.data as Record<string, unknown>;
      const keys = ["constructor", "hasOwnProperty", "toString", "__proto__", "then"];
      for (const key of keys) expect(Object.hasOwn(data, key)).toBe(false);
      for (const key of keys) expect(session.take(key as never)).toBeUndefined();
      for (const key of keys) session.update(key as never, (value) => value ?? ("mine" as never));
      for (const key of keys) expect(data[key]).toBe("mine");
      expect(Object.keys(data)).toEqual(keys);
      for (const key of keys) delete data[key];
      data["constructor"] = "assigned";
      expect(data["constructor"]).toBe("assigned");
      delete data["constructor"];
      expect(data["constructor"]).toBe(Object);
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
      expect(() => Object.setPrototypeOf(data, {})).toThrow(TypeError);
      expect(() => Object.freeze(data)).toThrow(TypeError);
      expect((data as Record<symbol, unknown>)[Symbol.iterator]).toBeUndefined();
      expect(() => Object.assign(data, { [Symbol("s")]: 1 })).toThrow(TypeError);
    }));

  test("with a changed prototype is an error with its name at the save", async () => {
    const { error } = await request(setUp(), undefined, ({ data }) => {
      Object.assign(data, JSON.parse('{"__proto__":{"admin":true}}'));
    });
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
    expect(String(error)).toContain("session.data cannot be stored: its prototype was changed");
  });

  test("is shown with its values", () =>
    within((session) => {
      Object.assign(session.data, filled);
      expect(inspect(session.data)).toContain("name: 'Ada'");
      expect(inspect(session, { depth: 5 })).toContain("theme: 'dark'");
    }));

  test("with a key of no part throws where it is written, and is undefined where it is read", () => {
    const sessions = createPartsSessions<Record<string, unknown>>({
      parts: { only: { store: memoryStore(), fields: ["a"] } },
    });
    return request(sessions, undefined, (session) => {
      const says = 'no part takes the key "b"; give it to one of parts.only.fields';
      expect(session.data.b).toBeUndefined();
      expect("b" in session.data).toBe(false);
      expect(delete session.data.b).toBe(true);
      expect(() => {
        session.data.b = 1;
      }).toThrow(says);
      expect(() => Object.defineProperty(session.data, "b", { value: 1 })).toThrow(says);
      expect(() => session.update("b", () => 1)).toThrow(says);
      expect(() => session.flash("b", 1)).toThrow(says);
      expect(() => session.take("b")).toThrow(says);
    }).then(({ error }) => expect(error).toBeUndefined());
  });

  test("changes by update, flash and take in the part of the key", async () => {
    const sessions = setUp();
    const first = await request(sessions, undefined, (session) => {
      session.update("cart", (cart = []) => [...cart, "tea"]);
      session.flash("theme", "dark");
      session.data.token = "t";
    });
    const cookie = first.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const second = await request(sessions, cookie, (session) => [session.take("theme"), { ...session.data }]);
    expect(second.value).toEqual(["dark", { token: "t", cart: ["tea"] }]);
    const third = await request(sessions, cookie, ({ data }) => ({ ...data }));
    expect(third.value).toEqual({ token: "t", cart: ["tea"] });
  });

  test("after destroy() is empty and accepts nothing", () =>
    within((session) => {
      Object.assign(session.data, filled);
      session.destroy();
      expect({ ...session.data }).toEqual({});
      expect(() => {
        session.data.theme = "light";
      }).toThrow(TypeError);
      for (const act of [
        () => session.clear(),
        () => session.login("ada"),
        () => session.regenerate(),
        () => session.update("theme", () => "x"),
      ]) {
        expect(act).toThrow(expect.objectContaining({ code: "ERR_SESSION_ENDED" }));
      }
    }));
});
