/** Configuration: the defaults, and what is said about every option that is wrong. */

import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { randomIds } from "../../../src/core/client/id.ts";
import { signedToken } from "../../../src/core/client/token.ts";
import type { Config, SessionOptions } from "../../../src/core/options/options.ts";
import { resolveConfig } from "../../../src/core/options/resolve.ts";
import { encrypted } from "../../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const store = memoryStore();
const resolve = (options: Record<string, unknown> = {}): Config =>
  resolveConfig({ store, ...options } as SessionOptions<never> & { store: typeof store });

function errorOf(options: Record<string, unknown>): Error {
  try {
    resolve(options);
  } catch (error) {
    return error as Error;
  }
  throw new Error(`taken: ${inspect(options)}`);
}

describe("by default", () => {
  test("timeouts are those of NIST SP 800-63B-4 for AAL2, and touches are throttled to a minute", () => {
    expect(resolve().timeouts).toEqual({
      idle: 3_600_000,
      absolute: 86_400_000,
      touchInterval: 60_000,
      renewAfter: Number.POSITIVE_INFINITY,
      renewGrace: 60_000,
    });
  });

  test("the cookie ends with the browser, errors discard, calls have two seconds and merges ten", () => {
    expect(resolve()).toMatchObject({
      persistent: false,
      saveOnError: false,
      storeTimeout: 2000,
      conflictTimeout: 10_000,
      schema: undefined,
      together: [],
    });
    expect(resolve().cookie.name).toBe("__Host-session");
    expect(resolve().format.name).toBe("json");
    expect(resolve().now).toBe(Date.now);
  });

  test("undefined is the same as absent, for every option", () => {
    const names = ["idleTimeout", "absoluteTimeout", "touchInterval", "renewAfter", "renewGrace", "persistent"];
    const more = [
      "current",
      "cookie",
      "token",
      "format",
      "keyPrefix",
      "ids",
      "schema",
      "together",
      "onError",
      "onIdReuse",
      "storeTimeout",
    ];
    const all = [...names, ...more, "conflictTimeout", "cleanupEvery", "now", "random", "wait", "warn"];
    const options = Object.fromEntries(all.map((name) => [name, undefined]));
    expect(JSON.stringify(resolve(options))).toBe(JSON.stringify(resolve()));
  });

  test.each([
    [{}, "session:"],
    [{ cookie: { name: "cart" } }, "cart:"],
    [{ cookie: { name: "__Host-cart" } }, "cart:"],
    [{ cookie: { secure: false, name: "x".repeat(99) } }, `${"x".repeat(99)}:`],
    [{ keyPrefix: "" }, ""],
    [{ keyPrefix: "app1/" }, "app1/"],
    [{ ids: randomIds("theirs:") }, "theirs:"],
  ])("the keys of %j begin with %j", async (options, prefix) => {
    const { ids } = resolve(options);
    expect(ids.prefix).toBe(prefix);
    expect((await ids.keyOf("x")).startsWith(prefix)).toBe(true);
  });
});

