/** `expressSession`: the options of `createSessions` for the records of express-session. */

import { createSessions, type Session } from "sojourn";
import session, { expressFormat, expressIds, expressSession, expressToken } from "sojourn/express-session";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";

const record = (data: object, cookie: object = {}): string =>
  JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: "/", ...cookie }, ...data });

describe("the format", () => {
  const format = expressFormat();

  test("keeps the text of what did not change, in any form of JSON", () => {
    const payload = '{ "cookie" : {"path":"/", "originalMaxAge":null},\n "n": 1.0, "s":"\\u0041", "gone":[1, 2] }';
    const content = format.decode(payload);
    expect(content.data).toEqual({ n: 1, s: "A", gone: [1, 2] });
    expect(format.encode(content, payload)).toBe(payload);
    delete content.data["gone"];
    content.data["new"] = true;
    const changed = '{"cookie":{"path":"/", "originalMaxAge":null},"n":1.0,"s":"\\u0041","new":true}';
    expect(format.encode(content, payload)).toBe(changed);
  });

  test("treats maxAge as persistent, and writes the expiry into a cookie that has one", () => {
    const short = record({});
    expect(format.decode(short).meta.persistent).toBe(false);
    expect(format.dated?.(short, 0)).toBe(short);
    const long = record({}, { originalMaxAge: 60_000, expires: "2026-01-01T00:00:00.000Z" });
    expect(format.decode(long).meta).toMatchObject({ persistent: true, idle: 60_000 });
    expect(format.dated?.(long, Date.UTC(2030, 0, 1))).toBe(long.replace("2026-01-01", "2030-01-01"));
  });

  test("reads and writes the user where passport keeps it, and leaves what the application wrote there", () => {
    const payload = record({ passport: { user: 7, more: 1 } });
    const content = format.decode(payload);
    expect(content.meta.subject).toBe("7");
    content.meta.subject = "8";
    expect(format.encode(content, payload)).toBe(record({ passport: { user: "8", more: 1 } }));
    const other = format.decode(payload);
    (other.data["passport"] as { user: unknown }).user = 9;
    expect(format.encode(other, payload)).toBe(record({ passport: { user: 9, more: 1 } }));
  });

  test("refuses what JSON would lose, its own reserved key, and text that is no record", () => {
    const content = { data: { when: new Date(0) } as Record<string, unknown>, meta: {} };
    expect(format.encode(content)).toContain('"when":"1970-01-01T00:00:00.000Z"');
    for (const value of [new Map(), new Set(), Number.NaN, 1n, () => 1])
      expect(() => format.encode({ data: { value }, meta: {} })).toThrow(/session\.data\.value cannot be stored/);
    expect(() => format.encode({ data: { cookie: 1 }, meta: {} })).toThrow(/session\.data\.cookie/);
    for (const text of ["[]", "null", "1", "{}", '{"cookie":null}', "{", ""])
      expect(() => format.decode(text)).toThrow();
  });
});

test("with maxAge and persistent: false, users who are remembered have the maxAge, and guests the browser's session", async () => {
  const clock = { now: Date.UTC(2026, 0, 1) };
  const now = (): number => clock.now;
  const sessions = createSessions<{ cart: string }>({
    ...expressSession({ secret: "keyboard cat", maxAge: "30d", subjectKey: "userId" }),
    persistent: false,
    store: memoryStore({ now }),
    now,
  });
  const send = async (cookie: string | undefined, handler: (session: Session<{ cart: string }>) => unknown) => {
    const exchange = sessions.open({ cookie }, { cookie: (request) => request.cookie, secure: () => true });
    const headers = new Headers();
    const value = await handler(await exchange.get());
    await exchange.commit(headers);
    const [line = ""] = headers.getSetCookie();
    return { value, cookie: line.split(";")[0], maxAge: /Max-Age=(\d+)/.exec(line)?.[1] };
  };
  const guest = await send(undefined, ({ data }) => {
    data.cart = "tea";
  });
  expect(guest).toMatchObject({ cookie: expect.stringMatching(/^connect\.sid=/), maxAge: undefined });
  expect((await send(guest.cookie, (session) => session.login("ada"))).maxAge).toBeUndefined();
  const another = await send(undefined, ({ data }) => {
    data.cart = "ink";
  });
  const user = await send(another.cookie, (session) => session.login("ada", { persistent: true }));
  expect(user.maxAge).toBe("2592000");
  clock.now += 29 * 86_400_000;
  expect((await send(user.cookie, ({ subject }) => subject)).value).toBe("ada");
});

test("the token is express-session's: the first secret signs, all verify, and others are refused", () => {
  const token = expressToken(["new", "old"]);
  const sealed = String(token.seal("apple", ""));
  expect(token.open(sealed, "")).toEqual({ id: "apple", stale: false });
  expect(token.open(String(expressToken("old").seal("apple", "")), "")).toEqual({ id: "apple", stale: true });
  expect(expressToken("keyboard cat").seal("apple", "")).toBe(
    "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU",
  );
  for (const text of ["", "s:", "apple", "s:apple", sealed.slice(0, -1), sealed.replace("apple", "pear"), "%E0%A4%A"])
    expect(token.open(text, "")).toBeNull();
});

