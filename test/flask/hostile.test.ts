/** Hostile records under Flask's keys: no session and an event, or a session; never an error page, never a hang. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Payload } from "../../src/core/contracts/format.ts";
import type { SessionEvent } from "../../src/core/contracts/session-event.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import {
  type FlaskSessionOptions,
  flaskFormat,
  flaskSession,
  pickleFormat,
  taggedJsonFormat,
} from "../../src/flask.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { runs } from "../property/arbitraries.ts";
import { request } from "../support/requests.ts";

const now = 1_800_000_000_000;
const id = "A".repeat(43);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What requests make of a record: `true` when it is no session. */
async function refused(payload: Payload, options: FlaskSessionOptions = {}): Promise<boolean> {
  let read: boolean | undefined;
  const handlers = ["read", "write", "login", "destroy"] as const;
  for (const what of handlers) {
    const store = memoryStore({ now: () => now });
    await store.create(`session:${id}`, { payload, expiresAt: now + 1_000_000 });
    const shared = flaskSession({ subjectKey: "_user_id", ...options });
    const sessions = new Sessions({ ...shared, store, now: () => now, wait: async () => {} });
    const events: SessionEvent[] = [];
    sessions.on((event) => events.push(event));
    const answer = await request(sessions, `session=${id}`, (session) => {
      if (what === "write") session.data["mine"] = 1;
      if (what === "login") session.login("ada");
      if (what === "destroy") session.destroy();
      return session.isNew;
    });
    const isLost = what === "login" && answer.value !== false;
    expect(answer.error).toEqual(isLost ? expect.objectContaining({ code: "ERR_SESSION_UNREADABLE" }) : undefined);
    const said = events.filter(({ type }) => type === "record_refused");
    expect(said).toHaveLength(answer.value ? 1 : 0);
    for (const event of said) expect(String(event.error)).not.toMatch(/A{8}|secret/);
    // It may be a session to Flask: nothing is written over it, and the client keeps its cookie, until it logs out.
    if (answer.value && what !== "destroy") {
      expect(answer.cookie).toBe(`session=${id}`);
      expect((await store.read(`session:${id}`))?.payload).toEqual(payload);
    }
    if (what === "destroy") {
      expect(answer.setCookie).toContain("Max-Age=0");
      expect(await store.read(`session:${id}`)).toBeNull();
    }
    read ??= answer.value;
    expect(answer.value).toBe(read);
  }
  return read as boolean;
}

