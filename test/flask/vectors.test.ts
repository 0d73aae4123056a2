/** Every vector of Flask-Session's records: bytes that its own serializer wrote, read and written again. */

import { describe, expect, test } from "vitest";
import type { Format } from "../../src/core/contracts/format.ts";
import { flaskFormat } from "../../src/flask.ts";

const msgpack = flaskFormat();
const json = flaskFormat({ format: "json" });
const hex = (payload: unknown): string => Buffer.from(payload as Uint8Array).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A session of one key, written anew. */
function written(format: Format, value: unknown): string {
  const payload = format.encode({ data: { v: value }, meta: {} });
  const prefix = format === json ? utf8('{"v":').length : 3;
  const body = (payload as Uint8Array).slice(prefix, format === json ? -1 : undefined);
  return format === json ? new TextDecoder().decode(body) : hex(body);
}

function read(payload: Uint8Array, format: Format = msgpack): Record<string, unknown> {
  const content = format.decode(payload);
  expect(format.encode(content, payload)).toBe(payload);
  return content.data;
}

/** A session as Python had it; `fresh` is false where only Python knows a type (a float that is whole, a tuple). */
interface Vector {
  readonly data: Record<string, unknown>;
  readonly permanent: boolean;
  readonly msgpack: string;
  readonly json: string;
  /** What JSON gives back, where that is something else. */
  readonly fromJson?: Record<string, unknown>;
  readonly fresh?: false;
}

const uuid = "12345678-1234-5678-1234-567812345678";
const instant = new Date("2024-01-02T03:04:05.678Z");
const texts = { dtn: "2024-01-02T03:04:05", date: "2024-01-02", td: "P1DT7200S", u: uuid, dec: "1.10" };
const vectors: Record<string, Vector> = {
  V1: {
    data: { k: "v" },
    permanent: true,
    msgpack: "82aa5f7065726d616e656e74c3a16ba176",
    json: '{"_permanent":true,"k":"v"}',
  },
  V2: {
    data: { user_id: 42 },
    permanent: true,
    msgpack: "82aa5f7065726d616e656e74c3a7757365725f69642a",
    json: '{"_permanent":true,"user_id":42}',
  },
  V3: {
    data: {
      name: "Zoë",
      roles: ["admin", "dev"],
      neg: -33,
      big: 2n ** 53n + 1n,
      f: 1.5,
      f1: 1,
      none: null,
      no: false,
    },
    permanent: true,
    msgpack:
      "89aa5f7065726d616e656e74c3a46e616d65a45a6fc3aba5726f6c657392a561646d696ea3646576a36e6567d0dfa3626967cf0020000000000001a166cb3ff8000000000000a26631cb3ff0000000000000a46e6f6e65c0a26e6fc2",
    json: '{"_permanent":true,"name":"Zoë","roles":["admin","dev"],"neg":-33,"big":9007199254740993,"f":1.5,"f1":1.0,"none":null,"no":false}',
    fresh: false,
  },
  V4: {
    data: {
      b: new Uint8Array([0, 255]),
      dt: instant,
      dts: new Date("2024-01-02T03:04:05Z"),
      ...texts,
      set: [7],
      t: [1, "x"],
    },
    permanent: false,
    msgpack:
      "8aa162c40200ffa26474d7ffa1dcd42065937d25a3647473d6ff65937d25a364746eb3323032342d30312d30325430333a30343a3035a464617465aa323032342d30312d3032a27464a9503144543732303053a175d92431323334353637382d313233342d353637382d313233342d353637383132333435363738a3646563a4312e3130a37365749107a1749201a178",
    json: `{"b":"AP8=","dt":"2024-01-02T03:04:05.678901Z","dts":"2024-01-02T03:04:05Z","dtn":"2024-01-02T03:04:05","date":"2024-01-02","td":"P1DT7200S","u":"${uuid}","dec":"1.10","set":[7],"t":[1,"x"]}`,
    fromJson: {
      b: "AP8=",
      dt: "2024-01-02T03:04:05.678901Z",
      dts: "2024-01-02T03:04:05Z",
      ...texts,
      set: [7],
      t: [1, "x"],
    },
    fresh: false,
  },
  V5: {
    data: {
      _flashes: [
        ["message", "hi"],
        ["error", "no"],
      ],
      csrf_token: "abc",
      _user_id: "7",
      _fresh: true,
    },
    permanent: true,
    msgpack:
      "85aa5f7065726d616e656e74c3a85f666c61736865739292a76d657373616765a2686992a56572726f72a26e6faa637372665f746f6b656ea3616263a85f757365725f6964a137a65f6672657368c3",
    json: '{"_permanent":true,"_flashes":[["message","hi"],["error","no"]],"csrf_token":"abc","_user_id":"7","_fresh":true}',
  },
  V6: {
    data: {
      m: new Map<unknown, unknown>([
        [1, "int-key"],
        ["s", { deep: [] }],
      ]),
    },
    permanent: false,
    msgpack: "81a16d8201a7696e742d6b6579a17381a46465657090",
    json: '{"m":{"1":"int-key","s":{"deep":[]}}}',
    fromJson: { m: { "1": "int-key", s: { deep: [] } } },
  },
  V7: {
    data: { ["k".repeat(40)]: "v".repeat(40) },
    permanent: false,
    msgpack: `81d928${"6b".repeat(40)}d928${"76".repeat(40)}`,
    json: `{"${"k".repeat(40)}":"${"v".repeat(40)}"}`,
  },
};