test("hashIds stores new sessions under a hash, and finds old ones where they are", async () => {
  const before = expressIds({ keyPrefix: "sess:" });
  const after = expressIds({ keyPrefix: "sess:", hashIds: true });
  const [old, fresh] = [before.create(), after.create()];
  expect(await after.keyOf(old)).toBe(`sess:${old}`);
  expect(await after.keyOf(fresh)).not.toContain(fresh.slice(1));
  expect(await before.keyOf(fresh)).toBe(await after.keyOf(fresh));
  expect([before.accepts(fresh), after.accepts(old), after.accepts("a b"), after.accepts("")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("a wrong option is a TypeError that names it", () => {
  expect(() => expressSession({ secret: "" })).toThrow(/secret/);
  expect(() => expressSession({ secret: "s", maxage: 1 } as never)).toThrow(/did you mean "maxAge"/);
  expect(() => expressSession({ secret: "s", subjectKey: "cookie" })).toThrow(/subjectKey/);
  expect(() => expressSession({ secret: "s", hashIds: 1 as never })).toThrow(/hashIds/);
  expect(() => createSessions({ ...expressSession({ secret: "s" }), store: memoryStore() })).not.toThrow();
  expect(() => session({ secret: [] as never })).toThrow(/secret option array/);
  expect(() => session({ secret: "s", genid: "x" as never })).toThrow(/genid option must be a function/);
  expect(() => session({ secret: "s", unset: "x" as never })).toThrow(/unset option must/);
});

describe("options that express-session takes in silence", () => {
  const base = { secret: "s", resave: false, saveUninitialized: false };
  class Made {}
  /** Of records that another program reads under their ids. */
  const bareStore = { ...memoryStore(), foreign: "sess:" };

  test.each<[string, object, RegExp]>([
    ["a class in place of a store", { store: Made }, /store must be a store of express-session.*received .*Made/],
    ["a promise of a store", { store: Promise.resolve() }, /store must be .*received an instance of Promise/],
    ["a Map", { store: new Map() }, /store must be .*received an instance of Map/],
    ["a text as cookie", { cookie: "sid" }, /cookie must be an object of cookie options/],
    ["a text as maxAge", { cookie: { maxAge: "1h" } }, /maxAge must be a number or Date/],
    ["a domain with more in it", { cookie: { domain: "a.test; Path=/x" } }, /option domain is invalid/],
    ["a path with more in it", { cookie: { path: "/; Domain=a.test" } }, /option path is invalid/],
    ["a name with more in it", { name: "sid=1; Path" }, /argument name is invalid/],
  ])("%s is an error when the application starts", (_, options, message) => {
    expect(() => session({ ...base, ...options } as never)).toThrow(message);
  });

  test.each<[object, string]>([
    [
      { saveUninitialised: true },
      'session() has no option "saveUninitialised", so that it has no effect. Did you mean "saveUninitialized"?',
    ],
    [{ cookie: { maxage: 60_000 } }, 'cookie has no option "maxage", so that it has no effect. Did you mean "maxAge"?'],
    [
      { resave: "false" },
      "resave must be true or false; received a string of 5 characters, which express-session takes for true",
    ],
  ])("%j is warned of", (options, warning) => {
    const warnings: string[] = [];
    session({ ...base, ...options, warn: (message: string) => warnings.push(message) } as never);
    expect(warnings.join()).toContain(warning);
  });

  test("what express-session knows is not warned of", () => {
    const warnings: string[] = [];
    const cookie = { path: "/", httpOnly: true, secure: "auto", sameSite: "auto", maxAge: null, signed: true } as const;
    session({
      ...base,
      cookie,
      name: "sid",
      rolling: true,
      warn: (message: string) => warnings.push(message),
    } as never);
    expect(warnings).toEqual([]);
  });

  test("a genid that returns no text is an error, not a session that is never kept", () => {
    const middleware = session({ ...base, genid: () => undefined as never, warn() {} });
    const request = { headers: {}, url: "/", socket: {} };
    expect(() => middleware(request as never, {} as never, () => {})).toThrow(
      "genid must return a text that is not empty",
    );
  });

  test.each([
    ["too long for any key", memoryStore(), "x".repeat(1001), /genid must be a text of at most 1000 characters/],
    ["no part of a key", bareStore, "é", /genid must be 1 to 99 printable ASCII characters/],
  ])("a genid whose ids are %s is an error, not a session that is never found", (_, store, id, message) => {
    const middleware = session({ ...base, store, genid: () => id, warn() {} });
    expect(() => middleware({ headers: {}, url: "/", socket: {} } as never, {} as never, () => {})).toThrow(message);
  });
});
