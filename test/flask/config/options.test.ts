/** What no key says: the options of `sessionsFromConfig`, packages that are missing, and what is closed. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isSessionError } from "../../../src/core/contracts/errors.ts";
import { type ConfigOptions, explainConfig, sessionsFromConfig } from "../../../src/flask/config.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-config-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const secret = "a secret of at least 32 characters, really";
const quiet = { warn: () => {} };

type Data = Record<string, unknown>;

function write(sessions: Awaited<ReturnType<typeof sessionsFromConfig<Data>>>["sessions"]) {
  return request(sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
}

/** As `import()` fails where a package is not there. */
async function missing(name: string): Promise<never> {
  throw Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: "ERR_MODULE_NOT_FOUND" });
}

describe("a missing package", () => {
  test.each([
    ["redis", {}, "SESSION_REDIS needs a package that is not installed: npm install redis (or ioredis or iovalkey)"],
    ["mongodb", {}, "SESSION_MONGODB needs a package that is not installed: npm install mongodb"],
    ["dynamodb", {}, "SESSION_DYNAMODB needs a package that is not installed: npm install @aws-sdk/client-dynamodb"],
    [
      "sqlalchemy",
      { SESSION_SQLALCHEMY: "mysql://localhost/web" },
      "SESSION_SQLALCHEMY needs a package that is not installed: npm install mysql2 (or mariadb)",
    ],
    [
      "postgresql",
      { SESSION_POSTGRESQL: "postgresql://localhost/web" },
      "SESSION_POSTGRESQL needs a package that is not installed: npm install pg (or postgres)",
    ],
    [
      "elasticsearch",
      {},
      "SESSION_ELASTICSEARCH needs a package that is not installed: npm install @elastic/elasticsearch (or @opensearch-project/opensearch)",
    ],
  ])("is named: %s", async (type, keys, message) => {
    const made = sessionsFromConfig({ SESSION_TYPE: type, ...keys }, { ...quiet, load: missing });
    await expect(made).rejects.toThrow(new TypeError(message));
  });

  test("the next one that is installed is used", async () => {
    const asked: string[] = [];
    const load = (name: string): Promise<unknown> => {
      asked.push(name);
      return name === "node:sqlite" ? import("node:sqlite") : missing(name);
    };
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: `sqlite:///${join(directory, "next.db")}` };
    const { sessions, close } = await sessionsFromConfig<Data>(keys, { load });
    expect((await write(sessions)).error).toBeUndefined();
    await close();
    expect(asked).toEqual(["better-sqlite3", "node:sqlite"]);
  });

  test("is not confused with one that is installed and fails to load", async () => {
    const load = () => Promise.reject(new SyntaxError("Unexpected token"));
    await expect(sessionsFromConfig({ SESSION_TYPE: "redis" }, { ...quiet, load })).rejects.toThrow(
      "the package redis is installed but fails to load",
    );
  });
});

describe("SESSION_TYPE=null", () => {
  test("reads an empty session, and a write says what to configure", async () => {
    const { sessions } = await sessionsFromConfig<Data>({ SESSION_TYPE: "null" });
    const { value, setCookie } = await request(sessions, "session=abc", ({ data }) => ({ ...data }));
    expect([value, setCookie]).toEqual([{}, undefined]);
    const { error } = await write(sessions);
    expect(isSessionError(error) && error.code).toBe("ERR_SESSION_READ_ONLY");
    expect((error as Error).message).toContain("SESSION_TYPE is null");
  });
});

describe("SESSION_TYPE=custom", () => {
  test("needs a store from the user", async () => {
    await expect(sessionsFromConfig({ SESSION_TYPE: "custom" })).rejects.toThrow(
      /^SESSION_TYPE=custom needs your own store/,
    );
    const sessions = { store: memoryStore() };
    await expect(sessionsFromConfig({ SESSION_TYPE: "null" }, { sessions })).rejects.toThrow(/^store cannot be given/);
  });
});

