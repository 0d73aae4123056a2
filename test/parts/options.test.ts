/** Wrong options of sessions in parts are refused where they are given, by name. */

import { encrypted, jsonFormat } from "sojourn";
import { createPartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { request } from "../support/requests.ts";

const secrets = "a secret of at least 32 characters";
const store = memoryStore();
const shared = memoryStore();
const inCookie = cookieStore({ secrets });
const login = { fields: ["user"], store };
const rest = { fields: "rest", store, cookie: { name: "rest" } };

describe("createPartsSessions({ parts })", () => {
  test.each<[string, object, string]>([
    ["no object", { parts: 1 }, "parts must be an object of parts by name"],
    ["a list", { parts: [] }, "parts must be an object of parts by name"],
    ["no part", { parts: {} }, "received no part"],
    ["a name that is none", { parts: { "a b": login } }, "the name of a part must be a letter, then at most 39"],
    ["a part that is none", { parts: { login: 1 } }, "parts.login must be an object of options; received 1"],
    ["an unknown option", { parts: { login }, store }, 'createPartsSessions: there is no option "store"'],
    ["another unknown one", { parts: { login: { ...login, name: "x" } } }, 'parts.login: there is no option "name"'],
    [
      "onError for one",
      { parts: { login: { ...login, onError: "save" } } },
      'parts.login: there is no option "onError"',
    ],
    ["no store", { parts: { login: { fields: ["user"] } } }, "parts.login.store must be a store, or cookieStore()"],
    ["a store that is none", { parts: { login: { ...login, store: {} } } }, "parts.login.store must be a store"],
    ["no fields", { parts: { login: { store } } }, "parts.login.fields must be a list of keys"],
    ["fields that are none", { parts: { login: { ...login, fields: "all" } } }, "parts.login.fields must be a list of"],
    ["a field that is none", { parts: { login: { ...login, fields: [1] } } }, "parts.login.fields must be a list of"],
    ["an empty object", { parts: { login: { ...login, fields: {} } } }, "parts.login.fields must be a list of keys"],
    ["another key", { parts: { login: { ...login, fields: { only: [] } } } }, "parts.login.fields must be a list"],
    [
      "exclude that is none",
      { parts: { login: { ...login, fields: { exclude: "x" } } } },
      "parts.login.fields.exclude must be a list of keys",
    ],
    [
      "one key twice",
      { parts: { login, rest: { ...rest, fields: ["theme", "user"] } } },
      'parts.rest.fields takes the key "user", which parts.login takes too',
    ],
    [
      "a key not excluded",
      { parts: { login, rest: { ...rest, fields: { exclude: ["theme"] } } } },
      'parts.rest.fields takes the key "user", which parts.login takes too',
    ],
    ["the rest twice", { parts: { one: { ...login, fields: "rest" }, rest } }, "parts.one takes the rest already"],
    [
      "all but some twice",
      { parts: { one: { ...login, fields: { exclude: ["a"] } }, two: { ...rest, fields: { exclude: ["b"] } } } },
      "parts.two.fields must not take all but some keys: parts.one does so already",
    ],
    [
      "one cookie twice",
      { parts: { login, rest: { ...rest, cookie: {} } } },
      'the cookie "__Host-session" is that of parts',
    ],
    [
      "a cookie that another's pieces have",
      {
        parts: {
          big: { fields: "rest", store: cookieStore({ secrets, chunks: 3 }), cookie: { name: "big" } },
          login: { ...login, cookie: { name: "big-2" } },
        },
      },
      'parts.login.cookie: the cookie "__Host-big-2" is that of parts.big already',
    ],
    [
      "keys that begin alike in one store",
      { parts: { login: { ...login, keyPrefix: "a" }, rest: { ...rest, keyPrefix: "ab" } } },
      "parts.rest.keyPrefix: the keys of parts.login in the same store begin alike",
    ],
    [
      "notes that begin alike in one store",
      {
        parts: {
          one: { fields: ["a"], store: cookieStore({ secrets, revocations: shared }), cookie: { name: "x" } },
          two: { fields: ["b"], store: shared, cookie: { name: "y" }, keyPrefix: "x:" },
        },
      },
      "parts.two.keyPrefix: the keys of parts.one",
    ],
    ["a wrong timeout", { parts: { login: { ...login, idleTimeout: "30x" } } }, "parts.login.idleTimeout must be"],
    ["a wrong timeout of all", { parts: { login }, idleTimeout: "30x" }, "idleTimeout must be a duration"],
    ["a wrong name", { parts: { login: { ...login, cookie: { name: "a b" } } } }, "parts.login.cookie.name must be"],
    ["a wrong token", { parts: { login: { ...login, token: 1 } } }, "parts.login.token must be"],
    ["a wrong schema", { parts: { login: { ...login, schema: 1 } } }, "parts.login.schema must be a Standard Schema"],
    [
      "a token for a cookie",
      { parts: { login: { ...login, store: inCookie, ids: { prefix: "" } } } },
      "parts.login.ids",
    ],
    [
      "renewal for a cookie",
      { parts: { login: { ...login, store: inCookie, renewAfter: "1h" } } },
      "parts.login.renewAfter must be false with cookieStore",
    ],
    [
      "a group over two parts",
      { parts: { login, rest }, together: [["user", "theme"]] },
      'together: ["user","theme"] are of several parts',
    ],
    ["a group that is none", { parts: { login }, together: ["user"] }, "together must be a list of lists of keys"],
    ["a group of no part", { parts: { login }, together: [["theme"]] }, 'no part takes the key "theme"'],
  ])("%s", (_what, options, message) => {
    expect(() => createPartsSessions(options as never)).toThrow(TypeError);
    expect(() => createPartsSessions(options as never)).toThrow(message);
  });

  test("one store may hold several parts, and common options apply to each part that supports them", async () => {
    const clock = { now: 1_800_000_000_000 };
    const one = memoryStore({ now: () => clock.now });
    const sessions = createPartsSessions<Record<string, unknown>>({
      idleTimeout: "10m",
      renewAfter: "1m",
      now: () => clock.now,
      together: [["a", "b"], []],
      parts: {
        plain: { fields: ["theme"], store: inCookie, cookie: { name: "plain" } },
        login: {
          fields: { include: ["a", "b", "c"], exclude: ["c"] },
          store: one,
          format: encrypted(jsonFormat(), secrets),
        },
        rest: { fields: "rest", store: one, cookie: { name: "rest" }, idleTimeout: "20m", renewAfter: false },
        most: { fields: { exclude: ["a", "b", "c", "theme"] }, store: one, cookie: { name: "most" } },
      },
    });
    const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { a: 1, c: 2, d: 3, theme: 4 }));
    expect(first.error).toBeUndefined();
    const rows = [];
    for await (const { key, expiresAt } of one.list?.() ?? [])
      rows.push([key.split(":")[0], (expiresAt - clock.now) / 60_000]);
    expect(rows.sort()).toEqual([
      ["most", 10],
      ["rest", 20],
      ["session", 10],
    ]);
  });
});
