/** A `Set-Cookie` line, as the name, value and options that a framework takes. */

import { expect, test } from "vitest";
import { setByLine } from "../../src/frameworks/shared/cookie-line.ts";

function taken(line: string): unknown[] {
  const calls: unknown[][] = [];
  setByLine(line, (name, value, { encode: _, ...options }: { encode?: unknown }) => calls.push([name, value, options]));
  return calls.flat();
}

test("a path with an equals sign is complete", () => {
  expect(taken("session=a=b; Path=/a=b; Secure; HttpOnly; SameSite=Lax; Max-Age=60")).toEqual([
    "session",
    "a=b",
    { path: "/a=b", secure: true, httpOnly: true, sameSite: "lax", maxAge: 60 },
  ]);
});

test("a missing attribute is off", () => {
  expect(taken("session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Partitioned")).toEqual([
    "session",
    "",
    { path: "/", expires: new Date(0), partitioned: true, secure: false, httpOnly: false, sameSite: false },
  ]);
});