describe("records: native", () => {
  const native = { records: "native" } as const;
  const keys = { SESSION_TYPE: "custom" };
  const visit = async (given: object, options: ConfigOptions<Data> = {}) => {
    const store = memoryStore();
    const all = { ...native, ...options, sessions: { store } };
    const { sessions } = await sessionsFromConfig<Data>({ ...keys, ...given }, all);
    const begun = Date.now();
    const { cookie, setCookie, error } = await write(sessions);
    if (error) throw error;
    const [record] = await Array.fromAsync(store.list!());
    return { cookie, setCookie, record: record!, lasts: Math.round((record!.expiresAt - begun) / 60_000) };
  };

  test("ids are hashed, the cookie is our own, and sessions end by our defaults", async () => {
    const { cookie, setCookie, record, lasts } = await visit({});
    expect(setCookie).toMatch(/^__Host-session=/);
    expect(record.key).not.toContain(cookie!.split("=")[1]);
    expect(record.payload).toContain('"k":"v"');
    expect(lasts).toBe(60);
  });

  test("keys that are set apply", async () => {
    const given = { PERMANENT_SESSION_LIFETIME: "2d", SESSION_KEY_PREFIX: "web:", SESSION_PERMANENT: false };
    const { setCookie, record, lasts } = await visit({ ...given, SESSION_COOKIE_NAME: "shop" });
    expect(setCookie).toMatch(/^shop=/);
    expect(setCookie).not.toContain("Max-Age");
    expect(record.key).toMatch(/^web:/);
    expect(lasts).toBe(2 * 24 * 60);
  });

  test("tokens are signed, with a strong secret only", async () => {
    const given = { SESSION_USE_SIGNER: true, SECRET_KEY: secret };
    expect((await visit(given)).cookie).toMatch(/^__Host-session=[\w-]+\.[\w-]+$/);
    await expect(visit({ ...given, SECRET_KEY: "dev" })).rejects.toThrow(/^SECRET_KEY: .* at least 32 characters/);
  });

  test("sessions can be kept in the cookie, sealed", async () => {
    const { sessions } = await sessionsFromConfig<Data>({ SESSION_TYPE: "cookie", SECRET_KEY: secret }, native);
    const { cookie } = await write(sessions);
    expect((await request(sessions, cookie, ({ data }) => data.k)).value).toBe("v");
    expect(Buffer.from(cookie!.split("=")[1]!, "base64url").toString("latin1")).not.toContain('"k"');
  });

  test("tables are separate from Flask's", () => {
    const rows = explainConfig({ SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "sqlite://" }, native);
    expect(rows).toContainEqual({ key: "SESSION_SQLALCHEMY_TABLE", value: "sojourn_sessions", from: "default" });
  });
});

describe("SESSION_TYPE=cookie", () => {
  test("is Flask's own: signed by its SECRET_KEY, and readable", async () => {
    const keys = { SESSION_TYPE: "cookie", SECRET_KEY: secret, SECRET_KEY_FALLBACKS: ["old"] };
    const old = await sessionsFromConfig<Data>({ ...keys, SECRET_KEY: "old" });
    const { cookie } = await write(old.sessions);
    expect(Buffer.from(cookie!.split("=")[1]!.split(".")[0]!, "base64url").toString()).toContain('"k":"v"');
    const { sessions } = await sessionsFromConfig<Data>(keys);
    expect((await request(sessions, cookie, ({ data }) => data.k)).value).toBe("v");
  });
});

describe("family: flask-session2", () => {
  test("uses pickles, and ids that are UUIDs", async () => {
    const store = memoryStore();
    const options = { family: "flask-session2", sessions: { store } } as const;
    const { sessions } = await sessionsFromConfig<Data>({ SESSION_TYPE: "null" }, { family: "flask-session2" });
    expect(sessions.stores[0]?.name).toBe("null");
    const file = join(directory, "two.db");
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: `sqlite:///${file}` };
    const two = await sessionsFromConfig<Data>(keys, { family: options.family });
    const { cookie } = await write(two.sessions);
    expect(cookie).toMatch(/^session=[0-9a-f]{8}-[0-9a-f]{4}-4/);
    await two.close();
    // Flask-Session 0.8 reads it as well, and so do we.
    const eight = await sessionsFromConfig<Data>(keys);
    expect((await request(eight.sessions, cookie, ({ data }) => data.k)).value).toBe("v");
    await eight.close();
  });
});

describe("other options", () => {
  test("prefix is in front of every key, in messages too", async () => {
    const keys = { FLASK_SESSION_TYPE: "null", SESSION_TYPE: "redis", FLASK_SESSION_PERMANENT: "x", FLASK_DEBUG: "1" };
    expect(() => explainConfig(keys, { prefix: "FLASK_" })).toThrow(
      'FLASK_SESSION_PERMANENT must be true or false; received "x"',
    );
  });

  test("sessions overrides the keys", async () => {
    const store = memoryStore();
    const sessions = { store, cookie: { name: "mine" } };
    const made = await sessionsFromConfig<Data>({ SESSION_TYPE: "custom", SESSION_COOKIE_NAME: "shop" }, { sessions });
    expect((await write(made.sessions)).setCookie).toMatch(/^__Host-mine=/);
  });

  test("subjectKey is the key of the user", async () => {
    const sessions = { store: memoryStore() };
    const options = { subjectKey: "_user_id", sessions };
    const made = await sessionsFromConfig<Data>({ SESSION_TYPE: "custom" }, options);
    const { cookie } = await request(made.sessions, undefined, (session) => session.login("7"));
    expect((await request(made.sessions, cookie, ({ subject }) => subject)).value).toBe("7");
  });

  test("setup: false creates nothing", async () => {
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "sqlite://" };
    const { sessions, close } = await sessionsFromConfig<Data>(keys, { setup: false });
    expect((await write(sessions)).error).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE" });
    await close();
  });

  test.each([
    [{ records: "own" }, 'records must be "flask" or "native"; received a string of 3 characters'],
    [{ family: "0.3" }, 'family must be "flask-session" or "flask-session2"; received a string of 3 characters'],
    [{ prefix: 5 }, "prefix must be a text; received 5"],
  ])("%j is refused", (options, message) => {
    expect(() => explainConfig({ SESSION_TYPE: "null" }, options as never)).toThrow(new TypeError(message));
  });

  test.each([undefined, null, "SESSION_TYPE=redis"])("keys are not %j", (keys) => {
    expect(() => explainConfig(keys as never)).toThrow(/^keys must be an object of keys, or process.env; received/);
  });
});

