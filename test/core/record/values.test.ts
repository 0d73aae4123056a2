/** Values as text: what comes back as it went, what is refused by its path, and graphs that have no end. */

import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { SessionError } from "../../../src/core/contracts/errors.ts";
import { notStorable, parse, pathOf, stringify } from "../../../src/core/record/values.ts";

const full = { depth: Number.POSITIVE_INFINITY, maxArrayLength: null, maxStringLength: null };

/** A value as one can see it: `inspect` tells -0 from 0, an own `__proto__` from a prototype, bytes from a list. */
const show = (value: unknown): string => inspect(value, full);
const brief = (value: unknown): string => inspect(value, { breakLength: Number.POSITIVE_INFINITY }).slice(0, 80);
const roundTrip = (value: unknown): unknown => parse(stringify(value, "x"));
const own = (key: string, value: unknown): object =>
  Object.defineProperty({}, key, { value, enumerable: true, writable: true, configurable: true });

describe("round trip", () => {
  const values: unknown[] = [
    null,
    undefined,
    true,
    "",
    "a\u0000\u2028\ud800\udc00\ud800 \udfff",
    0,
    -0,
    1.5,
    -1e-7,
    5e-324,
    Number.MAX_SAFE_INTEGER,
    Number.MAX_VALUE,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0n,
    -(2n ** 70n),
    new Date(0),
    new Date(-8.64e15),
    new Date(Number.NaN),
    new URL("https://user:p%20w@example.com:8080/a%2Fb/../c?q=%F0%9F%98%80#h"),
    new URL("data:text/plain,hello  world"),
    new URL("file:///C:/x"),
    new Uint8Array(),
    Uint8Array.from({ length: 256 }, (_, i) => i),
    [],
    [undefined, null, -0, [[]]],
    {},
    { a: { b: { c: [1, { d: null }] } } },
    { $: 1 },
    { $: ["Date", 0] },
    { $: { $: { $: ["Map", []] } } },
    [{ $: ["undefined"] }],
    { "": 1, " ": 2, "a.b": 3, "\ud800": 4, 0: 5, "-1": 6 },
    own("__proto__", { polluted: true }),
    own("__proto__", new Date(0)),
    { a: own("__proto__", own("__proto__", null)) },
    { constructor: { prototype: { polluted: true } }, hasOwnProperty: 1, toString: 2, valueOf: 3 },
    { toJSON: "text", length: 3 },
    { cookie: { originalMaxAge: 1 }, sojourn: 1, data: {}, meta: {} },
    new Map(),
    new Map<unknown, unknown>([
      ["a", 1],
      [1, "a"],
      [{ k: 1 }, new Map([[new Date(0), new Set([1n])]])],
      [Number.NaN, Number.NaN],
      [undefined, undefined],
      [null, [undefined]],
      ["__proto__", "x"],
    ]),
    new Set(),
    new Set([1, "1", new Set([new Set()]), undefined, Number.NaN, { $: 1 }]),
  ];

  test.each(values.map((value) => [brief(value), value]))("%s", (_, value) => {
    const text = stringify(value, "x");
    expect(show(parse(text))).toBe(show(value));
    expect(stringify(parse(text), "x")).toBe(text);
    expect(() => JSON.parse(text)).not.toThrow();
  });

  test("a key that needs an escape is kept, although V8 misreads it after a key that begins with a backslash", () => {
    // https://github.com/nodejs/node/issues/63785
    const keys = ['"', "\n", "\u0001", "\\", "\ud800", "\udfffx", '\\"', "\\n"];
    for (const [at, key] of keys.entries()) {
      const first = `first${at}`;
      for (const poison of ["\\\\", "\\\\n", "\\\\u"]) JSON.parse(`{"${first}":1,"${poison}":2}`);
      const value = { [first]: 1, [key]: 2 };
      expect(Object.keys(roundTrip(value) as object)).toEqual([first, key]);
      expect(Object.keys(roundTrip({ ...value, when: new Date(0) }) as object)).toEqual([first, key, "when"]);
      expect(Object.keys((roundTrip([[value]]) as object[][])[0]?.[0] ?? {})).toEqual([first, key]);
    }
    expect(stringify({ 'a"b': 1 }, "x")).toBe('{"$":["Object",[["a\\"b",1]]]}');
    expect(stringify({ é: 'a"b\\', "😀": 1 }, "x")).toBe('{"é":"a\\"b\\\\","😀":1}');
  });

  test("one object in two places becomes two equal objects", () => {
    const one = { a: 1 };
    const [first, second] = roundTrip([one, one]) as [object, object];
    expect(first).toEqual(second);
    expect(first).not.toBe(second);
  });

  test("objects without a prototype, or of another realm, become plain objects", () => {
    expect(show(roundTrip(Object.assign(Object.create(null), { a: 1, d: new Date(0) })))).toBe(
      show({ a: 1, d: new Date(0) }),
    );
    expect(show(roundTrip(runInNewContext("({ a: [1, { b: 2 }], n: -0 })")))).toBe(show({ a: [1, { b: 2 }], n: -0 }));
  });

  test("built-in types of another realm keep their type", () => {
    const made = 'new Map([[new Date(5), new Set([1n])], ["b", new Uint8Array([1, 2])]])';
    expect(show(roundTrip(runInNewContext(made)))).toBe(
      show(
        new Map<unknown, unknown>([
          [new Date(5), new Set([1n])],
          ["b", new Uint8Array([1, 2])],
        ]),
      ),
    );
  });

  test("a Buffer, and a view of a larger buffer, become those bytes", () => {
    expect(show(roundTrip(Buffer.from("abc")))).toBe(show(Uint8Array.from([97, 98, 99])));
    expect(show(roundTrip(Buffer.from("-abc-").subarray(1, 4)))).toBe(show(Uint8Array.from([97, 98, 99])));
  });

  test("a hole in an array becomes undefined", () => {
    // biome-ignore lint/suspicious/noSparseArray: the hole is the point
    expect(show(roundTrip([1, , 3]))).toBe(show([1, undefined, 3]));
  });

  test("properties that are undefined, or have symbol keys, are dropped", () => {
    const value = { a: undefined, b: 1, c: { d: undefined }, [Symbol("s")]: 1 };
    expect(stringify(value, "x")).toBe('{"b":1,"c":{}}');
    expect(stringify({ ...value, e: new Date(0) }, "x")).toBe('{"b":1,"c":{},"e":{"$":["Date",0]}}');
  });

  test("a hundred levels of every kind of nesting come back", () => {
    const nest = (wrap: (inner: unknown) => unknown, levels: number): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = wrap(value);
      return value;
    };
    const wraps: ((inner: unknown) => unknown)[] = [
      (inner) => ({ a: inner }),
      (inner) => [inner],
      (inner) => new Map([[1, inner]]),
      (inner) => new Map([[inner, 1]]),
      (inner) => new Set([inner]),
      (inner) => ({ $: inner }),
      (inner) => own("__proto__", inner),
    ];
    for (const wrap of wraps) {
      const value = nest(wrap, 100);
      expect(show(roundTrip(value))).toBe(show(value));
      const error = errorOf(nest(wrap, 101));
      expect(error.message).toMatch(/ cannot be stored: it is nested deeper than 100 levels$/);
    }
  });
});

