/** The native format: its envelope, what is a session in it, and what is not. */

import { describe, expect, test } from "vitest";
import { SessionError } from "../../../src/core/contracts/errors.ts";
import type { Content, Format, LazyContent } from "../../../src/core/contracts/format.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { set } from "../../../src/core/record/own-keys.ts";

const format = jsonFormat();
const meta = {
  handle: "h3hJ_abc-def",
  created: 1_790_000_000_000,
  renewed: 1_790_000_000_001,
  authenticated: 1_790_000_000_002,
  subject: "42",
  persistent: true,
  unseen: true as const,
  seen: 1_790_000_000_003,
};

test("a session is one JSON text, the same in every version", () => {
  const data = { cart: ["tea"], at: new Date(0), n: 1n };
  expect(format.encode({ data, meta: { handle: "h", created: 1, subject: "42" } })).toBe(
    '{"sojourn":1,"meta":{"handle":"h","created":1,"subject":"42"},"data":{"cart":["tea"],"at":{"$":["Date",0]},"n":{"$":["BigInt","1"]}}}',
  );
  expect(format.encode({ data: {}, meta: {} })).toBe('{"sojourn":1,"meta":{},"data":{}}');
});

test("every field the library defines comes back, and no other", () => {
  const content = { data: { a: 1 }, meta };
  const decoded = format.decode(format.encode(content));
  expect(decoded).toEqual(content);
  expect(format.encode(decoded)).toBe(format.encode(content));
  expect(format.decode(format.encode({ data: {}, meta: { handle: "h", subject: undefined as never } })).meta).toEqual({
    handle: "h",
  });
});

test("fields that a later version added to the envelope are kept", () => {
  const payload = '{"sojourn":1,"meta":{"created":1,"realm":"phone","scopes":["a"]},"data":{"a":1}}';
  expect(format.encode(format.decode(payload))).toBe(payload);
});

