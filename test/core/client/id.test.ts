/** Session ids: their shape, that they differ, and the keys they lead to. */

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type IdScheme, newHandle, withoutKeys } from "../../../src/core/client/id.ts";
import { twins } from "../request/twins.ts";

describe.each(twins)("ids over %s", (name, { id }) => {
  const ids = id.randomIds("session:");

  test("are 43 characters of base64url, and accepted", () => {
    for (let i = 0; i < 1000; i++) {
      const one = ids.create();
      expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(ids.accepts(one)).toBe(true);
    }
  });

  test("a hundred thousand of them differ (ten thousand over WebCrypto), and every bit varies", () => {
    const count = name === "WebCrypto" ? 10_000 : 100_000;
    const seen = new Set<string>();
    const ones = new Array<number>(256).fill(0);
    for (let i = 0; i < count; i++) {
      const one = ids.create();
      seen.add(one);
      if (i % (count / 5000) > 0) continue;
      const bytes = Buffer.from(one, "base64url");
      for (let bit = 0; bit < 256; bit++) ones[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1;
    }
    expect(seen.size).toBe(count);
    // Of 5000 coins, fewer than 2250 or more than 2750 heads is further than seven standard deviations.
    expect(Math.min(...ones)).toBeGreaterThan(2250);
    expect(Math.max(...ones)).toBeLessThan(2750);
  });

  test("have the key prefix + SHA-256 of the text, which is not itself an id", async () => {
    const one = ids.create();
    const key = await ids.keyOf(one);
    expect(key).toBe(`session:${createHash("sha256").update(one).digest("base64url")}`);
    expect(ids.accepts(key)).toBe(false);
    const digest = key.slice("session:".length);
    expect(ids.accepts(digest)).toBe(true);
    expect(await ids.keyOf(digest)).not.toBe(key);
    expect(ids.prefix).toBe("session:");
  });

  const good = "A".repeat(43);
  test.each([
    "",
    good.slice(1),
    `${good}A`,
    `${good}\n`,
    `\n${good.slice(1)}`,
    `${good.slice(1)}\n`,
    `${good.slice(1)}=`,
    `${good.slice(1)}+`,
    `${good.slice(1)}/`,
    `${good.slice(1)}.`,
    `${good.slice(1)} `,
    `${good.slice(1)}\0`,
    `${good.slice(1)}é`,
    `${good.slice(1)}\ud800`,
    `session:${good.slice(8)}`,
    `{${good.slice(1)}`,
  ])("do not look like %j", (text) => {
    expect(ids.accepts(text)).toBe(false);
  });
});

test("handles are 12 characters and differ", () => {
  const handles = new Set(Array.from({ length: 10_000 }, newHandle));
  expect(handles.size).toBe(10_000);
  expect([...handles].every((handle) => /^[A-Za-z0-9_-]{12}$/.test(handle))).toBe(true);
});

describe("a text without keys", () => {
  const one = `${"a".repeat(42)}-`;
  const two = `${"B".repeat(42)}_`;
  const like = (prefix: string): IdScheme => ({
    prefix,
    create: () => one,
    accepts: (text) => /^[A-Za-z0-9_-]{43}$/.test(text),
    keyOf: (id) => prefix + id,
    secretKeys: true,
  });

  test.each([
    ["the store failed", "the store failed"],
    ["", ""],
    ["Duplicate entry 'session:KEY' for key 'x'", "Duplicate entry 'session:…' for key 'x'"],
    ["GET session:KEY session:OTHER", "GET session:… session:…"],
    ["with args beginning with: 'session:aaaaaa", "with args beginning with: 'session:…"],
    ["KEY", "…"],
    ["no OTHER, no KEY; (KEY)", "no …, no …; (…)"],
    ["the table session: gone", "the table session:… gone"],
    ["MaxRetriesPerRequestError-of-a-cluster", "MaxRetriesPerRequestError-of-a-cluster"],
  ])("%s has its ids removed", (text, expected) => {
    const filled = text.replaceAll("KEY", one).replaceAll("OTHER", two);
    expect(withoutKeys(filled, like("session:"))).toBe(expected);
  });

  test("without a prefix, anything that looks like an id is removed", () => {
    expect(withoutKeys(`Key (id)=(${one}) exists`, like(""))).toBe("Key (id)=(…) exists");
  });
});