function errorOf(value: unknown, path = "session.data"): SessionError {
  try {
    stringify(value, path);
  } catch (error) {
    if (error instanceof SessionError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("is refused with its path", () => {
  class User {
    name = "Ada";
  }
  class Money extends Date {}
  class Stack extends Array {}
  class Lookup extends Map {}
  class Pretender {
    get [Symbol.toStringTag](): string {
      return "Map";
    }
  }
  const keeps =
    "and a session keeps plain objects, arrays, strings, numbers, booleans, null, Date, Map, Set, BigInt, URL and Uint8Array";
  const cases: [string, unknown, string][] = [
    ["a function", () => 1, "received a function"],
    ["a named function", parse, "received a function named parse"],
    ["a class", User, "received a function named User"],
    ["a symbol", Symbol("s"), "received a symbol"],
    ["an instance of a class", new User(), "received an instance of User"],
    ["an instance of a class without a name", new (class {})(), "received an object"],
    ["a RegExp", /x/, "received an instance of RegExp"],
    ["an Error", new RangeError("x"), "received an instance of RangeError"],
    ["a Promise", Promise.resolve(1), "received an instance of Promise"],
    ["a WeakMap", new WeakMap(), "received an instance of WeakMap"],
    ["a WeakSet", new WeakSet(), "received an instance of WeakSet"],
    ["a String object", Object("x"), "received an instance of String"],
    ["a Float64Array", new Float64Array(1), "received an instance of Float64Array"],
    ["an ArrayBuffer", new ArrayBuffer(1), "received an instance of ArrayBuffer"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "received an instance of DataView"],
    ["URLSearchParams", new URLSearchParams("a=1"), "received an instance of URLSearchParams"],
    ["a generator", (function* () {})(), "received an object with a prototype of its own"],
    ["a WeakRef", new WeakRef({}), "received an instance of WeakRef"],
    [
      "an object with a prototype of its own",
      Object.create({ a: 1 }),
      "received an object with a prototype of its own",
    ],
    [
      "an object that inherits from one without prototype",
      Object.create(Object.assign(Object.create(null), { a: 1 })),
      "received an object with a prototype of its own",
    ],
    ["a Date of a derived class", new Money(), "received an instance of Money"],
    ["an array of a derived class", Stack.of(1, 2), "received an instance of Stack"],
    ["a Map of a derived class", new Lookup(), "received an instance of Lookup"],
    ["a class that calls itself a Map", new Pretender(), "received an instance of Pretender"],
  ];

  test.each([
    ["an array of plain values", Object.assign([1, 2], { note: 1 })],
    ["an array with a hole", Object.assign(new Array(3), { note: 1 })],
    ["an array that holds a Date", Object.assign([new Date(0)], { note: 1 })],
    ["a Date", Object.assign(new Date(0), { note: 1 })],
    ["a Map", Object.assign(new Map([["a", 1]]), { note: 1 })],
    ["a Set", Object.assign(new Set([1]), { note: 1 })],
  ])("a property set on %s", (_, value) => {
    const { code, message } = errorOf({ a: [value] });
    expect(code).toBe("ERR_SESSION_NOT_STORABLE");
    expect(message).toContain('session.data.a[0] cannot be stored: it has the property "note" of its own');
  });

  test.each(cases)("%s", (_, value, got) => {
    for (const [data, path] of [
      [value, "session.data"],
      [{ a: [{ "b c": value }] }, 'session.data.a[0]["b c"]'],
      [new Map([["k", new Set([value])]]), 'session.data.get("k").<item>'],
      [{ d: new Date(0), m: new Map([[value, 1]]) }, "session.data.m.<key>"],
    ] as const) {
      const error = errorOf(data);
      expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE", status: 500 });
      expect(error.message).toBe(`${path} cannot be stored: ${got}, ${keeps}`);
    }
  });

  test("an object, array, Map or Set that contains itself, near or far", () => {
    const object: Record<string, unknown> = {};
    object["self"] = object;
    expect(errorOf(object).message).toBe("session.data.self cannot be stored: it contains itself");
    const array: unknown[] = [1];
    array.push({ back: array });
    expect(errorOf({ array }).message).toBe("session.data.array[1].back cannot be stored: it contains itself");
    const map = new Map<string, unknown>();
    map.set("m", new Set([map]));
    expect(errorOf(map).message).toBe('session.data.get("m").<item> cannot be stored: it contains itself');
  });

  test("a property whose getter throws lets that error out", () => {
    const value = Object.defineProperty({}, "x", { enumerable: true, get: () => [].at(0)!["x"] });
    expect(() => stringify(value, "x")).toThrow(TypeError);
  });

  test("long and odd keys are cut and quoted, so that no message is as long as the data", () => {
    const key = "k".repeat(10_000);
    expect(errorOf({ [key]: parse }).message).toContain(`session.data["${"k".repeat(40)}…"] cannot be stored`);
    expect(errorOf(new Map([[key, parse]])).message).toContain(`session.data.get("${"k".repeat(40)}…") cannot`);
    expect(pathOf("p", "a-b")).toBe('p["a-b"]');
    expect(pathOf("p", "")).toBe('p[""]');
    expect(pathOf("p", "a$_1")).toBe("p.a$_1");
    expect(pathOf("p", "__proto__")).toBe("p.__proto__");
    expect(notStorable("p", 1, "so").message).toBe("p cannot be stored: so");
  });
});

// A text of 2 to the power of 90 values would not be done before the test times out.
describe("a graph that would become endless text is refused", () => {
  /** Each level refers to the next twice: 2 to the power of `levels` values. */
  const doubling = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
    let value: unknown = {};
    for (let i = 0; i < levels; i++) value = wrap(value);
    return value;
  };
  const wraps: [string, (inner: unknown) => unknown][] = [
    ["objects", (inner) => ({ a: inner, b: inner })],
    ["Maps", (inner) => new Map([[inner, inner]])],
  ];

  test.each(wraps)("with %s that refer to one another twice", (_, wrap) => {
    const { message, code } = errorOf(doubling(90, wrap));
    expect(code).toBe("ERR_SESSION_NOT_STORABLE");
    expect(message).toMatch(
      /^session\.data.* cannot be stored: (the session holds more than 1000000 values|it is nested)/,
    );
  });

  test("with cycles on two branches", () => {
    const value: Record<string, unknown> = {};
    for (const key of ["a", "b", "c"]) value[key] = value;
    expect(errorOf(value).message).toBe("session.data.a cannot be stored: it contains itself");
  });

  test("only beyond a million values: sharing alone is accepted, and the message names the limit", () => {
    const shared = { a: Array.from({ length: 9 }, (_, i) => i) };
    const many = Array.from({ length: 10_000 }, () => shared);
    expect(roundTrip(many)).toEqual(many);
    const text = stringify(
      Array.from({ length: 999_999 }, () => 1),
      "x",
    );
    expect(text.length).toBe(1_999_999);
    expect(errorOf(Array.from({ length: 1_000_000 }, () => 1)).message).toBe(
      "session.data[999999] cannot be stored: the session holds more than 1000000 values",
    );
  });

  test("and the next one is stored", () => {
    expect(() =>
      stringify(
        doubling(90, (inner) => [inner, inner]),
        "x",
      ),
    ).toThrow(SessionError);
    expect(stringify([1, new Date(0)], "x")).toBe('[1,{"$":["Date",0]}]');
  });
});

describe("invalid text", () => {
  test.each([
    "",
    "{",
    "undefined",
    "{'a':1}",
    '{"a":1}}',
    '{"$":["Function","return 1"]}',
    '{"$":["RegExp","x"]}',
    '{"$":["date",0]}',
    '{"$":["__proto__",0]}',
    '{"$":["constructor","x"]}',
    '{"$":[]}',
    '{"$":null}',
    '{"$":1}',
    '{"$":{}}',
    '{"$":"Date"}',
    '{"$":["Map"]}',
    '{"$":["Map",1]}',
    '{"$":["Map",[1]]}',
    '{"$":["Map",null]}',
    '{"$":["Map",{"a":1}]}',
    '{"$":["Map","ab"]}',
    '{"$":["Set","ab"]}',
    '{"$":["Set",{"a":1}]}',
    '{"$":["Object",[null]]}',
    '{"$":["Object",{"a":1}]}',
    '{"$":["Object",[[["__proto__"],{"polluted":1}]]]}',
    '{"$":["Object",[[1,1]]]}',
    '{"$":["BigInt","x"]}',
    '{"$":["BigInt",1.5]}',
    '{"$":["BigInt"]}',
    '{"$":["URL","/relative"]}',
    '{"$":["URL"]}',
    '{"$":["bytes","A"]}',
    '{"$":["bytes","AA=="]}',
    '{"$":["bytes","+/+/"]}',
    '{"$":["bytes"]}',
    '{"$":["bytes",5]}',
    '{"$":["bytes",{"length":4000000000}]}',
    '{"$":["BigInt",1]}',
    '{"$":["BigInt",true]}',
    '{"$":["number",null]}',
    '{"$":["URL",["https://example.com/"]]}',
    '{"a":[{"b":{"$":["nothing of ours"]}}]}',
  ])("%s is a SyntaxError that does not repeat it", (text) => {
    expect(() => parse(text)).toThrow(new SyntaxError("not what a session is stored as"));
  });

  test("is not quoted in the error", () => {
    for (const text of ['{"oauth":hunter2}', '{"$":["BigInt","hunter2"]}', '{"$":["URL","hunter2"]}']) {
      try {
        parse(text);
        expect.unreachable();
      } catch (error) {
        expect(inspect(error)).not.toContain("hunter2");
      }
    }
  });

  test("that is nested deeper than can be written is refused", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    // One level more than values have, for the envelope.
    expect(() => parse(nested(101))).not.toThrow();
    expect(() => parse(nested(102))).toThrow(SyntaxError);
    expect(() => parse(`${'{"a":'.repeat(102)}1${"}".repeat(102)}`)).toThrow(SyntaxError);
    expect(() => parse(`${'{"$":["Set",['.repeat(102)}${"]]}".repeat(102)}`)).toThrow(SyntaxError);
    expect(() => parse(nested(1_000_000))).toThrow(SyntaxError);
    expect(() => parse(`${'{"$":["Set",['.repeat(300_000)}${"]]}".repeat(300_000)}`)).toThrow(SyntaxError);
  });

  test("with an own __proto__ changes no prototype", () => {
    for (const text of [
      '{"__proto__":{"polluted":1}}',
      '{"a":{"__proto__":{"polluted":1},"d":{"$":["Date",0]}}}',
      '{"__proto__":{"$":["Map",[]]}}',
      '{"$":["Object",[["__proto__",{"polluted":1}],["$",1]]]}',
      '{"constructor":{"prototype":{"polluted":1}}}',
    ]) {
      const value = parse(text) as Record<string, unknown>;
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    }
  });
});
