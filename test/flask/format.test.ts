/** The records of Flask-Session beyond the vectors: what is kept, what is rewritten, what is refused. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SessionError } from "../../src/core/contracts/errors.ts";
import type { Content, Format, Payload } from "../../src/core/contracts/format.ts";
import { flaskFormat, MsgpackExt, pickleFormat, taggedJsonFormat } from "../../src/flask.ts";
import { anyText, runs } from "../property/arbitraries.ts";

const msgpack = flaskFormat();
const json = flaskFormat({ format: "json" });
const both = [
  ["msgpack", msgpack],
  ["json", json],
] as const;
const hex = (payload: unknown): string => Buffer.from(payload as Uint8Array).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Payload): string => (typeof payload === "string" ? payload : new TextDecoder().decode(payload));

/** What a change of a session makes of its payload. */
function changed(format: Format, payload: Payload, change: (data: Record<string, never>) => void): Payload {
  const content = format.decode(payload);
  change(content.data as Record<string, never>);
  return format.encode(content, payload);
}

describe("unchanged data keeps its bytes", () => {
  // Over-long forms of everything: str32, array32, map32, uint64, float32, timestamp 96, an unknown extension.
  const odd =
    "df00000004db000000016bdd00000002cf0000000000000001ca3fc00000a174c70cff000000000000000000000001a178c70105ffa16dde0001d90161d0ff";

  test("also in forms that msgspec would not choose", () => {
    const payload = bytes(odd);
    const { data } = msgpack.decode(payload);
    expect({ ...data }).toEqual({
      k: [1, 1.5],
      t: new Date(1000),
      x: new MsgpackExt(5, new Uint8Array([255])),
      m: { a: -1 },
    });
    expect(msgpack.encode(msgpack.decode(payload), payload)).toBe(payload);
    expect(hex(changed(msgpack, payload, (data) => delete data["m"]))).toBe(`83${odd.slice(10, -20)}`);
  });

  test("also inside of changed values", () => {
    const payload = bytes("81a17583a169cb3ff0000000000000a174d7ffa1dcd42065937d25a16ea161");
    const next = changed(msgpack, payload, ({ u }: Record<string, Record<string, unknown>>) => {
      u!["n"] = "b";
    });
    expect(hex(next)).toBe("81a17583a169cb3ff0000000000000a174d7ffa1dcd42065937d25a16ea162");
  });

  test("with whitespace, escapes, and numbers as written", () => {
    const payload = utf8('\n{ "a\\u0062" : [1.0, 1E+2 ,  "\\u00e9\\/" ],\t"n":{"x" :-0 }, "k": 1 } ');
    const content = json.decode(payload);
    expect({ ...content.data }).toEqual({ ab: [1, 100, "é/"], n: { x: 0 }, k: 1 });
    expect(json.encode(content, payload)).toBe(payload);
    expect(text(changed(json, payload, (data) => Object.assign(data, { k: 2, z: 1.5 })))).toBe(
      '{"a\\u0062":[1.0, 1E+2 ,  "\\u00e9\\/" ],"n":{"x" :-0 },"k":2,"z":1.5}',
    );
    expect(
      text(
        changed(json, payload, ({ ab }: Record<string, unknown[]>) => {
          ab!.push(1);
        }),
      ),
    ).toBe('{"a\\u0062":[1.0,1E+2,"\\u00e9\\/",1],"n":{"x" :-0 },"k": 1}'.replace('"k": 1', '"k":1'));
  });

  test("of a duplicate key the last counts; both stay until something changes", () => {
    for (const [format, payload] of [
      [msgpack, bytes("83a16101a16209a16102")],
      [json, utf8('{"a":1,"b":9,"a":2}')],
    ] as const) {
      const content = format.decode(payload);
      expect({ ...content.data }).toEqual({ a: 2, b: 9 });
      expect(format.encode(content, payload)).toBe(payload);
      const next = changed(format, payload, (data) => Object.assign(data, { c: 3 }));
      expect(Object.entries(format.decode(next).data)).toEqual([
        ["a", 2],
        ["b", 9],
        ["c", 3],
      ]);
      expect(next.length).toBe(format === json ? '{"a":2,"b":9,"c":3}'.length : 10);
    }
  });

  test("keys are in Python's order, also those that look like numbers", () => {
    const payload = utf8('{"10":1,"9":{"2":1,"1":2},"b":1,"a":2}');
    const content = json.decode(payload);
    expect(json.encode(content, payload)).toBe(payload);
    expect(text(changed(json, payload, (data) => Object.assign(data, { a: 3 })))).toBe(
      '{"10":1,"9":{"2":1,"1":2},"b":1,"a":3}',
    );
    const reordered = utf8('{"o":{"b":1,"a":2}}');
    expect(text(changed(json, reordered, (data) => Object.assign(data, { o: { a: 2, b: 1 } })))).toBe(
      '{"o":{"a":2,"b":1}}',
    );
  });

  test("setting an equal value is no change, also one that only Python can tell apart", () => {
    const payload = bytes("82a166cb3ff0000000000000a16c9101");
    expect(changed(msgpack, payload, (data) => Object.assign(data, { f: 1, l: new Set([1]) }))).toBe(payload);
    expect(hex(changed(msgpack, payload, (data) => Object.assign(data, { f: 2 })))).toBe("82a16602a16c9101");
    expect(hex(changed(msgpack, bytes("81a16600"), (data) => Object.assign(data, { f: -0 })))).toBe(
      "81a166cb8000000000000000",
    );
  });

  test("__proto__ is an ordinary key", () => {
    for (const [format, payload] of [
      [msgpack, bytes("81a95f5f70726f746f5f5f81a95f5f70726f746f5f5f01")],
      [json, utf8('{"__proto__":{"__proto__":1}}')],
    ] as const) {
      const content = format.decode(payload);
      expect(Object.keys(content.data)).toEqual(["__proto__"]);
      const inner = Reflect.get(content.data, "__proto__") as object;
      expect(Object.entries(inner)).toEqual([["__proto__", 1]]);
      expect(Object.getPrototypeOf(inner)).toBe(Object.prototype);
      expect(format.encode(content, payload)).toBe(payload);
      expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
    }
  });

  test("a changed value does not change the original it is compared with", () => {
    const payload = bytes("83a162c40101a164d6ff00000001a16c9101");
    const content = msgpack.decode(payload) as Content & { data: { b: Uint8Array; d: Date; l: number[] } };
    content.data.b[0] = 2;
    content.data.d.setTime(2000);
    content.data.l.push(2);
    expect(hex(msgpack.encode(content, payload))).toBe("83a162c40102a164d6ff00000002a16c920102");
    expect(hex(payload)).toBe("83a162c40101a164d6ff00000001a16c9101");
  });
});

