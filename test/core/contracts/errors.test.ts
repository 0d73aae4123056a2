/** Errors: codes, statuses, and what messages say about wrong arguments. */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  isSessionError,
  received,
  SessionError,
  sessionErrorCodes,
  wrongArgument,
} from "../../../src/core/contracts/errors.ts";

test("every code has its status, and those a client may try again have 503", () => {
  const statuses = Object.fromEntries(sessionErrorCodes.map((code) => [code, new SessionError(code, "x").status]));
  expect(statuses).toEqual({
    ERR_SESSION_STORE_UNAVAILABLE: 503,
    ERR_SESSION_STORE_TIMEOUT: 503,
    ERR_SESSION_STORE_FULL: 503,
    ERR_SESSION_CONFLICT: 503,
    ERR_SESSION_NOT_STORABLE: 500,
    ERR_SESSION_TOO_LARGE: 500,
    ERR_SESSION_HEADERS_SENT: 500,
    ERR_SESSION_ENDED: 500,
    ERR_SESSION_NOT_SUPPORTED: 500,
    ERR_SESSION_READ_ONLY: 500,
  });
});

test("an error has name, message, code, status under both names, and the cause if there is one", () => {
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

  test("was true for a code such as toString, which every object has", () => {
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
