/** `session.data` is a plain object: what people do with plain objects works, and none of its keys reaches what it inherits. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { createSessions, type Session, type SessionError } from "sojourn";
import { expressFormat, expressIds, expressToken } from "sojourn/express-session";
import { flaskFormat, flaskIds, flaskToken } from "sojourn/flask";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { devalue } from "../../support/devalue.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;

const filled = { cart: [{ sku: "tea", options: { size: 1 } }], user: { name: "Ada" }, n: 0 };

/** Sessions in every format, and with a schema. */
const kinds: readonly (readonly [name: string, make: () => ReturnType<typeof createSessions<Data>>])[] = [
  ["JSON", () => createSessions<Data>({ store: memoryStore() })],
  [
    "JSON with a schema",
    () =>
      createSessions<Data>({
        store: memoryStore(),
        schema: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: value as Data }) } },
      }),
  ],
  [
    "Flask-Session's format",
    () =>
      createSessions<Data>({
        store: memoryStore(),
        format: flaskFormat(),
        ids: flaskIds(),
        token: flaskToken("a secret key of Flask"),
      }),
  ],
  [
    "express-session's format",
    () =>
      createSessions<Data>({
        store: memoryStore(),
        format: expressFormat(),
        ids: expressIds(),
        token: expressToken("keyboard cat"),
        absoluteTimeout: false,
      }),
  ],
];

describe.each(kinds)("in %s", (_, make) => {
  /** What `use` says of a session's data before it was saved, and after it was read again. */
  async function beforeAndAfter<T>(use: (data: Data) => T): Promise<[T, T]> {
    const sessions = make();
    const first = await request(sessions, undefined, ({ data }) => use(Object.assign(data, structuredClone(filled))));
    const second = await request(sessions, first.cookie, ({ data }) => use(data as Data));
    for (const { error } of [first, second]) if (error) throw error;
    return [first.value as T, second.value as T];
  }

  test("it is an ordinary object, and so are the objects in it", async () => {
    const prototypes = await beforeAndAfter((data) =>
      [data, data["user"], (data["cart"] as object[])[0]].map((one) => Object.getPrototypeOf(one) === Object.prototype),
    );
    expect(prototypes).toEqual([
      [true, true, true],
      [true, true, true],
    ]);
  });

  test("assertions, templates, copies and hasOwnProperty treat it as any other object", () =>
    beforeAndAfter((data) => {
      assert.deepStrictEqual(data, filled);
      assert.deepStrictEqual(data["user"], filled.user);
      expect(data).toEqual(filled);
      expect(data).toStrictEqual(filled);
      expect(`${data} ${data["user"]}`).toBe("[object Object] [object Object]");
      // biome-ignore lint/suspicious/noPrototypeBuiltins: what applications write
      expect([data.hasOwnProperty("user"), data.hasOwnProperty("toString")]).toEqual([true, false]);
      expect(structuredClone(data)).toStrictEqual(filled);
      expect({ ...data }).toStrictEqual(filled);
      const seen: string[] = [];
      for (const key in data) seen.push(key);
      expect(seen).toEqual(Object.keys(filled));
      expect(["user" in data, "nobody" in data]).toEqual([true, false]);
    }));

  test("SvelteKit's serialiser accepts it", () =>
    beforeAndAfter((data) => {
      // What SvelteKit asks of the result of a load function.
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
      expect(devalue.parse(devalue.stringify(data))).toStrictEqual(filled);
      expect(devalue.uneval(data)).toBe(devalue.uneval(filled));
    }));

  const inherited = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

  test.each(inherited)(
    "a key named %s works like any other for update, flash, take, delete and the merge",
    async (key) => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const sessions = make();
      const seen: unknown[] = [];
      const look = ({ data }: Session<Data>): unknown => Object.getOwnPropertyDescriptor(data, key)?.value;
      const run = async (cookie: string | undefined, use: (session: Session<Data>) => unknown): Promise<string> => {
        const { cookie: next, error } = await request(sessions, cookie, use);
        if (error) throw error;
        return next as string;
      };
      const cookie = await run(undefined, (session) => {
        session.data["other"] = 1;
        seen.push(
          session.take(key),
          session.update(key, (value) => value ?? { n: 1 }),
        );
      });
      // Two requests change it at the same time: the second merges onto what the first has saved.
      await run(cookie, async (session) => {
        session.update(key, (value) => ({ n: (value as { n: number }).n + 1 }));
        await run(cookie, (parallel) => parallel.update(key, (value) => ({ n: (value as { n: number }).n + 10 })));
      });
      await run(cookie, (session) => void seen.push(look(session)));
      await run(cookie, (session) => session.flash(key, { polluted: 1 }));
      await run(cookie, (session) => void seen.push(session.take(key)));
      await run(cookie, (session) => void seen.push(look(session), Object.keys(session.data)));
      expect(seen).toEqual([undefined, { n: 1 }, { n: 12 }, { polluted: 1 }, undefined, ["other"]]);
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      expect(({} as Data)["polluted"]).toBeUndefined();
    },
  );

  // Deno has no setter for __proto__: there an assignment changes no prototype.
  const probe: Data = Object.assign({}, JSON.parse('{"__proto__":{}}'));
  const setter = Object.getPrototypeOf(probe) !== Object.prototype;
  const byAssignment: [string, (data: Data) => void][] = [
    [
      "assigned to __proto__",
      (data) => {
        // biome-ignore lint/suspicious/noProto: as an application with a key from outside does it
        data["__proto__"] = { admin: true };
      },
    ],
    ["assigned from JSON", (data) => Object.assign(data, JSON.parse('{"__proto__":{"admin":true}}'))],
  ];
  test.each<[string, (data: Data) => void]>([
    ...(setter ? byAssignment : []),
    ["set to none", (data) => Object.setPrototypeOf(data, null)],
  ])("a prototype %s is an error by name, and nothing is saved", async (__, change) => {
    const sessions = make();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { a: 1 }));
    for (const held of [cookie, undefined]) {
      const { error } = await request(sessions, held, ({ data }) => {
        if (held) data["a"] = 2;
        else data["b"] = 1;
        change(data as Data);
      });
      expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
      expect((error as SessionError).message).toContain("session.data cannot be stored: its prototype was changed");
    }
    expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({ a: 1 });
  });
});