describe("values that the application sets", () => {
  test.each<[unknown, string, string]>([
    [undefined, "80", "{}"],
    [{ a: undefined, b: 1 }, "81a17681a16201", '{"v":{"b":1}}'],
    [[undefined, null, 1], "81a17693c0c001", '{"v":[null,null,1]}'],
    [new Set(["a"]), "81a17691a161", '{"v":["a"]}'],
    [new Map([[1.5, 1]]), "81a17681cb3ff800000000000001", '{"v":{"1.5":1}}'],
    [Buffer.from("a"), "81a176c40161", '{"v":"YQ=="}'],
    [5n, "81a17605", '{"v":5}'],
    [1e300, "81a176cb7e37e43c8800759c", '{"v":1e300}'],
    [Number.NaN, "81a176cb7ff8000000000000", '{"v":null}'],
    [Object.assign(Object.create(null), { a: 1 }), "81a17681a16101", '{"v":{"a":1}}'],
  ])("%o", (v, asMsgpack, asJson) => {
    expect(hex(msgpack.encode({ data: { v }, meta: {} }))).toBe(asMsgpack);
    expect(text(json.encode({ data: { v }, meta: {} }))).toBe(asJson);
  });

  test.each([
    [0, "c70005"],
    [1, "d405"],
    [2, "d505"],
    [3, "c70305"],
    [4, "d605"],
    [8, "d705"],
    [16, "d805"],
    [300, "c8012c05"],
  ])("may be an extension of %i octets", (length, head) => {
    const ext = new MsgpackExt(5, new Uint8Array(length).fill(7));
    const body = head + "07".repeat(length);
    expect(hex(msgpack.encode({ data: { v: ext }, meta: {} }))).toBe(`81a176${body}`);
    expect(msgpack.decode(bytes(`81a176${body}`)).data["v"]).toEqual(ext);
  });

  class Cart {}
  const cyclic: unknown[] = [];
  cyclic.push({ again: cyclic });
  let deep: unknown = 1;
  for (let i = 0; i < 600; i++) deep = [deep];
  let wide: unknown = 1;
  for (let i = 0; i < 60; i++) wide = [wide, wide];
  test.each<[unknown, RegExp]>([
    [() => 1, /^session\.data\.v cannot be stored: received a function, and Flask-Session keeps/],
    [{ a: [Symbol("x")] }, /^session\.data\.v\.a\[0\] cannot be stored: received a symbol/],
    [new Cart(), /^session\.data\.v cannot be stored: received an instance of Cart/],
    [{ u: new URL("http://x/") }, /^session\.data\.v\.u cannot be stored: received an instance of URL/],
    [new Map([["k", /x/]]), /^session\.data\.v\.k cannot be stored: received an instance of RegExp/],
    [
      new Map([[{}, 1]]),
      /^session\.data\.v\.<key> cannot be stored: received an object, which cannot be a key in Python/,
    ],
    [new Set([() => 1]), /^session\.data\.v\.<item> cannot be stored/],
    [["\ud800"], /^session\.data\.v\[0\] cannot be stored: it holds half of a surrogate pair/],
    [{ "\ud800": 1 }, /^session\.data\.v\.<key> cannot be stored: it holds half of a surrogate pair/],
    [new Date(Number.NaN), /^session\.data\.v cannot be stored: it is no instant of the years 1 to 9999/],
    [new Date(8.64e15), /^session\.data\.v cannot be stored: it is no instant/],
    [cyclic, /^session\.data\.v\[0\]\.again cannot be stored: it contains itself/],
    [deep, /^session\.data\.v(\[0\])+ cannot be stored: it is nested deeper than 500 levels/],
    [wide, /cannot be stored: the session holds more than 1000000 values/],
  ])("that cannot be said are an error that names the path", (v, message) => {
    for (const [, format] of both) {
      const attempt = (): unknown => format.encode({ data: { v }, meta: {} });
      expect(attempt).toThrow(SessionError);
      expect(attempt).toThrow(message);
      expect(() => format.encodeValue(v, "session.data.v")).toThrow(message);
    }
  });

  test("may be a type that only one of the formats has", () => {
    const encode = (format: Format, v: unknown) => () => format.encode({ data: { v: { a: [v] } }, meta: {} });
    expect(encode(msgpack, 2n ** 64n)).toThrow(
      "session.data.v.a[0] cannot be stored: it is an integer of more than 64",
    );
    expect(encode(msgpack, -(2n ** 63n) - 1n)).toThrow("it is an integer of more than 64 bits");
    expect(encode(json, 2n ** 70n)).not.toThrow();
    expect(encode(json, new MsgpackExt(5, new Uint8Array()))).toThrow("session.data.v.a[0] cannot be stored: it is a");
    expect(encode(json, new Map([[true, 1]]))).toThrow("session.data.v.a[0].<key> cannot be stored");
    expect(encode(msgpack, new Map([[[{}], 1]]))).toThrow("session.data.v.a[0].<key> cannot be stored");
  });

  test("may have a key that is half of a surrogate pair, or Flask's own key", () => {
    expect(() => msgpack.encode({ data: { "\ud800": 1 }, meta: {} })).toThrow("it holds half of a surrogate pair");
    expect(() => msgpack.encode({ data: { _permanent: true }, meta: {} })).toThrow(
      "session.data._permanent cannot be stored: the key is Flask's own here; session.persistent says it",
    );
  });
});

