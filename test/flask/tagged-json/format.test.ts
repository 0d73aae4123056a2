/** TaggedJSON: what is read, what is kept as it stood, and what is written as Flask writes it. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { set } from "../../../src/core/record/own-keys.ts";
import { taggedJsonFormat } from "../../../src/flask/tagged-json.ts";
import { anyKey, runs } from "../../property/arbitraries.ts";
import { vectors } from "../cookie/vectors.ts";

const format = taggedJsonFormat();

/** The JSON of a session changed by `change`. */
function changed(json: string, change: (data: Record<string, unknown>) => void): unknown {
  const content = format.decode(json);
  change(content.data);
  return format.encode(content, json);
}

describe("values that Flask wrote", () => {
  const values: Record<string, unknown> = {
    T1: { k: "v" },
    T2: { user_id: 42 },
    T3: { a: 2, b: 1 },
    T5: { t: [1, 2, [3]] },
    T6: { by: Uint8Array.of(0, 255) },
    T7: { m: "<b>x</b>" },
    T8: { u: "12345678-1234-5678-1234-567812345678" },
    T9: { d: new Date("2024-01-02T03:04:05Z") },
    T10: { x: { " t": 1 } },
    T12: {
      _flashes: [
        ["message", "hi"],
        ["error", "no"],
      ],
    },
    T13: { big: "a".repeat(200) },
    T15: { "1": "intkey" },
    T16: { b: 1, a: "é" },
  };

  test.each(vectors)("%s is read, and written the same", (name, json) => {
    expect(format.decode(json).data).toEqual(values[name]);
    expect(changed(json, () => {})).toBe(json);
    expect(changed(json, (data) => Object.assign(data, structuredClone({ ...data })))).toBe(json);
  });

  test("a key that looks like a tag is escaped at the top level as well", () => {
    const json = '{" di":{" u__":1}}';
    expect(format.decode(json).data).toEqual({ " u": 1 });
    expect(format.encode({ data: { " u": 1 }, meta: {} })).toBe(json);
    expect(format.encode({ data: { " u": 1, a: 2 }, meta: {} })).toBe('{" u":1,"a":2}');
  });

  test("Flask-Session-Plus's value in Redis is read, as text and as bytes", () => {
    const json = '{"_permanent":false,"t":{" t":[1,2]},"user_id":5}';
    const octets = new TextEncoder().encode(json);
    const { data, meta } = format.decode(octets);
    expect([data, meta]).toEqual([{ t: [1, 2], user_id: 5 }, { persistent: false }]);
    expect(format.encode({ data, meta }, octets)).toBe(octets);
    data.user_id = 6;
    const next = format.encode({ data, meta }, octets) as Uint8Array;
    expect(new TextDecoder().decode(next)).toBe('{"_permanent":false,"t":{" t":[1,2]},"user_id":6}');
  });
});