describe("a prototype changed deeper in the data", () => {
  test.each(kinds)("is an error with its path in %s", async (_, make) => {
    const sessions = make();
    for (const prototype of [{ admin: true }, Object.assign(Object.create(null), { admin: true })]) {
      const { error } = await request(sessions, undefined, ({ data }) => {
        data["user"] = { name: "Ada", __proto__: prototype };
      });
      expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
      expect((error as SessionError).message).toMatch(
        /^session\.data\.user cannot be stored: (received an object with a prototype of its own|its prototype was changed)/,
      );
    }
  });
});

test("a session where only a prototype changed does not count as empty", async () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  const { error } = await request(sessions, undefined, ({ data }) => Object.setPrototypeOf(data, { admin: true }));
  expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
});

test("properties that other code put on Object.prototype begin no session and are in none", async () => {
  Object.defineProperty(Object.prototype, "polluted", {
    value: "x",
    enumerable: true,
    configurable: true,
    writable: true,
  });
  try {
    const store = memoryStore();
    const sessions = createSessions<Data>({ store });
    const empty = await request(sessions, undefined, ({ data }) => data["nothing"]);
    expect([empty.error, empty.setCookie]).toEqual([undefined, undefined]);
    const { cookie, error } = await request(sessions, undefined, (session) => {
      session.data["a"] = 1;
      return session.take("polluted");
    });
    expect(error).toBeUndefined();
    expect((await request(sessions, cookie, ({ data }) => Object.keys(data))).value).toEqual(["a"]);
  } finally {
    Reflect.deleteProperty(Object.prototype, "polluted");
  }
});

test("login does not merge keys that the user's other session inherits", async () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  await request(sessions, undefined, (session) => {
    session.login("ada");
    session.data["cart"] = ["tea"];
  });
  const { value, error } = await request(sessions, undefined, (session) => {
    session.login("ada", { merge: { toString: () => "taken over", cart: (guest: unknown) => guest } as never });
    return session.save().then(() => Object.entries(session.data));
  });
  expect(error).toBeUndefined();
  expect(value).toEqual([["cart", ["tea"]]]);
});

test.each(["production", "development"] as const)(
  "React's serialiser, as Next bundles it, passes it to client components (%s)",
  (mode) => {
    const program = fileURLToPath(new URL("../../support/react-server-program.ts", import.meta.url));
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--conditions=react-server", "--conditions=sojourn-source", program],
      { encoding: "utf8", timeout: 60_000, env: { ...process.env, NODE_ENV: mode } },
    );
    expect(stderr).toBe("");
    const data = '"user":{"name":"Ada"},"cart":["tea"]}}';
    expect(JSON.parse(stdout)).toEqual(
      ["new", "read", "read only", "parts", "parts read only"].map((what) => ({
        what,
        errors: [],
        text: expect.stringContaining(data),
      })),
    );
  },
);