describe("timeouts", () => {
  test.each([
    [{ idleTimeout: "30m" }, 60_000],
    [{ idleTimeout: "10m" }, 30_000],
    [{ idleTimeout: 1 }, 50],
    [{ idleTimeout: false }, 60_000],
    [{ idleTimeout: false, absoluteTimeout: "10m" }, 30_000],
    [{ touchInterval: 0 }, 0],
    [{ touchInterval: "1h" }, 3_600_000],
  ])("with %j an unchanged session's expiry moves every %i ms", (options, touchInterval) => {
    expect(resolve(options).timeouts.touchInterval).toBe(touchInterval);
  });

  test("may be switched off, but not both", () => {
    expect(resolve({ idleTimeout: false }).timeouts.idle).toBe(Number.POSITIVE_INFINITY);
    expect(resolve({ absoluteTimeout: false }).timeouts.absolute).toBe(Number.POSITIVE_INFINITY);
    expect(errorOf({ idleTimeout: false, absoluteTimeout: false })).toMatchObject({
      name: "TypeError",
      message: "idleTimeout and absoluteTimeout must not both be false: a session must end",
    });
  });

  test.each([
    [{ idleTimeout: "30d" }, "30d", "1d"],
    [{ idleTimeout: "2h", absoluteTimeout: "90m" }, "2h", "90m"],
  ])("%j is refused: age would end the session before idleness could", (options, idle, absolute) => {
    expect(errorOf(options).message).toBe(
      `idleTimeout must not be longer than absoluteTimeout, which ends the session anyway; received ${idle}, and ` +
        `absoluteTimeout is ${absolute}. Give absoluteTimeout too, such as absoluteTimeout: "${idle}"`,
    );
  });

  test("absoluteTimeout alone may be shorter than the default of idleTimeout", () => {
    expect(resolve({ absoluteTimeout: "30m" }).timeouts).toMatchObject({ idle: 3_600_000, absolute: 1_800_000 });
    expect(resolve({ idleTimeout: "30d", absoluteTimeout: false }).timeouts.idle).toBe(30 * 86_400_000);
    expect(resolve({ idleTimeout: "1h", absoluteTimeout: "1h" }).timeouts.idle).toBe(3_600_000);
  });

  test("absoluteTimeout is refused with a format that cannot keep it", () => {
    const format = { ...jsonFormat(), name: "theirs", foreign: true };
    expect(resolve({ format }).timeouts.absolute).toBe(Number.POSITIVE_INFINITY);
    expect(errorOf({ format, absoluteTimeout: "12h" }).message).toBe(
      "absoluteTimeout must be false with format theirs, which keeps no note of when a session began",
    );
    expect(errorOf({ format, idleTimeout: false }).message).toMatch(/must not both be false/);
  });

  test("renewAfter is refused with a format that other programs read, also when it is encrypted", () => {
    const format = { ...jsonFormat(), name: "theirs", foreign: true };
    const secret = "a secret of at least 32 characters, really";
    expect(resolve({ format }).format.foreign).toBe(true);
    expect(errorOf({ format, renewAfter: "1h" }).message).toBe(
      "renewAfter must be false with format theirs: the other program could not follow the new id",
    );
    expect(errorOf({ format: encrypted(format, secret), renewAfter: "1h" }).message).toMatch(
      /^renewAfter must be false/,
    );
    expect(resolve({ format: encrypted(jsonFormat(), secret), renewAfter: "1h" }).timeouts.renewAfter).toBe(3_600_000);
  });
});

const secret = "hunter2";
const aStore = "a store such as redisStore({ client })";
const aFormat = "a format";
const anIdScheme = "an id scheme: a text prefix, and create, accepts and keyOf";
const aToken = "bareToken(), signedToken() or sealedToken()";
const aSchema = "a Standard Schema (zod, valibot, arktype …)";
const groups = 'a list of lists of keys, such as [["cart", "total"]]';
const prefix = "at most 100 printable ASCII characters without spaces";
const duration = (from: string, to: string): string =>
  `a duration from ${from} to ${to}, as a number of seconds or a text like "30m"`;
const { update: _, ...withoutUpdate } = memoryStore();
const { keyOf: __, ...withoutKeyOf } = randomIds("x:");