describe("a changed session", () => {
  test("keeps each unchanged value, in keys sorted by Python's order", () => {
    const json =
      '{ "z" : {" t": [1.0 , 1e2]}, "n":9007199254740993, "u":{" u":"12345678123456781234567812345678"}, "\\ud83d\\ude00":1, "\\uffee":2}';
    expect(changed(json, (data) => (data.a = 1))).toBe(
      '{"a":1,"n":9007199254740993,"u":{" u":"12345678123456781234567812345678"},"z":{" t": [1.0 , 1e2]},"\\uffee":2,"\\ud83d\\ude00":1}',
    );
  });

  test("keeps the tuples beside a new message", () => {
    const json = '{"_flashes":[{" t":["message","hi"]}]}';
    expect(changed(json, (data) => (data._flashes as unknown[]).push(["info", "new"]))).toBe(
      '{"_flashes":[{" t":["message","hi"]},["info","new"]]}',
    );
  });

  test("keeps a tuple a tuple when an item of it changes, and the rest of an object", () => {
    expect(changed('{"t":{" t":[1,2.0]}}', (data) => ((data.t as number[])[0] = 3))).toBe('{"t":{" t":[3,2.0]}}');
    expect(changed('{"o":{"b":1.0,"a":{" m":"<b>"}}}', (data) => delete (data.o as { b?: 1 }).b)).toBe(
      '{"o":{"a":{" m":"<b>"}}}',
    );
  });

  test("no longer marks text as safe HTML when the text changed", () => {
    expect(changed('{"m":{" m":"<b>"}}', (data) => (data.m = "<script>"))).toBe('{"m":"<script>"}');
  });

  test("is written as Flask writes it", () => {
    const data = {
      z: [null, true, false, 0, -1, 2n ** 70n],
      floats: [1.5, -0, 1e16, 1.5e-5, 0.0001, 123456.75, Number.NaN, Number.POSITIVE_INFINITY],
      text: 'é\u007f\u2028"\\\n\u001f😀',
      bytes: Uint8Array.of(0, 255),
      date: new Date("2024-02-29T12:30:45.678Z"),
      map: new Map<unknown, unknown>([
        [1, "x"],
        [true, 1],
        [null, 2],
        [1.5, 3],
      ]),
      set: new Set([1]),
      gone: undefined,
      tag: { " t": [1], b: 1 },
      one: { " t": [1] },
    };
    expect(format.encode({ data, meta: { persistent: true } })).toBe(
      '{"_permanent":true,"bytes":{" b":"AP8="},"date":{" d":"Thu, 29 Feb 2024 12:30:45 GMT"},' +
        '"floats":[1.5,-0.0,1e+16,1.5e-05,0.0001,123456.75,NaN,Infinity],' +
        '"map":{"1":"x","1.5":3,"null":2,"true":1},"one":{" di":{" t__":[1]}},"set":[1],"tag":{" t":[1],"b":1},' +
        '"text":"\\u00e9\\u007f\\u2028\\"\\\\\\n\\u001f\\ud83d\\ude00","z":[null,true,false,0,-1,1180591620717411303424]}',
    );
  });

  test.each([
    ["session.data.a[0].b", { a: [{ b: () => {} }] }],
    ["session.data.a", { a: new Date(Number.NaN) }],
    ["session.data.a.<key>", { a: new Map([[new Date(0), 1]]) }],
    ["session.data._permanent", { _permanent: 1 }],
  ])("%s is named when it cannot be kept", (path, data) => {
    const error = expect.objectContaining({ code: "ERR_SESSION_NOT_STORABLE", message: expect.stringContaining(path) });
    expect(() => format.encode({ data, meta: {} })).toThrow(error);
  });
});

test("has the subject under its key", () => {
  const one = taggedJsonFormat({ subjectKey: "user_id", subjectType: "integer" });
  const json = '{"user_id":42}';
  const content = one.decode(json);
  expect(content).toEqual({ data: {}, meta: { subject: "42" } });
  expect(one.encode(content, json)).toBe(json);
  expect(one.encode({ data: {}, meta: { subject: "43" } }, json)).toBe('{"user_id":43}');
  expect(one.encode({ data: {}, meta: {} }, json)).toBe("{}");
  expect(() => taggedJsonFormat({ subjectKey: 1 as never })).toThrow(/subjectKey must be/);
});