describe.each(Object.entries(vectors))("%s", (_, vector) => {
  const { data, permanent } = vector;

  test("is read from MessagePack and written unchanged", () => {
    const payload = bytes(vector.msgpack);
    const content = msgpack.decode(payload);
    expect({ ...content.data }).toEqual(data);
    expect(Object.getPrototypeOf(content.data)).toBe(Object.prototype);
    expect(content.meta.persistent ?? false).toBe(permanent);
    expect(msgpack.encode(content, payload)).toBe(payload);
    // Whatever else is set, what stands there stays as it is.
    content.data["new"] = 1;
    const head = vector.msgpack.slice(2);
    const count = Number.parseInt(vector.msgpack.slice(0, 2), 16) + 1;
    expect(hex(msgpack.encode(content, payload))).toBe(`${count.toString(16)}${head}a36e657701`);
  });

  test("is read from JSON and written unchanged, as bytes and as text", () => {
    for (const payload of [utf8(vector.json), vector.json]) {
      const content = json.decode(payload);
      expect({ ...content.data }).toEqual(vector.fromJson ?? data);
      expect(content.meta.persistent ?? false).toBe(permanent);
      expect(json.encode(content, payload)).toBe(payload);
      content.data["new"] = 1;
      const next = json.encode(content, payload);
      expect(typeof next).toBe(typeof payload);
      expect(typeof next === "string" ? next : new TextDecoder().decode(next)).toBe(
        `${vector.json.slice(0, -1)},"new":1}`,
      );
    }
  });

  test("in the other format keeps every type when rewritten as a whole", () => {
    const content = json.decode(bytes(vector.msgpack));
    expect(json.encode(content, bytes(vector.msgpack))).toEqual(bytes(vector.msgpack));
    content.data["new"] = 1;
    const next = json.encode(content, bytes(vector.msgpack)) as Uint8Array;
    expect(new TextDecoder().decode(next)).toBe(`${vector.json.slice(0, -1)},"new":1}`);
    if (vector.fromJson) return;
    const back = msgpack.decode(next);
    delete back.data["new"];
    expect(hex(msgpack.encode(back, next))).toBe(vector.msgpack);
  });
});

test.each(Object.entries(vectors).filter(([, { fresh }]) => fresh !== false))(
  "%s is written anew as Flask-Session writes it",
  (_, { data, permanent, ...vector }) => {
    const content = { data, meta: permanent ? { persistent: true } : {} };
    expect(hex(msgpack.encode(content))).toBe(vector.msgpack);
    expect(new TextDecoder().decode(json.encode(content) as Uint8Array)).toBe(vector.json);
  },
);

describe("V8: keys that are no texts", () => {
  test.each<[string, unknown, string | undefined]>([
    ["8192010201", [1, 2], undefined],
    ["81c001", null, undefined],
    ["81c301", true, undefined],
    ["81cb3ff800000000000001", 1.5, '{"1.5":1}'],
    ["81c4016101", new Uint8Array([0x61]), '{"YQ==":1}'],
  ])("%s is a Map with the key %j", (body, key, asJson) => {
    const { v } = read(bytes(`81a176${body}`));
    expect(v).toEqual(new Map([[key, 1]]));
    expect(written(msgpack, new Map([[key, 1]]))).toBe(body);
    if (asJson) expect(written(json, new Map([[key, 1]]))).toBe(asJson);
    else
      expect(() => written(json, new Map([[key, 1]]))).toThrow(
        "session.data.v.<key> cannot be stored: a key that is true, false, null or an array has no form in JSON",
      );
  });

  test("at the top of a session stay, and are not shown", () => {
    const payload = bytes("8201a161a16b01");
    const content = msgpack.decode(payload);
    expect({ ...content.data }).toEqual({ k: 1 });
    content.data["k"] = 2;
    expect(hex(msgpack.encode(content, payload))).toBe("8201a161a16b02");
  });
});