/** What is wrong for an option, and what the message says it got. */
const wrong: Record<string, { takes: string; values: [unknown, string][] }> = {
  store: {
    takes: aStore,
    values: [
      [null, "received null"],
      [undefined, "received undefined"],
      ["redis://:hunter2@localhost", "received a string of 26 characters"],
      [{}, "received an object"],
      [new Map(), "received an instance of Map"],
      [withoutUpdate, "received an object"],
      [memoryStore, "received a function named memoryStore"],
      [{ ...store, capabilities: undefined }, "received an object"],
      [{ ...store, capabilities: null }, "received an object"],
      [Promise.resolve(store), "received an instance of Promise"],
    ],
  },
  idleTimeout: {
    takes: duration("1s", "400d"),
    values: [
      [0, "received 0"],
      [0.5, "received 0.5"],
      [-1, "received -1"],
      [1_800_000_000, 'received 1800000000. If you mean milliseconds, write "1800000000ms"'],
      [Number.NaN, "received NaN"],
      [Number.POSITIVE_INFINITY, "received Infinity"],
      ["401d", 'received "401d"'],
      ["30 min", 'received "30 min"'],
      [true, "received true"],
      [null, "received null"],
      [new Date(0), "received an instance of Date"],
    ],
  },
  absoluteTimeout: {
    takes: duration("1s", "400d"),
    values: [
      [0, "received 0"],
      ["999ms", 'received "999ms"'],
      ["never", 'received "never"'],
      [true, "received true"],
      [null, "received null"],
    ],
  },
  renewAfter: {
    takes: duration("1s", "400d"),
    values: [
      [0, "received 0"],
      [true, "received true"],
      [null, "received null"],
      ["15", 'received "15"'],
    ],
  },
  touchInterval: {
    takes: duration("0ms", "1h"),
    values: [
      ["61m", 'received "61m"'],
      [false, "received false"],
      [null, "received null"],
      [-1, "received -1"],
    ],
  },
  renewGrace: {
    takes: duration("0ms", "1d"),
    values: [
      ["25h", 'received "25h"'],
      [false, "received false"],
      [null, "received null"],
    ],
  },
  storeTimeout: {
    takes: duration("1ms", "10m"),
    values: [
      [0, "received 0"],
      ["11m", 'received "11m"'],
      [2000, 'received 2000. If you mean milliseconds, write "2000ms"'],
      [false, "received false"],
      [null, "received null"],
    ],
  },
  conflictTimeout: {
    takes: duration("1ms", "10m"),
    values: [
      [0, "received 0"],
      [false, "received false"],
      [null, "received null"],
    ],
  },
  persistent: {
    takes: "false or true",
    values: [
      ["yes", "received a string of 3 characters"],
      [1, "received 1"],
      [null, "received null"],
    ],
  },
  describe: {
    takes: "a function",
    values: [
      ["ip", "received a string of 2 characters"],
      [null, "received null"],
      [{ ip: true }, "received an object"],
    ],
  },
  transport: {
    takes: "bearer() of sojourn/bearer",
    values: [
      ["bearer", "received a string of 6 characters"],
      [null, "received null"],
      [{ carrier: {} }, "received an object"],
    ],
  },
  limit: {
    takes: "{ perSubject: 5 }, for example",
    values: [
      [5, "received 5"],
      [null, "received null"],
    ],
  },
  everybody: {
    takes: "everybody() of sojourn/everybody",
    values: [
      [true, "received true"],
      ["5s", "received a string of 2 characters"],
    ],
  },
  deviceBound: {
    takes: "deviceBound() of sojourn/device-bound",
    values: [
      [true, "received true"],
      [{}, "received an object"],
    ],
  },
  cookie: {
    takes: "an object of cookie options",
    values: [
      [null, "received null"],
      ["session", "received a string of 7 characters"],
      [true, "received true"],
    ],
  },
  token: {
    takes: aToken,
    values: [
      [secret, "received a string of 7 characters"],
      [[secret], "received an array of 1"],
      [signedToken, "received a function named signedToken"],
      [{ seal() {} }, "received an object"],
      [null, "received null"],
    ],
  },
  format: {
    takes: aFormat,
    values: [
      ["json", "received a string of 4 characters"],
      [jsonFormat, "received a function named jsonFormat"],
      [JSON, "received an object"],
      [null, "received null"],
    ],
  },
  name: {
    takes: 'what the application is called, 1 to 40 letters, digits, "-" and "_"',
    values: [
      ["", "received a string of 0 characters"],
      ["my shop", "received a string of 7 characters"],
      ["shop:", "received a string of 5 characters"],
      ["x".repeat(41), "received a string of 41 characters"],
      [5, "received 5"],
      [null, "received null"],
    ],
  },
  keyPrefix: {
    takes: prefix,
    values: [
      ["a b", "received a string of 3 characters"],
      ["é", "received a string of 1 characters"],
      ["a\n", "received a string of 2 characters"],
      ["x".repeat(101), "received a string of 101 characters"],
      [5, "received 5"],
      [null, "received null"],
      [/x/, "received an instance of RegExp"],
    ],
  },
  ids: {
    takes: anIdScheme,
    values: [
      ["uuid", "received a string of 4 characters"],
      [() => "x", "received a function"],
      [withoutKeyOf, "received an object"],
      [{ ...randomIds("x:"), prefix: undefined }, "received an object"],
      [null, "received null"],
    ],
  },
  schema: {
    takes: aSchema,
    values: [
      [null, "received null"],
      ["string", "received a string of 6 characters"],
      [{}, "received an object"],
      [{ parse() {} }, "received an object"],
      [{ "~standard": { version: 1 } }, "received an object"],
    ],
  },
  together: {
    takes: groups,
    values: [
      [["cart", "total"], "received an array of 2"],
      ["cart", "received a string of 4 characters"],
      [[["cart"], [5]], "received an array of 2"],
      [{}, "received an object"],
      [null, "received null"],
    ],
  },
  current: {
    takes: "false or true",
    values: [
      ["no", "received a string of 2 characters"],
      [null, "received null"],
    ],
  },
  onIdReuse: {
    takes: '"report" or "end"',
    values: [
      ["stop", "received a string of 4 characters"],
      [true, "received true"],
    ],
  },
  onError: {
    takes: '"discard" or "save"',
    values: [
      ["throw", "received a string of 5 characters"],
      [true, "received true"],
      [null, "received null"],
    ],
  },
  now: {
    takes: "a function",
    values: [
      [0, "received 0"],
      [new Date(0), "received an instance of Date"],
      [null, "received null"],
    ],
  },
  cleanupEvery: {
    takes: "a whole number of requests, at least 1",
    values: [
      [0, "received 0"],
      [2.5, "received 2.5"],
      ["100", "received a string of 3 characters"],
    ],
  },
  adopt: {
    takes: "a list of adopters, such as [adoptIronSession({ … })]",
    values: [
      [{}, "received an object"],
      [[{}], "received an array of 1"],
    ],
  },
  random: {
    takes: "a function",
    values: [[0.5, "received 0.5"]],
  },
  wait: {
    takes: "a function",
    values: [
      [10, "received 10"],
      [null, "received null"],
    ],
  },
  warn: {
    takes: "a function, or false",
    values: [
      [true, "received true"],
      [{ warn() {} }, "received an object"],
      [null, "received null"],
    ],
  },
};