describe("data", () => {
  const decoded = (text: string): Record<string, unknown> =>
    format.decode(`{"sojourn":1,"meta":{},"data":${text}}`).data;

  test("is a plain object with the keys of the text, whatever their names", () => {
    const data = decoded(
      '{"__proto__":{"polluted":1},"constructor":2,"toJSON":3,"cookie":4,"sojourn":5,"meta":6,"data":7}',
    );
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(Object.keys(data)).toEqual(["__proto__", "constructor", "toJSON", "cookie", "sojourn", "meta", "data"]);
    expect(Object.values(data)).toEqual([{ polluted: 1 }, 2, 3, 4, 5, 6, 7]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(decoded("{}")).toStrictEqual({});
  });

  test("with such keys is encoded unchanged", () => {
    const data: Record<string, unknown> = {};
    for (const key of ["__proto__", "constructor", "toJSON", "cookie", "$", ""]) set(data, key, key);
    const back = format.decode(format.encode({ data, meta: {} })).data;
    expect(Object.entries(back)).toEqual(Object.entries(data));
    data["when"] = new Date(0);
    expect(Object.entries(format.decode(format.encode({ data, meta: {} })).data)).toEqual(Object.entries(data));
  });

  test("that is equal has the same payload, whatever it held in between", () => {
    const data: Record<string, unknown> = { a: 1, b: { c: [1, 2] } };
    const before = format.encode({ data, meta });
    data["b"] = { c: [1, 2] };
    data["x"] = 1;
    delete data["x"];
    data["y"] = undefined;
    expect(format.encode({ data, meta })).toBe(before);
  });

  test("that cannot be stored is refused with its path", () => {
    const encode = (): unknown => format.encode({ data: { user: { find() {} } }, meta: {} });
    expect(encode).toThrow(SessionError);
    expect(encode).toThrow(
      /^session\.data\.user\.find cannot be stored: received a function named find, and a session/,
    );
  });
});

describe("a single value", () => {
  test("is encoded as within a session, for comparison", () => {
    expect(format.encodeValue({ a: new Date(0) }, "x")).toBe('{"a":{"$":["Date",0]}}');
    expect(format.encodeValue(null, "x")).toBe("null");
    expect(() => format.encodeValue(() => 1, "session.data.f")).toThrow(/^session\.data\.f cannot be stored/);
  });
});

describe("what is not a session throws", () => {
  const session = '{"sojourn":1,"meta":{"created":1},"data":{"a":[1,{"b":"c"}]}}';

  test.each([
    new Uint8Array([1, 2]),
    "",
    "null",
    "1",
    "[]",
    '""',
    "{}",
    '{"sojourn":1}',
    '{"sojourn":1,"meta":{}}',
    '{"sojourn":1,"data":{}}',
    '{"sojourn":2,"meta":{},"data":{}}',
    '{"sojourn":"1","meta":{},"data":{}}',
    '{"meta":{},"data":{}}',
    '{"sojourn":1,"meta":{},"data":null}',
    '{"sojourn":1,"meta":{},"data":[]}',
    '{"sojourn":1,"meta":{},"data":"a"}',
    '{"sojourn":1,"meta":null,"data":{}}',
    '{"sojourn":1,"meta":[],"data":{}}',
    '{"sojourn":1,"meta":"a","data":{}}',
    '{"sojourn":1,"meta":{},"data":{"a":{"$":["Thing",1]}}}',
    '{"cookie":{"originalMaxAge":null},"user":1}',
    "sojourn-renewed:{}",
    "sealed.AAAA",
  ])("%s", (payload) => {
    expect(() => format.decode(payload)).toThrow();
  });

  test.each(Object.keys(meta))("with a %s of another type", (key) => {
    for (const wrong of [null, [], {}, typeof meta[key as keyof typeof meta] === "string" ? 1 : "1"]) {
      const payload = JSON.stringify({ sojourn: 1, meta: { [key]: wrong }, data: {} });
      expect(() => format.decode(payload)).toThrow("not a session");
    }
  });

  test.each(["Map", "Set", "Date", "bytes", "URL"])("data or meta that is a tagged %s", (tag) => {
    const content = { Map: [], Set: [], Date: 0, bytes: "AAAA", URL: "https://example.com/" }[tag];
    const tagged = JSON.stringify({ $: [tag, content] });
    expect(() => format.decode(`{"sojourn":1,"meta":{},"data":${tagged}}`)).toThrow("not a session");
    expect(() => format.decode(`{"sojourn":1,"meta":${tagged},"data":{}}`)).toThrow("not a session");
  });

  test("cut off anywhere", () => {
    for (let at = 0; at < session.length; at++) expect(() => format.decode(session.slice(0, at))).toThrow();
    expect(() => format.decode(session)).not.toThrow();
    expect(() => format.decode(`${session}}`)).toThrow();
    expect(() => format.decode(`\ufeff${session}`)).toThrow();
  });

  test("nested a million levels deep", () => {
    const [open, close] = ['{"a":'.repeat(1_000_000), "}".repeat(1_000_000)];
    expect(() => format.decode(`{"sojourn":1,"meta":{},"data":${open}1${close}}`)).toThrow();
  });

  test("data of the deepest level decodes and can be encoded", () => {
    const nested = (levels: number): string => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    const payload = (levels: number): string => `{"sojourn":1,"meta":{},"data":${nested(levels)}}`;
    const deepest: Content = format.decode(payload(99));
    expect(format.encode(deepest)).toBe(payload(99));
    expect(() => format.decode(payload(100))).toThrow();
  });
});

describe("decoded lazily", () => {
  const lazily = (payload: string): Content => format.decodeLazily?.(payload) as Content;
  const payloads = {
    "an ordinary session": format.encode({ data: { cart: ["tea"], at: new Date(0) }, meta }),
    "an empty one": format.encode({ data: {}, meta: {} }),
    "a subject that looks like the envelope": format.encode({ data: { a: 1 }, meta: { subject: '},"data":{' } }),
    "data that look like the envelope": format.encode({ data: { a: '},"data":{', data: { data: {} } }, meta }),
    "a dollar sign in the subject": format.encode({ data: { a: new Map([["k", 1n]]) }, meta: { subject: "$" } }),
    "meta of a later version": '{"sojourn":1,"meta":{"created":1,"in":{},"data":{}},"data":{"a":1}}',
    "an envelope of a later version": '{"sojourn":1,"meta":{"created":1},"data":{"a":1},"more":{}}',
    "keys in another order": '{"data":{"a":1},"meta":{},"sojourn":1}',
    "white space": '{"sojourn":1, "meta":{}, "data":{"a":[]}}',
    "the deepest there may be": format.encode({ data: { a: JSON.parse("[".repeat(98) + "]".repeat(98)) }, meta: {} }),
  } as Record<string, string>;

  for (const [name, payload] of Object.entries(payloads)) {
    test(`a session equals the one decoded at once: ${name}`, () => {
      const content = lazily(payload);
      expect(content.meta).toEqual(format.decode(payload).meta);
      expect(content.data).toEqual(format.decode(payload).data);
      expect(Object.getPrototypeOf(content.data)).toBe(Object.prototype);
    });
  }

  test("it returns its payload when nothing changed, and a new one when something did", () => {
    const payload = payloads["an ordinary session"] as string;
    const [unread, read] = [lazily(payload) as LazyContent, lazily(payload) as LazyContent];
    void read.data;
    for (const content of [unread, read]) {
      expect(content.encode(content)).toBe(payload);
      const moved = { ...meta, renewed: 5 };
      expect(content.encode({ data: content.data, meta: moved })).toBe(
        format.encode({ data: format.decode(payload).data, meta: moved }),
      );
      const { seen: _, ...less } = meta;
      expect(content.encode({ data: content.data, meta: less })).not.toContain('"seen"');
    }
    read.data.cart = ["coffee"];
    expect(read.encode(read)).toBe(format.encode({ data: read.data, meta }));
    read.data.cart = new Map() as never;
    expect(read.encode(read)).toContain("Map");
  });

  test("a format based on this one with its own encoding decodes with that", () => {
    const upper: Format = { ...format, decode: (text) => format.decode(String(text).toLowerCase()) };
    const payload = String(format.encode({ data: { a: 1 }, meta: {} })).toUpperCase();
    expect(upper.decodeLazily?.(payload)).toEqual({ data: { a: 1 }, meta: {} });
  });

  test("unused data is not decoded", () => {
    const damaged = (payloads["an ordinary session"] as string).replace('["tea"]', '["tea"');
    const content = lazily(damaged) as LazyContent;
    expect(content.encode(content)).toBe(damaged);
    expect(() => content.data).toThrow("not what a session is stored as");
    expect(() => format.decode(damaged)).toThrow();
  });

  for (const data of ['{"$":["Map",[]]}', '{"$":["bytes","AA"]}', "[]", '{"a":{"$":["what"]}}', "[".repeat(101)]) {
    test(`invalid data throws when it is used, or at once: ${data.slice(0, 20)}`, () => {
      expect(() => lazily(`{"sojourn":1,"meta":{},"data":${data}}`).data).toThrow();
    });
  }

  test("invalid meta throws at once", () => {
    for (const text of ['{"created":"x"}', '{"$":["Map",[]]}', '{"handle":1}', '{"created":1e999}'])
      expect(() => lazily(`{"sojourn":1,"meta":${text},"data":{}}`)).toThrow();
  });
});
