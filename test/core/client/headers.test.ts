/** The response headers of a session: what is added, and what of the application's own stays. */

import { describe, expect, test } from "vitest";
import { writeHeaders } from "../../../src/core/client/headers.ts";

function written(given: Record<string, string>, setCookie: string | undefined): Record<string, string> {
  const headers = new Headers(given);
  writeHeaders(headers, setCookie === undefined ? undefined : [setCookie]);
  return Object.fromEntries(headers);
}

const line = "__Host-session=x; Path=/; Secure; HttpOnly; SameSite=Lax";
const sent = { "set-cookie": line, "cache-control": "no-store", vary: "Cookie" };

describe("a response that used the session", () => {
  test("without a cookie to send gets Vary, and private unless the application sets Cache-Control", () => {
    expect(written({}, undefined)).toEqual({ vary: "Cookie", "cache-control": "private" });
    expect(written({ "cache-control": "public, max-age=60" }, undefined)).toEqual({
      vary: "Cookie",
      "cache-control": "public, max-age=60",
    });
  });

  test("with a cookie to send gets Set-Cookie, Vary and Cache-Control: no-store", () => {
    expect(written({}, line)).toEqual(sent);
  });

  test("keeps the application's Set-Cookie lines, also of the same name", () => {
    const headers = new Headers();
    headers.append("set-cookie", "theme=dark");
    headers.append("set-cookie", "lang=de");
    writeHeaders(headers, [line]);
    expect(headers.getSetCookie()).toEqual(["theme=dark", "lang=de", line]);
  });
});

test("gets one Set-Cookie line for each cookie", () => {
  const headers = new Headers();
  writeHeaders(headers, [line, "__Host-session-1=y"]);
  expect(headers.getSetCookie()).toEqual([line, "__Host-session-1=y"]);
});

describe("Vary", () => {
  test.each([
    ["Accept-Encoding", "Accept-Encoding, Cookie"],
    ["Accept, Accept-Encoding", "Accept, Accept-Encoding, Cookie"],
    ["X-Cookie", "X-Cookie, Cookie"],
    ["Cookie2", "Cookie2, Cookie"],
    ["Cookie-Consent, Accept", "Cookie-Consent, Accept, Cookie"],
    ["Set-Cookie", "Set-Cookie, Cookie"],
    ["*", "*"],
    ["Accept, *", "Accept, *"],
    ["Cookie", "Cookie"],
    ["cookie", "cookie"],
    ["Accept, COOKIE", "Accept, COOKIE"],
    ["Accept,\tCookie\t,Origin", "Accept,\tCookie\t,Origin"],
    ["Cookie,Accept", "Cookie,Accept"],
  ])("%j becomes %j", (given, expected) => {
    expect(written({ vary: given }, undefined)).toEqual({ vary: expected, "cache-control": "private" });
  });
});

describe("Cache-Control, when a cookie is sent,", () => {
  test.each([
    "no-store",
    "NO-STORE",
    "private, no-store",
    "no-store, max-age=0",
    "max-age=0,no-store,must-revalidate",
    "no-cache, no-store, must-revalidate",
  ])("%j is strict enough and stays", (given) => {
    expect(written({ "cache-control": given }, line)).toEqual({ ...sent, "cache-control": given });
  });

  test.each([
    "public, max-age=31536000, immutable",
    "private",
    "no-cache",
    "x-no-store",
    "no-store-ish",
    "no-storex, private",
    'ext="no-store"',
  ])("%j is not strict enough, and becomes no-store", (given) => {
    expect(written({ "cache-control": given }, line)).toEqual(sent);
  });
});

test("works with an adapter whose headers are plain strings or undefined", () => {
  const own = new Map<string, string>();
  writeHeaders(
    {
      get: (name) => own.get(name),
      set: (name, value) => void own.set(name, value),
      append: (name, value) => void own.set(name, value),
    },
    [line],
  );
  expect(Object.fromEntries(own)).toEqual(sent);
});