describe("the subject under Flask's key", () => {
  const login = flaskFormat({ subjectKey: "_user_id" });

  test("is session.subject, and not in the data", () => {
    const payload = bytes("82a85f757365725f6964a137a16b01");
    const content = login.decode(payload);
    expect(content.meta).toEqual({ subject: "7" });
    expect({ ...content.data }).toEqual({ k: 1 });
    expect(login.encode(content, payload)).toBe(payload);
    content.meta.subject = "8";
    expect(hex(login.encode(content, payload))).toBe("82a85f757365725f6964a138a16b01");
    delete content.meta.subject;
    expect(hex(login.encode(content, payload))).toBe("81a16b01");
    expect(() => login.encode({ data: { _user_id: "9" }, meta: {} })).toThrow(
      "session.data._user_id cannot be stored: the key is Flask's own here; session.login() sets it",
    );
  });

  test("is added by a login", () => {
    expect(hex(login.encode({ data: { k: 1 }, meta: { subject: "7", persistent: true } }))).toBe(
      "83aa5f7065726d616e656e74c3a85f757365725f6964a137a16b01",
    );
  });

  test("may be an integer", () => {
    const integers = flaskFormat({ subjectKey: "id", subjectType: "integer" });
    for (const format of [integers, flaskFormat({ subjectKey: "id" })])
      expect(format.decode(bytes("81a269642a")).meta).toEqual({ subject: "42" });
    expect(hex(integers.encode({ data: {}, meta: { subject: "43" } }))).toBe("81a269642b");
    expect(() => integers.encode({ data: {}, meta: { subject: "ada" } })).toThrow(
      'session.data cannot be stored: the subject is no integer, and subjectType is "integer"',
    );
  });

  test.each(["c0", "c2", "90", "a0", `dac900${"78".repeat(0xc900)}`])("is absent when it is %.10s", (value) => {
    const payload = bytes(`82a85f757365725f6964${value}a16b01`);
    const content = login.decode(payload);
    expect(content.meta).toEqual({});
    expect(login.encode(content, payload)).toBe(payload);
    content.data["k"] = 2;
    expect(hex(login.encode(content, payload))).toBe(`${hex(payload).slice(0, -2)}02`);
  });

  test("is only data without that option", () => {
    const content = msgpack.decode(bytes("81a85f757365725f6964a137"));
    expect(content.meta).toEqual({});
    expect({ ...content.data }).toEqual({ _user_id: "7" });
  });
});