describe("what is no session:", () => {
  test.each<[string, Payload]>([
    ["nothing", new Uint8Array()],
    ["an empty text", ""],
    ["nil", bytes("c0")],
    ["null", utf8("null")],
    ["a number", bytes("05")],
    ["a list", bytes("9101")],
    ["a list of pairs", utf8('[["a",1]]')],
    ["a text", utf8('"secret"')],
    ["what is never used", bytes("81a161c1")],
    ["a map that ends early", bytes("82a16101")],
    ["a text longer than the payload", bytes("81a161dbffffffff61")],
    ["bytes longer than the payload", bytes("81a161c6ffffffff61")],
    ["a list of four billion", bytes("81a161ddffffffff")],
    ["a map of four billion", bytes("dfffffffff")],
    ["an extension of four billion", bytes("81a161c9ffffffff05")],
    ["something after the map", bytes("81a1610100")],
    ["a text that is not UTF-8", bytes("81a161a1ff")],
    ["half of a surrogate pair", bytes("81a161a3eda080")],
    ["a list nested a million times", new Uint8Array([0x81, 0xa1, 0x61, ...new Uint8Array(100_000).fill(0x91), 0xc0])],
    ["a map nested as a key", bytes("818001")],
    ["a key that is a list of maps", bytes("81918001")],
    ["a key that is an extension", bytes("81d4050101")],
    ["a date of the year 10000", bytes("81a161c70cff0000000000000003afff44180".padEnd(38, "0"))],
    ["a date with two seconds of nanoseconds", bytes("81a161d7ffffffffff00000000")],
    ["a date of three octets", bytes("81a161c703ff010203")],
    ["JSON nested a million times", utf8(`{"a":${"[".repeat(100_000)}`)],
    ["JSON cut short", utf8('{"a":"secret')],
    ["JSON with a comma too many", utf8('{"a":1,}')],
    ["JSON with a comma too few", utf8('{"a":1 "b":2}')],
    ["JSON twice", utf8("{}{}")],
    ["JSON behind a byte order mark", utf8("\ufeff{}")],
    ["JSON with NaN", utf8('{"a":NaN}')],
    ["JSON beyond a double", utf8('{"a":1e400}')],
    ["JSON with an octal number", utf8('{"a":01}')],
    ["JSON with a number cut short", utf8('{"a":1.}')],
    ["JSON with an integer of ten thousand digits", utf8(`{"a":${"9".repeat(10_000)}}`)],
    ["JSON with a control character", utf8('{"a":"\x01"}')],
    ["JSON with an unknown escape", utf8('{"a":"\\x"}')],
    ["JSON with half of a surrogate pair", utf8('{"a":"\\ud800"}')],
    ["JSON with a key that is no text", utf8("{1:1}")],
    ["JSON with a quote that is escaped", utf8('{"a":"\\"}')],
    ["JSON of quotes that are escaped", utf8(`{"a":"${'\\"'.repeat(100_000)}}`)],
    ["JSON that is not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["a pickle that runs a program", utf8("cos\nsystem\n(S'id'\ntR.")],
    [
      "a pickle that contains itself",
      bytes("80027d710055017868002e".replace("5501786800", "58010000007868 00").replace(" ", "")),
    ],
  ])("%s", async (_, payload) => {
    expect(await refused(payload)).toBe(true);
    expect(await refused(payload, { format: "json" })).toBe(true);
  });
});

test("a record of the deepest nesting is a session", async () => {
  const list = (depth: number): Uint8Array =>
    new Uint8Array([0x81, 0xa1, 0x61, ...new Uint8Array(depth).fill(0x91), 0xc0]);
  expect(await refused(list(499))).toBe(false);
  expect(await refused(list(500))).toBe(true);
});

test("a record with one list more than can be written is refused", async () => {
  for (const depth of [499, 500, 501]) {
    const json = `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const msgpack = new Uint8Array([0x81, 0xa1, 0x61, ...new Uint8Array(depth - 1).fill(0x91), 0x90]);
    const pickle = utf8(`}Va\n${"]".repeat(depth)}${"a".repeat(depth - 1)}s.`);
    for (const payload of [utf8(json), msgpack, pickle]) expect(await refused(payload)).toBe(depth > 500);
    for (const [format, payload] of [
      [taggedJsonFormat(), json],
      [pickleFormat(), pickle],
    ] as const) {
      const read = (): unknown => format.encode(format.decode(payload), payload);
      if (depth > 500) expect(read).toThrow(RangeError);
      else expect(read()).toBe(payload);
    }
  }
});

test("a record with more keys and values than can be written is refused", async () => {
  const record = (values: number): string =>
    `{"a":{${Array.from({ length: values }, (_, i) => `"${i}":0`).join(",")}}}`;
  for (const [payload, isRefused] of [
    [record(499_990), false],
    [record(500_010), true],
  ] as const) {
    for (const format of [flaskFormat({ format: "json" }), taggedJsonFormat()]) {
      const read = (): unknown => format.encode(format.decode(payload), payload);
      if (isRefused) expect(read).toThrow(RangeError);
      else expect(read()).toBe(payload);
    }
  }
}, 60_000);

describe("any value under a key", () => {
  const json = flaskFormat({ format: "json" });
  const msgpack = flaskFormat();
  const real = fc
    .tuple(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), fc.boolean())
    .filter(([data]) => !Object.hasOwn(data, "_permanent") && !/\\ud[89a-f]/i.test(JSON.stringify(data)))
    .map(([data, text]) => (text ? json : msgpack).encode({ data, meta: {} }) as Uint8Array);
  const cut = fc.tuple(real, fc.nat()).map(([payload, at]) => payload.slice(0, at % (payload.length + 1)));
  const turned = fc.tuple(real, fc.nat(), fc.nat(255)).map(([payload, at, byte]) => {
    const other = payload.slice();
    other[at % other.length] = byte;
    return other;
  });
  const head = fc.constantFrom(0x81, 0x82, 0x8f, 0xde, 0xdf, 0x7b, 0x80);
  const random = fc.tuple(head, fc.uint8Array({ maxLength: 60 })).map(([one, rest]) => new Uint8Array([one, ...rest]));

  test.each([
    ["cut short", cut],
    ["with one octet another", turned],
    ["random", random],
    ["JSON of any kind", fc.json().map(utf8)],
    ["text of JSON of any kind", fc.json()],
  ])("%s", async (_, payloads) => {
    await fc.assert(
      fc.asyncProperty(payloads as fc.Arbitrary<Payload>, async (payload) => {
        await refused(payload);
      }),
      runs(60),
    );
  });

  test("is refused, or read and unchanged, and changes in one key only", () => {
    fc.assert(
      fc.property(fc.oneof(cut, turned, random), fc.constantFrom(msgpack, json), (payload, format) => {
        let content: ReturnType<typeof format.decode>;
        try {
          content = format.decode(payload);
        } catch {
          return;
        }
        expect(format.encode(content, payload)).toBe(payload);
        for (const key of Object.keys(content.data)) format.encodeValue(content.data[key], key);
        content.data["mine"] = [1];
        const next = format.encode(content, payload);
        const again = format.decode(next);
        expect(again.data["mine"]).toEqual([1]);
        for (const key of Object.keys(content.data)) expect(Object.keys(again.data)).toContain(key);
      }),
      runs(2000),
    );
  });
});