describe("keys", () => {
  const told = async (keys: object): Promise<string[]> => {
    const warnings: string[] = [];
    const all = { SESSION_TYPE: "null", ...keys };
    await sessionsFromConfig(all, { warn: (warning) => warnings.push(warning) });
    return warnings;
  };

  test.each([
    ["SESSION_KEY_LENGTH", "did you mean SESSION_ID_LENGTH?"],
    ["SESSION_DYNAMODB_TABLE_NAME", "did you mean SESSION_DYNAMODB_TABLE?"],
    ["SESSION_SQLALCHEMY_BINDKEY", "did you mean SESSION_SQLALCHEMY_BIND_KEY?"],
    ["SESSION_COOKIE_SAME_SITE", "did you mean SESSION_COOKIE_SAMESITE?"],
  ])("%s is unknown: %s", async (key, hint) => {
    expect(await told({ [key]: "x" })).toEqual([`sojourn: ${key} is ignored: there is no such key; ${hint}`]);
  });

  test("an unknown key similar to none is reported too; keys of other programs are not", async () => {
    expect(await told({ SESSION_BLUEBERRY_PANCAKES: "x" })).toEqual([
      "sojourn: SESSION_BLUEBERRY_PANCAKES is ignored: there is no such key",
    ]);
    expect(await told({ SESSION_MANAGER: "local/x", XDG_SESSION_TYPE: "tty", HOME: "/", SECRET_KEY: "x" })).toEqual([]);
  });

  test("a key for another type is reported", async () => {
    expect(await told({ SESSION_REDIS: "redis://cache" })).toEqual([
      "sojourn: SESSION_REDIS is ignored: it has no effect with SESSION_TYPE=null",
    ]);
  });

  test("a default server on this machine is reported", async () => {
    const warnings: string[] = [];
    const { close } = await sessionsFromConfig({ SESSION_TYPE: "redis" }, { warn: (one) => warnings.push(one) });
    await close();
    expect(warnings).toEqual(["sojourn: SESSION_REDIS is not set: sessions are kept at redis://127.0.0.1:6379"]);
  });

  test("no secret is in an explanation or a message", () => {
    const keys = {
      SESSION_TYPE: "sqlalchemy",
      SQLALCHEMY_DATABASE_URI: "postgresql://ada:hunter2@db.example/web?password=hunter2",
      SECRET_KEY: "hunter2",
      SECRET_KEY_FALLBACKS: '["hunter2"]',
      SESSION_USE_SIGNER: true,
    };
    expect(JSON.stringify(explainConfig(keys))).not.toContain("hunter2");
    for (const wrong of [
      { SECRET_KEY: 5 },
      { SQLALCHEMY_DATABASE_URI: "oracle://ada:hunter2@db" },
      { SQLALCHEMY_DATABASE_URI: "hunter2@db" },
      { SESSION_TYPE: "redis", SESSION_REDIS: "host=cache password=hunter2" },
      { SESSION_TYPE: "redis", SESSION_REDIS: "redis://cache/?x=hunter2" },
      { SESSION_TYPE: "mongodb", SESSION_MONGODB: "ada:hunter2@cache" },
      { SESSION_TYPE: "postgresql", SESSION_POSTGRESQL: "host=db user=ada password=hunter2" },
    ])
      expect(() => explainConfig({ ...keys, ...wrong })).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining("hunter2") }),
      );
  });

  test.each([
    { SESSION_TYPE: "firestore", SESSION_FIRESTORE: "host=cache password=hunter2" },
    { SESSION_TYPE: "dynamodb", SESSION_DYNAMODB_ENDPOINT: "https://ada:hunter2@db.example" },
  ])("a password in an unusual URL is not shown: %j", (keys) => {
    expect(JSON.stringify(explainConfig(keys))).not.toContain("hunter2");
  });
});