describe("records in another format", () => {
  const pickled = bytes("8004951f000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a752e");

  test.each(both)("a pickle, for %s: kept until something changes", (_, format) => {
    const content = format.decode(pickled);
    expect(content).toEqual({ data: { user_id: 42 }, meta: { persistent: true } });
    expect(format.encode(content, pickled)).toBe(pickled);
    content.data["k"] = "v";
    const next = format.encode(content, pickled);
    expect(format.encode(format.decode(next), next)).toBe(next);
    expect(format === json ? text(next) : hex(next)).toBe(
      format === json
        ? '{"_permanent":true,"user_id":42,"k":"v"}'
        : "83aa5f7065726d616e656e74c3a7757365725f69642aa16ba176",
    );
  });

  test("a pickle of dates, floats, sets and decimals keeps their types when rewritten", () => {
    const dates = bytes(
      "8004953e010000000000007d94288c016294430200ff948c026474948c086461746574696d65948c086461746574696d65949394430a07e801020304050a5bf59468048c0874696d657a6f6e6594939468048c0974696d6564656c74619493944b004b004b008794529485945294869452948c03647473946806430a07e8010203040500000094680f869452948c0364746e946806430a07e8010203040500000094859452948c04646174659468048c0464617465949394430407e8010294859452948c02746494680b4b014d201c4b00879452948c0175948c0475756964948c04555549449493942981947d948c03696e74948a107856341278563412785634127856341273628c03646563948c07646563696d616c948c07446563696d616c9493948c04312e313094859452948c03736574948f94284b07908c0174944b018c0178948694752e",
    );
    const asMsgpack =
      "8ba162c40200ffa26474d7ffa1dcd42065937d25a3647473d6ff65937d25a364746eb3323032342d30312d30325430333a30343a3035a464617465aa323032342d30312d3032a27464a9503144543732303053a175d92431323334353637382d313233342d353637382d313233342d353637383132333435363738a3646563a4312e3130a37365749107a1749201a178a16b01";
    const k = (data: Record<string, unknown>): void => {
      data["k"] = 1;
    };
    expect(hex(changed(msgpack, dates, k))).toBe(asMsgpack);
    // {"f": 1.0, "l": [2.0], "i": 1}
    const floats = bytes(
      "80049528000000000000007d94288c016694473ff00000000000008c016c945d94474000000000000000618c0169944b01752e",
    );
    expect(hex(changed(msgpack, floats, k))).toBe("84a166cb3ff0000000000000a16c91cb4000000000000000a16901a16b01");
    expect(text(changed(json, floats, k))).toBe('{"f":1.0,"l":[2.0],"i":1,"k":1}');
  });

  test("a pickle is refused when pickles are off, or when it would run code", () => {
    expect(() => flaskFormat({ legacyPickle: false }).decode(pickled)).toThrow("neither MessagePack nor JSON");
    const hostile = utf8("cos\nsystem\n(S'id'\ntR.");
    for (const [, format] of both) expect(() => format.decode(hostile)).toThrow("neither MessagePack nor JSON");
  });

  test.each(both)("for %s: the other format", (_, format) => {
    const payload = format === json ? bytes("81a166cb3ff0000000000000") : utf8('{"f":1.0}');
    const content = format.decode(payload);
    expect(format.encode(content, payload)).toBe(payload);
    content.data["k"] = 1;
    const next = format.encode(content, payload);
    expect(format === json ? text(next) : hex(next)).toBe(
      format === json ? '{"f":1.0,"k":1}' : "82a166cb3ff0000000000000a16b01",
    );
  });
});