describe("hostile texts", () => {
  test.each([
    "",
    " ",
    "null",
    "[]",
    '"x"',
    "{",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    '{"a":01}',
    '{"a":1}x',
    '{"a":tru}',
    '{"a":"\n"}',
    '{"a":"\\x41"}',
    '\ufeff{"a":1}',
    '{"a":{" t":1}}',
    '{"a":{" b":"A"}}',
    '{"a":{" b":"A\\u0100=="}}',
    '{"a":{" m":1}}',
    '{"a":{" u":"1234"}}',
    '{"a":{" d":"yesterday"}}',
    '{"a":{" d":"Tue, 32 Jan 2024 03:04:05 GMT"}}',
    '{"a":{" di":1}}',
    '{"a":{" di":{}}}',
    '{"a":{" di":{"x":1}}}',
    `{"a":${"9".repeat(5000)}}`,
    `{"a":${"[".repeat(600)}${"]".repeat(600)}}`,
    `{"a":${"[".repeat(200_000)}`,
    `{"a":${'{" t":['.repeat(300)}`,
  ])("are no session: %.40s", (json) => {
    expect(() => format.decode(json)).toThrow();
  });

  test("are not quoted in the error", () => {
    expect(() => format.decode('{"token":"hunter2"')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hunter2") }),
    );
  });

  test("with keys special in JavaScript have ordinary keys", () => {
    const json = '{"__proto__":{"__proto__":1},"constructor":2,"2":3,"1":4}';
    const { data } = format.decode(json);
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    expect(Object.keys(data)).toEqual(["1", "2", "__proto__", "constructor"]);
    expect(Object.keys(Reflect.get(data, "__proto__") as object)).toEqual(["__proto__"]);
    expect(changed(json, () => {})).toBe(json);
  });

  test("with half of a surrogate pair, as Python's JSON has it, can be compared and taken", () => {
    const json = '{"a":"\\ud800","b":{"\\udc00":1}}';
    const { data } = format.decode(json);
    expect(format.encodeValue(data.a, "a")).toBe('"\\ud800"');
    expect(format.encodeValue(data.b, "b")).toBe('{"\\udc00":1}');
    expect(changed(json, (data) => (data.c = 1))).toBe(json.replace("}}", '},"c":1}'));
    expect(() => changed(json, (data) => (data.c = "\ud801"))).toThrow("it holds half of a surrogate pair");
  });

  test("with a duplicate key use the last one", () => {
    const json = '{"a":1,"a":2,"b":{" t":[1]," t":[2]}}';
    expect(format.decode(json).data).toEqual({ a: 2, b: [2] });
    expect(changed(json, () => {})).toBe(json);
    expect(changed(json, (data) => (data.c = 1))).toBe('{"a":2,"b":{" t":[1]," t":[2]},"c":1}');
  });

  test("with long texts and keys with escapes are read unchanged", () => {
    const text = "x\\n".repeat(500_000);
    expect((format.decode(`{"\\u005ca":"${text}"}`).data["\\a"] as string).length).toBe(1_000_000);
  });

  test("of random characters are a session or an error", () => {
    const parts = fc.constantFrom(
      ...'{}[],:" \\u0_1-.eE'.split(""),
      '" t"',
      '" di"',
      '" t__"',
      "true",
      "NaN",
      '"a"',
      "\ud800",
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 25 }), (all) => {
        const json = `{${all.join("")}}`;
        let content: ReturnType<typeof format.decode>;
        try {
          content = format.decode(json);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        expect(format.encode(content, json)).toBe(json);
      }),
      runs(3000),
    );
  });
});

test("have keys in the order of code points", () => {
  const key = fc.string({ unit: fc.constantFrom("a", "b", "é", "\ud7ff", "\ue000", "\uffee", "😀", "\u{10ffff}") });
  fc.assert(
    fc.property(fc.uniqueArray(key, { minLength: 2 }), (keys) => {
      const text = format.encode({ data: { all: Object.fromEntries(keys.map((one) => [one, 1])) }, meta: {} });
      const written = [...String(text).matchAll(/("[^"]*"):1/g)].map(([, literal]) => JSON.parse(literal as string));
      const points = (one: string): string =>
        [...one].map((c) => c.codePointAt(0)?.toString(16).padStart(6, "0")).join();
      expect(written).toEqual([...keys].sort((a, b) => (points(a) < points(b) ? -1 : 1)));
    }),
    runs(300),
  );
});

test("decode to what was encoded, and encode to the same text", () => {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: "grapheme" }),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
      fc.uint8Array({ maxLength: 5 }),
      fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map((seconds) => new Date(seconds * 1000)),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(
          anyKey.filter((key) => !/\p{Surrogate}/u.test(key)),
          fc.constantFrom(" t", " di", " b"),
        ),
        tie("tree"),
        { maxKeys: 3 },
      ),
    ),
  }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: "grapheme" }), tree)), (entries) => {
      const data: Record<string, unknown> = {};
      for (const [key, value] of entries) if (key !== "_permanent") set(data, key, value);
      const payload = format.encode({ data, meta: {} });
      const content = format.decode(payload);
      expect(content.data).toEqual(data);
      expect(format.encode(content, payload)).toBe(payload);
    }),
    runs(300),
  );
});
