/** Errors: codes, statuses, and what messages say about wrong arguments. */

import { inspect } from "node:util";
import { DrizzleQueryError } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { resolveLink } from "../../../scripts/docs/links.ts";
import { projectRoot } from "../../../scripts/lib.ts";
import {
  isSessionError,
  received,
  SessionError,
  sessionErrorCodes,
  wrongArgument,
} from "../../../src/core/contracts/errors.ts";

test("every code has its status, and a code that a client may retry unchanged has 503", () => {
  const statuses = Object.fromEntries(sessionErrorCodes.map((code) => [code, new SessionError(code, "x").status]));
  expect(statuses).toEqual({
    ERR_SESSION_STORE_UNAVAILABLE: 503,
    ERR_SESSION_STORE_TIMEOUT: 503,
    ERR_SESSION_STORE_FULL: 503,
    ERR_SESSION_CONFLICT: 503,
    ERR_SESSION_UNREADABLE: 503,
    ERR_SESSION_UNPROVEN: 503,
    ERR_SESSION_LIMIT: 409,
    ERR_SESSION_IMPERSONATED: 409,
    ERR_SESSION_NOT_STORABLE: 500,
    ERR_SESSION_TOO_LARGE: 500,
    ERR_SESSION_HEADERS_SENT: 500,
    ERR_SESSION_NOT_HANDED_OUT: 500,
    ERR_SESSION_ENDED: 500,
    ERR_SESSION_NOT_SUPPORTED: 500,
    ERR_SESSION_READ_ONLY: 500,
    ERR_SESSION_NOT_FRESH: 401,
  });
});

test("an error has name, message, code, status under both names, and its cause", () => {
  const cause = new Error("the client's");
  const error = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "the redis store failed", cause);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "SessionError",
    message: "the redis store failed",
    code: "ERR_SESSION_STORE_UNAVAILABLE",
    status: 503,
    statusCode: 503,
    cause,
  });
  expect(String(error)).toBe("SessionError: the redis store failed");
  expect(Object.hasOwn(new SessionError("ERR_SESSION_ENDED", "x"), "cause")).toBe(false);
});

test("the cause carries name, code and message of a client's error, and nothing else", () => {
  const secret = "SECRET-OAUTH-TOKEN-123";
  const client = Object.assign(
    new Error("OOM command not allowed when used memory > 'maxmemory'.", { cause: secret }),
    {
      name: "ReplyError",
      code: "OOM",
      command: { name: "evalsha", args: [secret, new Uint8Array(3)] },
    },
  );
  const { cause } = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "the redis store failed", client);
  expect(cause).toMatchObject({ name: "ReplyError", code: "OOM", message: client.message });
  expect(cause).not.toBe(client);
  expect(Object.keys(cause as Error).sort()).toEqual(["code", "name"]);
  expect(inspect(cause, { depth: 9, showHidden: true })).not.toContain(secret);
});

test.each(sessionErrorCodes)("%s leads to its section of docs/errors.md, and is printed with it", (code) => {
  const error = new SessionError(code, "What happened.");
  expect(error.help.endsWith(`docs/errors.md#${code.toLowerCase()}`)).toBe(true);
  expect(resolveLink(projectRoot, "README.md", error.help)).toEqual({ url: `/errors#${code.toLowerCase()}` });
  expect(inspect(error)).toContain(error.help);
});

test.each([
  ["a value that the server quotes", `bad value '${"session data ".repeat(5)}' here`, "bad value '…' here"],
  ["a value whose quote was cut off", `bad value "${"session data ".repeat(9)}`, 'bad value "…"'],
  ["an id or a digest", `no key session:${"aB3_".repeat(11)}`, "no key session:…"],
  ["all lines but the first, where ORMs quote values, and control characters", "one\u0000\ntwo", "one "],
  ["what is very long", "word ".repeat(90), `${"word ".repeat(60)}…`],
])("the message of a cause is cleaned of %s", (_what, message, told) => {
  const { cause } = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "x", new Error(message));
  expect((cause as Error).message).toBe(told);
});

test("when several addresses refuse, the first is reported", () => {
  const refused = Object.assign(new AggregateError([new Error("connect ECONNREFUSED ::1:6379")], ""), {
    code: "ECONNREFUSED",
  });
  const { cause } = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "x", refused);
  expect(cause).toMatchObject({ message: "connect ECONNREFUSED ::1:6379", code: "ECONNREFUSED" });
});

describe("isSessionError", () => {
  test("is true for ours, also of another copy of this package", () => {
    expect(isSessionError(new SessionError("ERR_SESSION_ENDED", "x"))).toBe(true);
    const other = Object.assign(new Error("x"), { name: "SessionError", code: "ERR_SESSION_ENDED", status: 500 });
    expect(isSessionError(other)).toBe(true);
  });

  test.each([
    undefined,
    null,
    "SessionError",
    {},
    new Error("x"),
    { name: "SessionError", code: "ERR_SESSION_ENDED" },
    Object.assign(new Error("x"), { code: "ERR_SESSION_ENDED" }),
    Object.assign(new Error("x"), { name: "SessionError" }),
    Object.assign(new Error("x"), { name: "SessionError", code: "ERR_OTHER" }),
  ])("is false for %o", (value) => {
    expect(isSessionError(value)).toBe(false);
  });

  test("is false for a code such as toString, which every object has", () => {
    const error = Object.assign(new Error("x"), { name: "SessionError", code: "toString" });
    expect(isSessionError(error)).toBe(false);
  });
});

class Thing {}
const things: [unknown, string][] = [
  [undefined, "undefined"],
  [null, "null"],
  [true, "true"],
  [-0.5, "-0.5"],
  [Number.NaN, "NaN"],
  [12n, "12n"],
  ["hunter2", "a string of 7 characters"],
  [Symbol("hunter2"), "a symbol"],
  [() => {}, "a function"],
  [received, "a function named received"],
  [Thing, "a function named Thing"],
  [[1, 2], "an array of 2"],
  [new Uint8Array(3), "an instance of Uint8Array"],
  [new Thing(), "an instance of Thing"],
  [{ hunter2: 1 }, "an object"],
  [Object.create(null), "an object"],
  [{ constructor: "hunter2" }, "an object"],
  [{ constructor: null }, "an object"],
  [new (class {})(), "an object"],
  [Promise.resolve(1), "an instance of Promise"],
];

test.each(things.map(([value, words]) => [inspect(value), value, words]))(
  "of %s a message says no more than its shape",
  (_, value, words) => {
    expect(received(value)).toBe(`received ${words}`);
    expect(received(value)).not.toContain("hunter2");
    const error = wrongArgument("an option", "something else", value);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(`an option must be something else; received ${words}`);
  },
);

test("the cause of a query builder's error carries neither the values of the query nor a quoted text with quotes in it", () => {
  const payload = '{"sojourn":1,"meta":{},"data":{"name":"O\'Hara","pin":"4711"}}';
  const drizzle = new DrizzleQueryError('update "s" set "payload" = $1', [payload, 7], new Error("refused"));
  const knex = new Error(`update "s" set "payload" = '${payload.replaceAll("'", "''")}' - refused`);
  for (const cause of [drizzle, knex]) {
    const { cause: told } = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "the sql store failed", cause);
    expect((told as Error).message).toContain('update "s" set "payload" = ');
    expect((told as Error).message).not.toMatch(/4711|Hara/);
  }
});