describe("a record in the other format with a value that the configured one lacks", () => {
  test.each([
    ["an integer of 70 bits", msgpack, utf8('{"n":1180591620717411303424}'), '{"n":1180591620717411303424,"k":1}'],
    ["a key that is None", json, bytes("81a16d81c001"), "82a16d81c001a16b01"],
    ["an extension", json, bytes("81a178d40507"), "82a178d40507a16b01"],
  ])("%s keeps its format, so that it can be changed", (_, format, payload, after) => {
    const content = format.decode(payload);
    expect(format.encode(content, payload)).toBe(payload);
    for (const key of Object.keys(content.data)) format.encodeValue(content.data[key], key);
    content.data["k"] = 1;
    const next = format.encode(content, payload);
    expect(format === json ? hex(next) : text(next)).toBe(after);
    delete content.data["k"];
    for (const key of Object.keys(content.data)) delete content.data[key];
    content.data["k"] = 1;
    expect(format.decode(format.encode(content, payload))).toEqual({ data: { k: 1 }, meta: {} });
  });
});

/** What Python and JavaScript both have, as an application may set it. */
const scalars = fc.oneof(
  anyText.filter((one) => !/\p{Surrogate}/u.test(one)),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.date({ noInvalidDate: true, min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z") }),
  fc.uint8Array({ maxLength: 40 }),
);
const keys = fc.oneof(
  anyText.filter((one) => !/\p{Surrogate}/u.test(one) && one !== "_permanent"),
  fc.constantFrom("__proto__", "constructor", "1", "0", "10"),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: scalars },
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(keys, tie("value"), { maxKeys: 20 }),
    fc.array(fc.tuple(scalars, tie("value")), { maxLength: 5 }).map((entries) => new Map(entries)),
  ),
}));
const data = fc.dictionary(keys, value, { maxKeys: 6, noNullPrototype: false });

test("a value that fills the writer's buffer exactly is written", () => {
  for (let length = 200; length < 300; length++) {
    for (const v of [2 ** 40, -(2 ** 40), 2 ** 20, -1000, -100_000, 1.5, new Date(1), new Date(-1), "x".repeat(300)]) {
      const payload = msgpack.encode({ data: { a: "x".repeat(length), v }, meta: {} });
      expect(msgpack.decode(payload).data["v"]).toEqual(v);
    }
  }
});

describe("any value that the application sets", () => {
  test("comes back from MessagePack equal, and is then unchanged", () => {
    fc.assert(
      fc.property(data, fc.boolean(), (before, persistent) => {
        const payload = msgpack.encode({ data: before, meta: { persistent } });
        const content = msgpack.decode(payload);
        expect(msgpack.encode(content, payload)).toBe(payload);
        expect(hex(msgpack.encode({ data: content.data, meta: { persistent } }))).toBe(hex(payload));
        expect(content.meta.persistent ?? false).toBe(persistent);
      }),
      runs(300),
    );
  });

  test.each(both)("leaves the rest of a session unchanged (%s)", (_, format) => {
    fc.assert(
      fc.property(data, keys, value, (before, key, after) => {
        const usable = (one: unknown): boolean => {
          try {
            format.encode({ data: { one }, meta: {} });
            return true;
          } catch {
            return false;
          }
        };
        fc.pre(usable(before) && usable(after));
        const payload = format.encode({ data: before, meta: {} });
        const content = format.decode(payload);
        Object.defineProperty(content.data, key, {
          value: after,
          enumerable: true,
          writable: true,
          configurable: true,
        });
        const next = format.decode(format.encode(content, payload));
        const whole = format.decode(payload);
        for (const other of Object.keys(whole.data)) {
          if (other === key) continue;
          expect(format.encodeValue(next.data[other], "")).toEqual(format.encodeValue(whole.data[other], ""));
        }
        expect(format.encodeValue(next.data[key], "")).toEqual(
          format.encodeValue(format.decode(format.encode({ data: { v: after }, meta: {} })).data["v"], ""),
        );
      }),
      runs(200),
    );
  });
});

describe("a property set on an array, Date, Map or Set is refused, not dropped in silence", () => {
  const formats: Record<string, Format> = {
    msgpack,
    json,
    pickle: pickleFormat(),
    "tagged JSON": taggedJsonFormat(),
  };
  for (const [name, format] of Object.entries(formats)) {
    test.each([[1], new Date(0), new Map([["a", 1]]), new Set([1])])(`${name}: %s`, (value) => {
      const content = { data: { list: [value] }, meta: {} };
      expect(() => format.encode(content, undefined)).not.toThrow();
      Object.assign(value, { total: 1 });
      expect(() => format.encode(content, undefined)).toThrow(
        expect.objectContaining({
          code: "ERR_SESSION_NOT_STORABLE",
          message: expect.stringMatching(/list\[0\].*it has the property "total" of its own/),
        }),
      );
    });
  }
});
