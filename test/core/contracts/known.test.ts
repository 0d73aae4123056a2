/** Option names that do not exist are refused, with the one that was meant. */

import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { checkKnown } from "../../../src/core/contracts/known.ts";

const check = (given: unknown) => () => checkKnown("redisStore", given, ["client", "prefix", "layout"]);

describe("checkKnown", () => {
  test("accepts known options, also of another realm and without a prototype", () => {
    expect(check({ client: 1 })).not.toThrow();
    expect(check(Object.assign(Object.create(null), { prefix: "a" }))).not.toThrow();
    expect(check(runInContext("({ layout: 1 })", createContext()))).not.toThrow();
  });

  test.each([
    [
      { keyPrefix: "a" },
      'redisStore: there is no option "keyPrefix"; did you mean "prefix"? There are client, prefix, layout',
    ],
    [{ prefx: "a" }, 'redisStore: there is no option "prefx"; did you mean "prefix"? There are client, prefix, layout'],
    [
      new Map(),
      "the argument of redisStore() must be an object of options, such as { client }; received an instance of Map",
    ],
    [undefined, "the argument of redisStore() must be an object of options, such as { client }; received undefined"],
  ])("refuses %j", (given, message) => {
    expect(check(given)).toThrow(new TypeError(message));
  });

  test("refuses a misspelt key even if its value is undefined", () => {
    expect(check({ clint: undefined })).toThrow('did you mean "client"?');
  });
});
