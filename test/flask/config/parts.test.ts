/** `SESSION_CONFIG` of Flask-Session-Plus: its keys, what becomes of them, and which of its defects are not here. */

import { describe, expect, test } from "vitest";
import { type ConfigOptions, explainConfig, partsFromConfig } from "../../../src/flask/config.ts";
import { Browser, type Data } from "../../parts/browser.ts";

const SECRET_KEY = "a secret of at least 32 characters, really";

type Given = Record<string, unknown>;

/** Nothing but cookies, so that no server is needed. */
async function browse(parts: readonly Given[] | string, also: Given = {}, options: ConfigOptions<Data> = {}) {
  const clock = { now: 1_700_000_000_000 };
  const warnings: string[] = [];
  const { sessions, explanation } = await partsFromConfig<Data>(
    { SECRET_KEY, SESSION_CONFIG: parts, ...also },
    { warn: (warning) => warnings.push(warning), ...options, sessions: { now: () => clock.now } },
  );
  const browser = new Browser(sessions);
  const write = async (data: Data) => {
    const { error, headers } = await browser.visit((session) => Object.assign(session.data, data));
    if (error) throw error;
    return Object.fromEntries(headers.getSetCookie().map((line) => [line.split("=")[0], line]));
  };
  return { browser, write, clock, warnings, explanation };
}