describe("a wrong option is a TypeError that says what it accepts and what it got", () => {
  for (const [name, { takes, values }] of Object.entries(wrong)) {
    for (const [value, got] of values) {
      test(`${name}: ${inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY }).slice(0, 60)}`, () => {
        const error = errorOf({ [name]: value });
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toBe(`${name} must be ${takes}; ${got}`);
      });
    }
  }

  test("every option is in this table", () => {
    const { message } = errorOf({ zzz: 1 });
    expect(message).toBe(`createSessions: there is no option "zzz"; there are ${message.split("there are ")[1]}`);
    expect(message.split("there are ")[1]?.split(", ").sort()).toEqual(Object.keys(wrong).sort());
  });

  test.each(["ttl", "maxAge", "max_age"])("the word %s of other libraries leads to the options for it", (name) => {
    expect(errorOf({ [name]: 60 }).message).toContain("idleTimeout, absoluteTimeout and persistent");
    expect(errorOf({ cookie: { [name]: 60 } }).message).toContain("idleTimeout, absoluteTimeout and persistent");
  });

  test.each(["ttl", "maxAge", "secret", "resave", "idletimeout", "toString", "constructor", "__proto__", ""])(
    "the unknown option %j is refused",
    (name) => {
      const error = errorOf(Object.defineProperty({}, name, { value: secret, enumerable: true }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(`createSessions: there is no option "${name}"; `);
      expect(error.message).toContain("here are store, name, idleTimeout, ");
      expect(error.message).not.toContain(secret);
    },
  );

  test("an unknown option's long name is cut in the message", () => {
    expect(errorOf({ ["x".repeat(1000)]: 1 }).message).toContain(`no option "${"x".repeat(40)}";`);
  });

  test("an option of the cookie is named with its path", () => {
    expect(errorOf({ cookie: { secure: "auto" } }).message).toMatch(
      /^cookie\.secure must be true or false; received a/,
    );
    expect(errorOf({ cookie: { maxAge: 1 } }).message).toMatch(/^cookie: there is no option "maxAge"; /);
    expect(errorOf({ cookie: { sameSite: "none", secure: false } }).message).toMatch(/^cookie\.sameSite "none" needs/);
  });

  test("keyPrefix and ids exclude each other", () => {
    expect(errorOf({ ids: randomIds("x:"), keyPrefix: "y:" }).message).toBe(
      "keyPrefix cannot be given together with ids, which make the keys",
    );
  });

  test("null for a timeout is refused", () => {
    for (const name of [
      "idleTimeout",
      "absoluteTimeout",
      "storeTimeout",
      "conflictTimeout",
      "renewAfter",
      "renewGrace",
    ]) {
      expect(errorOf({ [name]: null }).message).toMatch(new RegExp(`^${name} must be a duration .*; received null$`));
    }
  });

  test("no message repeats a text that might be a secret", () => {
    for (const name of Object.keys(wrong).filter((name) => !wrong[name]?.takes.startsWith("a duration"))) {
      for (const value of [secret, [secret], [[secret], secret.length], { secret }]) {
        if (name === "keyPrefix" && value === secret) continue;
        try {
          resolve({ [name]: value });
        } catch (error) {
          expect(inspect(error)).not.toContain(secret);
        }
      }
    }
  });

  test("the constructor of Sessions checks them all", () => {
    expect(() => new Sessions({ store, idleTimeout: "soon" as never })).toThrow(/^idleTimeout must be/);
    expect(() => new Sessions({ store: undefined as never })).toThrow(/^store must be/);
  });
});

describe("warnings", () => {
  test("are given once each, to `warn`", () => {
    const said: string[] = [];
    const { warn } = resolve({ warn: (message: string) => said.push(message) });
    warn("one");
    warn("one");
    warn("two");
    expect(said).toEqual(["sojourn: one", "sojourn: two"]);
  });

  test("go to console.warn without `warn`", () => {
    const spy = vi.spyOn(console, "warn").mockImplementation(() => {});
    resolve().warn("one");
    expect(spy.mock.calls).toEqual([["sojourn: one"]]);
    spy.mockRestore();
  });

  test("are remembered up to a limit", () => {
    const said: string[] = [];
    const { warn } = resolve({ warn: (message: string) => said.push(message) });
    for (let i = 0; i < 1000; i++) warn(`warning ${i}`);
    expect(said.length).toBeLessThanOrEqual(101);
  });
});

test("the default wait between two attempts waits", async () => {
  vi.useFakeTimers();
  let done = false;
  void resolve()
    .wait(50)
    .then(() => (done = true));
  await vi.advanceTimersByTimeAsync(49);
  expect(done).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(done).toBe(true);
  vi.useRealTimers();
});
