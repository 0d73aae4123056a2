/** Bytes and text: base64url, octets, comparison, and values that may be promises. */

import { describe, expect, test } from "vitest";
import {
  andThen,
  base64url,
  equalBytes,
  fromBase64url,
  fromUtf8,
  octets,
  payloadBytes,
  samePayload,
  utf8,
} from "../../../src/core/bytes/bytes.ts";

const bytesOf = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
/** A run of bytes in which all values occur, one after the other. */
const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);

describe("base64url", () => {
  test("writes the examples of RFC 4648 section 10, without padding", () => {
    const texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
    expect(texts.map((text) => base64url(utf8(text)))).toEqual([
      "",
      "Zg",
      "Zm8",
      "Zm9v",
      "Zm9vYg",
      "Zm9vYmE",
      "Zm9vYmFy",
    ]);
  });

  test("writes what Node writes, and reads it back, at every length", () => {
    for (let length = 0; length < 300; length++) {
      const bytes = counted(length);
      const text = base64url(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64url"));
      expect(fromBase64url(text)).toEqual(bytes);
    }
  });

  test("uses - and _, and does not accept + and /", () => {
    expect(base64url(bytesOf(0xfb, 0xff, 0xfe))).toBe("-__-");
    expect(fromBase64url("+//+")).toBeNull();
  });

  test("accepts only what it writes: of all texts of two characters, one per byte", () => {
    const characters = Array.from({ length: 130 }, (_, i) => String.fromCharCode(i));
    const read = characters.flatMap((a) => characters.map((b) => a + b)).filter((text) => fromBase64url(text));
    expect(read).toHaveLength(256);
    expect(read.every((text) => base64url(fromBase64url(text) as Uint8Array) === text)).toBe(true);
  });

  test("accepts texts of three characters only if their left-over bits are zero", () => {
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const [value, last] of [...digits].entries()) {
      expect(fromBase64url(`AA${last}`) !== null, last).toBe(value % 4 === 0);
    }
  });

  test.each(["A", "AAAAA", "Zg==", "Zg=", "Zm 9v", "Zm9v\n", "Zm9é", "Zm9\u{1f600}", "Zm9\ud800", "\0AAA", "Z𝐦9v"])(
    "refuses %j",
    (text) => {
      expect(fromBase64url(text)).toBeNull();
    },
  );
});

describe("octets", () => {
  test.each([
    ["", 0],
    ["abc", 3],
    ["\x7f", 1],
    ["\x80", 2],
    ["\u07ff", 2],
    ["\u0800", 3],
    ["\uffff", 3],
    ["😀", 4],
    ["\ud83d", 3],
    ["\ude00", 3],
    ["\ude00\ud83d", 6],
    ["\ud83d\ud83d\ude00", 7],
    ["\ud83dx", 4],
    ["\ud83d\u{10000}", 7],
  ])("of %j are %i, as TextEncoder counts them", (text, count) => {
    expect(octets(text)).toBe(count);
    expect(octets(text)).toBe(utf8(text).length);
  });

  test("of a payload count text in UTF-8 and bytes as they are", () => {
    expect(payloadBytes("é")).toBe(2);
    expect(payloadBytes(bytesOf(1, 2, 3))).toBe(3);
  });
});

describe("UTF-8", () => {
  test("keeps a byte order mark", () => {
    expect(fromUtf8(utf8("\ufeffa"))).toBe("\ufeffa");
  });

  test("refuses bytes that are not UTF-8 with a TypeError", () => {
    for (const bytes of [bytesOf(0xff), bytesOf(0xc3), bytesOf(0xed, 0xa0, 0x80), bytesOf(0xc0, 0x80)]) {
      expect(() => fromUtf8(bytes)).toThrow(TypeError);
    }
  });
});

describe("comparison", () => {
  test("sees a difference in any bit at any place", () => {
    const bytes = counted(40);
    expect(equalBytes(bytes, bytes.slice())).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        const other = bytes.slice();
        other[at] = (other[at] as number) ^ bit;
        expect(equalBytes(bytes, other)).toBe(false);
      }
    }
  });

  test("of different lengths is false, also when one is the start of the other", () => {
    expect(equalBytes(bytesOf(1, 2), bytesOf(1, 2, 0))).toBe(false);
    expect(equalBytes(bytesOf(), bytesOf())).toBe(true);
  });

  test("tells a text from its bytes", () => {
    expect(samePayload("a", "a")).toBe(true);
    expect(samePayload("a", utf8("a"))).toBe(false);
    expect(samePayload(utf8("a"), utf8("a"))).toBe(true);
    expect(samePayload(utf8("a"), utf8("b"))).toBe(false);
  });
});

describe("andThen", () => {
  test("calls at once with a value, later with a promise", async () => {
    expect(andThen(1, (n) => n + 1)).toBe(2);
    const later = andThen(Promise.resolve(1), (n) => n + 1);
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toBe(2);
    await expect(andThen(Promise.reject(new Error("no")) as Promise<number>, (n) => n)).rejects.toThrow("no");
  });
});
