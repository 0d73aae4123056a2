/** The ids of Flask-Session, their keys, and the signed cookie. */

import { describe, expect, test } from "vitest";
import { flaskIds, flaskToken } from "../../src/flask.ts";

const secretKey = "fixed-secret-key";
const sid43 = "A".repeat(43);
const sidx1 = `${"A".repeat(42)}1`;

describe("ids", () => {
  test("are the store's keys, behind the prefix", () => {
    expect(flaskIds().keyOf(sid43)).toBe(`session:${sid43}`);
    expect(flaskIds({ keyPrefix: "" }).keyOf(sid43)).toBe(sid43);
    expect(flaskIds({ keyPrefix: "app:" }).prefix).toBe("app:");
    expect(flaskIds().secretKeys).toBe(true);
  });

  test.each([
    [undefined, 43],
    [16, 22],
    [24, 32],
    [48, 64],
    [64, 86],
  ])("of %s octets have %i characters", (idLength, length) => {
    const ids = flaskIds({ idLength });
    const made = new Set(Array.from({ length: 1000 }, () => ids.create()));
    expect(made.size).toBe(1000);
    for (const id of made) {
      expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(id).toHaveLength(length);
      expect(ids.accepts(id)).toBe(true);
    }
  });

  test("may be UUIDs, as Flask-Session2 makes them; these are always accepted", () => {
    const ids = flaskIds({ ids: "uuid" });
    const made = Array.from({ length: 1000 }, () => ids.create());
    expect(new Set(made).size).toBe(1000);
    for (const id of made) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(ids.accepts(id)).toBe(true);
      expect(flaskIds().accepts(id)).toBe(true);
    }
    expect(ids.accepts(sid43)).toBe(true);
  });

  test("made before SESSION_ID_LENGTH changed are accepted", () => {
    for (const [before, after] of [
      [16, 64],
      [64, 16],
      [24, undefined],
    ])
      expect(flaskIds({ idLength: after }).accepts(flaskIds({ idLength: before }).create())).toBe(true);
  });

  test.each([
    "",
    "A".repeat(21),
    "A".repeat(87),
    `${sid43}\n`,
    `${sid43.slice(1)}\n`,
    `${sid43.slice(1)}=`,
    `${sid43.slice(1)}.`,
    `${sid43.slice(1)}é`,
    "12345678-1234-4234-8234-123456789012\n",
    "{12345678-1234-4234-8234-123456789012}",
    "attacker-chosen",
    "a\0b",
    "x".repeat(9000),
  ])("do not look like %j: it never reaches the store", (text) => {
    expect(flaskIds().accepts(text)).toBe(false);
    expect(flaskIds({ ids: "uuid" }).accepts(text)).toBe(false);
  });
});

describe("the signed cookie", () => {
  test.each<[string, string, string | readonly string[], string]>([
    ["S1", sidx1, secretKey, "Lc7lgcwxej34xtT__U-KQs9jOlA"],
    ["S2", "hello", secretKey, "6OqHeFp6j46NF--EPXAr0g6cYxg"],
    ["S5: a list signs with its last", "hello", ["old", "new"], "_U4Yj_IsGR1w9Lv1RSqjwvHq04g"],
    ["S5: its first alone", "hello", "old", "JiEwkUvnEe_WSAEQX-XQktQBI9Q"],
  ])("%s", async (_, id, secret, mac) => {
    const token = flaskToken(secret);
    expect(await token.seal(id, "session")).toBe(`${id}.${mac}`);
    expect(await token.open(`${id}.${mac}`, "session")).toEqual({ id, stale: false });
  });

  test("of an older secret opens, and is stale", async () => {
    const token = flaskToken(["old", new TextEncoder().encode("new")]);
    expect(await token.open("hello.JiEwkUvnEe_WSAEQX-XQktQBI9Q", "session")).toEqual({ id: "hello", stale: true });
    expect(await flaskToken("new").open("hello.JiEwkUvnEe_WSAEQX-XQktQBI9Q", "session")).toBeNull();
  });

  test("opens as tolerantly as in Python: padding and the last two bits mean nothing", async () => {
    const token = flaskToken(secretKey);
    for (const last of ["g", "h", "i", "j", "g=", "j=="])
      expect(await token.open(`hello.6OqHeFp6j46NF--EPXAr0g6cYx${last}`, "session")).toEqual({
        id: "hello",
        stale: false,
      });
  });

  test.each([
    "",
    ".",
    "hello",
    "hello.",
    ".6OqHeFp6j46NF--EPXAr0g6cYxg",
    "hellO.6OqHeFp6j46NF--EPXAr0g6cYxg",
    "hello.6OqHeFp6j46NF--EPXAr0g6cYxk",
    "hello.6OqHeFp6j46NF--EPXAr0g6cYx",
    "hello.6OqHeFp6j46NF--EPXAr0g6cYxgA",
    "hello.6OqHeFp6j46NF++EPXAr0g6cYxg",
    "hello.6OqHeFp6j46NF--EPXAr0g6cYxg.x",
    `hello.6OqHeFp6j46NF--EPXAr0g6cYxg${"=".repeat(5000)}`,
    "hello.6OqHeFp6j46NF--EPXAr0g6cYxg\n",
    "hello\n.6OqHeFp6j46NF--EPXAr0g6cYxg",
  ])("is refused when it is %j", async (text) => {
    expect(await flaskToken(secretKey).open(text, "session")).toBeNull();
  });
});

describe("a wrong option is a TypeError that names it", () => {
  test.each<[() => unknown, string]>([
    [
      () => flaskIds({ keyPrefix: "a b" }),
      "keyPrefix must be at most 100 printable ASCII characters without spaces; received a string of 3 characters",
    ],
    [() => flaskIds({ idLength: 8 }), "idLength must be a whole number of bytes from 16 to 64; received 8"],
    [() => flaskIds({ idLength: 32.5 }), "idLength must be a whole number of bytes from 16 to 64; received 32.5"],
    [() => flaskIds({ ids: "guid" as never }), 'ids must be "random" or "uuid"; received a string of 4 characters'],
    [() => flaskToken(""), "signed.secretKey must be Flask's SECRET_KEY"],
    [() => flaskToken([]), "signed.secretKey must be Flask's SECRET_KEY"],
    [() => flaskToken(["a", 5 as never]), "signed.secretKey must be Flask's SECRET_KEY"],
    [() => flaskToken(undefined as never), "signed.secretKey must be Flask's SECRET_KEY"],
  ])("%s", (make, message) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