describe("V9: dates", () => {
  test.each([
    ["1970-01-01T00:00:00.000Z", "d6ff00000000", "1970-01-01T00:00:00Z"],
    ["1960-01-02T03:04:05.000Z", "c70cff00000000ffffffffed318525", "1960-01-02T03:04:05Z"],
    ["2200-01-01T00:00:00.000Z", "d7ff00000001b09e1900", "2200-01-01T00:00:00Z"],
    ["2600-01-01T00:00:00.000Z", "c70cff0000000000000004a0fe7280", "2600-01-01T00:00:00Z"],
    ["2024-01-02T01:04:05.000Z", "d6ff65936105", "2024-01-02T01:04:05Z"],
    ["0001-01-01T00:00:00.000Z", "c70cff00000000fffffff1886e0900", "0001-01-01T00:00:00Z"],
    ["2024-01-02T03:04:05.678Z", "d7ffa1a5d60065937d25", "2024-01-02T03:04:05.678000Z"],
  ])("%s", (iso, body, text) => {
    expect(read(bytes(`81a176${body}`))["v"]).toEqual(new Date(iso));
    expect(written(msgpack, new Date(iso))).toBe(body);
    expect(written(json, new Date(iso))).toBe(`"${text}"`);
  });

  test("with microseconds lose them in a Date, and keep them in the record", () => {
    const payload = bytes("82a176c70cff000003e8ffffffffed318525a16b01");
    const content = msgpack.decode(payload);
    expect(content.data["v"]).toEqual(new Date("1960-01-02T03:04:05Z"));
    content.data["k"] = { at: content.data["v"] };
    expect(hex(msgpack.encode(content, payload))).toBe(
      "82a176c70cff000003e8ffffffffed318525a16b81a26174c70cff00000000ffffffffed318525",
    );
    expect(new TextDecoder().decode(json.encode(content, payload) as Uint8Array)).toContain(
      '{"v":"1960-01-02T03:04:05.000001Z"',
    );
  });
});

test.each([
  [127, "7f"],
  [128, "cc80"],
  [256, "cd0100"],
  [65536, "ce00010000"],
  [2 ** 32, "cf0000000100000000"],
  [2n ** 63n, "cf8000000000000000"],
  [2n ** 64n - 1n, "cfffffffffffffffff"],
  [-1, "ff"],
  [-32, "e0"],
  [-33, "d0df"],
  [-129, "d1ff7f"],
  [-32769, "d2ffff7fff"],
  [-(2 ** 31) - 1, "d3ffffffff7fffffff"],
  [-(2n ** 63n), "d38000000000000000"],
])("V10: the integer %s", (value, body) => {
  expect(read(bytes(`81a176${body}`))["v"]).toBe(value);
  expect(written(msgpack, value)).toBe(body);
  expect(written(msgpack, BigInt(value))).toBe(body);
  expect(written(json, value)).toBe(String(value));
});

test.each<[unknown, string]>([
  [Array(15).fill(0), "9f"],
  [Array(16).fill(0), "dc0010"],
  [Array(65536).fill(0), "dd00010000"],
  [Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${i}`, 0])), "8f"],
  [Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, 0])), "de0010"],
  [Object.fromEntries(Array.from({ length: 65536 }, (_, i) => [`k${i}`, 0])), "df00010000"],
  ["x".repeat(31), "bf"],
  ["x".repeat(32), "d920"],
  ["x".repeat(256), "da0100"],
  ["x".repeat(65536), "db00010000"],
  [new Uint8Array(255), "c4ff"],
  [new Uint8Array(256), "c50100"],
  [new Uint8Array(65536), "c600010000"],
])("V11: a header of its size", (value, head) => {
  const body = written(msgpack, value);
  expect(body.slice(0, head.length)).toBe(head);
  expect(read(bytes(`81a176${body}`))["v"]).toEqual(value);
});

test("V12: text beyond ASCII", () => {
  const payload = bytes("81a9c3a9e282acf09f9880c0");
  expect(read(payload)).toEqual({ "é€😀": null });
  expect(hex(msgpack.encode({ data: { "é€😀": null }, meta: {} }))).toBe(hex(payload));
  expect(new TextDecoder().decode(json.encode({ data: { "é€😀": null }, meta: {} }) as Uint8Array)).toBe(
    '{"é€😀":null}',
  );
});

test.each([
  [1e-5, "0.00001"],
  [1.5e-5, "0.000015"],
  [1e-6, "1e-6"],
  [1.5e-7, "1.5e-7"],
  [2 ** 53, "9007199254740992.0"],
  [1e16, "1e16"],
  [123456789012345680, "1.2345678901234568e17"],
  [1.7976931348623157e308, "1.7976931348623157e308"],
  [5e-324, "5e-324"],
  [-0, "-0.0"],
  [0.1, "0.1"],
  [1234567890123456.8, "1234567890123456.8"],
  [Number.NaN, "null"],
  [Number.NEGATIVE_INFINITY, "null"],
])("the float %s in JSON is what msgspec writes", (value, text) => {
  expect(written(json, value)).toBe(text);
});

test.each([
  ["R1", { k: "v" }, undefined, true, "82aa5f7065726d616e656e74c3a16ba176"],
  ["R2", { k: 1 }, undefined, false, "81a16b01"],
  ["R3: made permanent later", { k: 1 }, "81a16b01", true, "82a16b01aa5f7065726d616e656e74c3"],
  ["made temporary later", { k: 1 }, "82aa5f7065726d616e656e74c3a16b01", false, "82aa5f7065726d616e656e74c2a16b01"],
])("%s", (_, data, before, persistent, after) => {
  expect(hex(msgpack.encode({ data, meta: { persistent } }, before && bytes(before)))).toBe(after);
});