function failure(part: Given, also: Given = {}): string {
  try {
    explainConfig({ SECRET_KEY, SESSION_CONFIG: [part], ...also });
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

function explained(part: Given, also: Given = {}): Record<string, string> {
  const rows = explainConfig({ SECRET_KEY, SESSION_CONFIG: [part], ...also });
  return Object.fromEntries(rows.map(({ key, value }) => [key.replace("SESSION_CONFIG[0].", ""), value]));
}

const csrf = { cookie_name: "csrf", session_fields: ["token"] };
const rest = { cookie_name: "data", session_fields: "auto" };

/** By key of a part: what shows that it does what it says. */
const proofs: Record<string, () => void | Promise<void>> = {
  async cookie_name() {
    const { write } = await browse([csrf, rest]);
    expect(Object.keys(await write({ token: "t", theme: "dark" }))).toEqual(["csrf", "data"]);
    expect(failure({ session_fields: "auto" })).toBe(
      "SESSION_CONFIG[0].cookie_name must be the name of a cookie; received undefined",
    );
    // A name of a cookie need not be one of a part.
    expect(Object.keys(await (await browse([{ cookie_name: "__Host-a.b" }])).write({ x: 1 }))).toEqual(["__Host-a.b"]);
  },
  async session_type() {
    // By default a cookie under SHA3-256: 43 characters, where Flask's own has 27.
    expect((await (await browse([rest])).write({ x: 1 })).data).toMatch(/^data=[\w.-]+\.[\w-]{6}\.[\w-]{43};/);
    expect(failure({ ...rest, session_type: "sqlalchemy" })).toBe(
      'SESSION_CONFIG[0].session_type must be "secure_cookie", "redis", "memcache", "mongodb" or "firestore"; received "sqlalchemy"',
    );
  },
  async session_fields() {
    const cookies = async (...parts: Given[]) => {
      const { write } = await browse(parts.map((part, at) => ({ cookie_name: `c${at}`, ...part })));
      return Object.keys(await write({ a: 1, b: 2, c: 3 }));
    };
    expect(await cookies({ session_fields: ["a"] }, { session_fields: "auto" })).toEqual(["c0", "c1"]);
    expect(await cookies({ session_fields: [] })).toEqual(["c0"]);
    expect(await cookies({})).toEqual(["c0"]);
    expect(await cookies({ session_fields: { include: ["a", "b"] } }, { session_fields: ["c"] })).toEqual(["c0", "c1"]);
    expect(await cookies({ session_fields: { exclude: ["a"] } }, { session_fields: ["a"] })).toEqual(["c0", "c1"]);
    await expect(cookies({ session_fields: ["a"] }, { session_fields: ["a", "b", "c"] })).rejects.toThrow(
      'parts.c1.fields takes the key "a", which parts.c0 takes too',
    );
    // A field that no part has is an error, not lost.
    await expect(cookies({ session_fields: ["a"] })).rejects.toThrow('no part takes the key "b"');
    for (const wrong of ["all", [1], 5, { only: ["a"] }])
      expect(failure({ ...rest, session_fields: wrong })).toMatch(
        /^SESSION_CONFIG\[0\]\.session_fields must be a list/,
      );
  },
  async cookie_domain() {
    const also = { SESSION_COOKIE_DOMAIN: "example.com" };
    expect((await (await browse([rest], also)).write({ x: 1 })).data).toContain("; Domain=example.com");
    const own = [{ ...rest, cookie_domain: "shop.example" }];
    expect((await (await browse(own, also)).write({ x: 1 })).data).toContain("; Domain=shop.example");
  },
  async cookie_path() {
    const also = { SESSION_COOKIE_PATH: "/app" };
    expect((await (await browse([rest], also)).write({ x: 1 })).data).toContain("; Path=/app");
    expect((await (await browse([{ ...rest, cookie_path: "/x" }], also)).write({ x: 1 })).data).toContain("; Path=/x");
  },
  cookie_httponly() {
    expect(failure({ ...rest, cookie_httponly: false })).toMatch(/^SESSION_CONFIG\[0\]\.cookie_httponly must be true/);
  },
  async cookie_secure() {
    // There a False of its own cannot override a True of the application.
    const also = { SESSION_COOKIE_SECURE: true };
    const own = [{ ...rest, cookie_secure: false }];
    expect((await (await browse(own, also)).write({ x: 1 })).data).not.toContain("Secure");
    expect((await (await browse([rest], also)).write({ x: 1 })).data).toContain("; Secure");
  },
  async cookie_samesite() {
    const own = [{ ...rest, cookie_samesite: "Strict" }];
    expect((await (await browse(own)).write({ x: 1 })).data).toContain("; SameSite=Strict");
    expect((await (await browse([rest])).write({ x: 1 })).data).toContain("; SameSite=Lax");
  },
  async cookie_max_age() {
    expect((await (await browse([rest])).write({ x: 1 })).data).not.toContain("Max-Age");
    const { write, browser, clock } = await browse([{ ...rest, cookie_max_age: 3600 }]);
    expect((await write({ x: 1 })).data).toContain("; Max-Age=3600");
    clock.now += 3_601_000;
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({});
  },
  async session_lifetime() {
    // There such a cookie is good for ever.
    for (const [lifetime, seconds] of [
      [undefined, 86_400],
      [600, 600],
    ] as const) {
      const { write, browser, clock } = await browse([{ ...rest, session_lifetime: lifetime }]);
      await write({ x: 1 });
      clock.now += seconds * 1000 - 1000;
      const copy = browser.another();
      expect((await copy.visit(({ data }) => ({ ...data }))).value).toEqual({ x: 1 });
      clock.now += 2000;
      expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({});
    }
  },
  session_permanent_lifetime() {
    expect(explained({ ...rest, session_permanent_lifetime: "2d" })).toMatchObject({
      session_permanent_lifetime: "2d",
    });
    expect(explained(rest)).toMatchObject({ session_permanent_lifetime: "31d" });
    expect(explained({ ...rest, cookie_max_age: 60 })).toMatchObject({ session_permanent_lifetime: "1m" });
  },
  async refresh_on_request() {
    for (const [refresh, cookies] of [
      [true, ["data"]],
      [false, []],
    ] as const) {
      const { write, browser, clock } = await browse([{ ...rest, refresh_on_request: refresh }]);
      await write({ x: 1 });
      clock.now += 3_600_000;
      expect((await browser.visit(({ data }) => data.x)).cookies).toEqual(cookies);
    }
  },
  key_prefix() {
    const redis = { cookie_name: "s", session_type: "redis" };
    expect(explained(redis)).toMatchObject({ key_prefix: "session" });
    const parts = [
      { ...redis, session_fields: ["a"] },
      { ...redis, cookie_name: "t", session_fields: ["b"] },
    ];
    expect(() => explainConfig({ SESSION_CONFIG: parts })).toThrow(
      'SESSION_CONFIG[1].key_prefix must differ from that of the other part in the same place: "session"',
    );
    explainConfig({ SESSION_CONFIG: [parts[0], { ...parts[1], key_prefix: "other" }] });
  },
  use_signer() {
    const part = { cookie_name: "s", session_type: "redis", use_signer: true };
    expect(failure(part, { SECRET_KEY: null })).toBe("SECRET_KEY must be set: SESSION_CONFIG[0].use_signer needs it");
    expect(explained(part)).toMatchObject({ use_signer: "true", SECRET_KEY: "a secret" });
  },
  client() {
    const part = { cookie_name: "s", session_type: "redis", client: "redis://ada:hunter2@cache.example" };
    expect(explained(part)).toMatchObject({ client: "redis://cache.example" });
    expect(failure({ ...part, client: 5 })).toBe("SESSION_CONFIG[0].client must be a client or a URL; received 5");
  },
  collection: () => names("collection", "sessions"),
  db: () => names("db", "flask_session"),
};

function names(key: string, otherwise: string): void {
  const part = { cookie_name: "s", session_type: "mongodb" };
  expect(explained(part)).toMatchObject({ [key]: otherwise });
  expect(explained({ ...part, [key]: "web" })).toMatchObject({ [key]: "web" });
}

const family =
  "cookie_name session_type session_fields cookie_domain cookie_path cookie_httponly cookie_secure cookie_samesite " +
  "cookie_max_age session_lifetime session_permanent_lifetime refresh_on_request key_prefix use_signer client collection db";

describe("every key of a part", () => {
  for (const [key, proof] of Object.entries(proofs)) test(key, proof);

  test("has a test", () => {
    expect(family.split(" ").filter((key) => !(key in proofs))).toEqual([]);
  });

  test("an unknown key of a part is reported, with its path", async () => {
    const { warnings } = await browse([{ ...rest, sesion_type: "redis" }]);
    expect(warnings).toEqual(["sojourn: SESSION_CONFIG[0].sesion_type is ignored: there is no such key"]);
  });
});

describe("SESSION_CONFIG", () => {
  test.each([[[]], ["{}"], ["[1]"], [{}], [[null]]])("refuses %j", (value) => {
    expect(() => explainConfig({ SESSION_CONFIG: value })).toThrow(/^SESSION_CONFIG must be a list of parts such as/);
  });

  test("is JSON in the environment", async () => {
    const { write, browser } = await browse(JSON.stringify([csrf, rest]));
    await write({ token: "t", theme: "dark" });
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({ token: "t", theme: "dark" });
  });

  test("is not changed by use, so that a second application reads the same", async () => {
    const parts = [csrf, rest];
    const before = JSON.stringify(parts);
    for (const _ of [1, 2])
      expect(Object.keys(await (await browse(parts)).write({ token: 1, x: 2 }))).toEqual(["csrf", "data"]);
    expect(JSON.stringify(parts)).toBe(before);
  });

  test("the keys for cleanup apply", async () => {
    const parts = [{ cookie_name: "s", session_type: "firestore", client: "shop" }];
    const drawsWith = async (keys: Given): Promise<number> => {
      let draws = 0;
      const random = (): number => {
        draws += 1;
        return 0.99;
      };
      const given = { SESSION_CONFIG: parts, ...keys };
      const { sessions, close } = await partsFromConfig<Data>(given, { setup: false, sessions: { random } });
      await new Browser(sessions).visit(({ data }) => ({ ...data }));
      await close();
      return draws;
    };
    expect(await drawsWith({ SESSION_CLEANUP_N_REQUESTS: 100 })).toBe(1);
    expect(await drawsWith({ SESSION_CLEANUP_N_REQUESTS: 0 })).toBe(0);
    expect(await drawsWith({ SESSION_AUTODELETE: true })).toBe(1);
  });

  test("cleared data is gone from the cookie of the remaining fields too", async () => {
    const { write, browser } = await browse([csrf, rest]);
    await write({ token: "t", theme: "dark" });
    await browser.visit((session) => session.clear());
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({});
  });

  test("without it, SESSION_TYPE=secure_cookie is its one cookie", async () => {
    await expect(partsFromConfig({ SESSION_TYPE: "redis" })).rejects.toThrow(/^SESSION_CONFIG must be a list of parts/);
    expect(explainConfig({ SESSION_TYPE: "secure_cookie", SECRET_KEY }).map(({ key }) => key)).toContain("SECRET_KEY");
  });

  test("native: sealed cookies, under our own names", async () => {
    const { write } = await browse([csrf, rest], {}, { records: "native" });
    const cookies = await write({ token: "t" });
    expect(Object.keys(cookies)).toEqual(["__Host-csrf"]);
    expect(cookies["__Host-csrf"]).not.toContain(Buffer.from('{"token"').toString("base64url").slice(0, 8));
  });
});
