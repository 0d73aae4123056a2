/** Pickles: what is read of them, what is refused, and that neither takes long. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPickle } from "../../../src/flask/pickle/read.ts";
import { runs } from "../../property/arbitraries.ts";
import { bytesOf, vectors } from "./vectors.ts";

/** A pickle of ASCII text. */
function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Sixty values, each of the one before it twice. */
function laughs(open: string, key: string, close: string): string {
  const twice = (at: number): string => `${key}h${String.fromCharCode(at)}`.repeat(2);
  return Array.from({ length: 60 }, (_, at) => `${open}${twice(at)}${close}`).join("0");
}

const read = (hex: string): unknown => readPickle(bytesOf(hex));

describe("records of Flask-Session and cachelib", () => {
  const a = { _permanent: true, user_id: 42 };

  test.each(["P1", "P2", "P2 in protocol 3", "P3", "P3 in protocol 5"] as const)(
    "%s: a session of plain values",
    (name) => {
      expect(read(vectors[name])).toEqual(a);
    },
  );

  test("P5: bytes, times, dates, a UUID, a decimal, a set and a tuple", () => {
    expect(read(vectors.P5)).toEqual({
      b: Uint8Array.of(0, 255),
      dt: new Date("2024-01-02T03:04:05.678Z"),
      dts: new Date("2024-01-02T03:04:05Z"),
      dtn: "2024-01-02T03:04:05",
      date: "2024-01-02",
      td: "P1DT7200S",
      u: "12345678-1234-5678-1234-567812345678",
      dec: "1.10",
      set: new Set([7]),
      t: [1, "x"],
    });
  });

  test("P6: in protocol 2 the bytes of a datetime are text in Latin-1", () => {
    expect(read(vectors.P6)).toEqual({ now: new Date("2024-01-02T03:04:05Z") });
  });

  test("P7: a Markup is its text", () => {
    expect(read(vectors.P7)).toBe("<b>");
  });

  test("P8: one list under two keys becomes two lists", () => {
    const both = read(vectors.P8) as { a: number[]; b: number[] };
    expect(both).toEqual({ a: [1], b: [1] });
    both.a.push(2);
    expect(both.b).toEqual([1]);
  });

  test("a python-memcached record of protocol 0 is read", () => {
    expect(readPickle(ascii("(dp0\nV_permanent\np1\nI01\nsVk\np2\nVv\np3\ns."))).toEqual({ _permanent: true, k: "v" });
  });
});

describe("texts and numbers of the older protocols are read", () => {
  test.each([
    ["I00\n.", false],
    ["I-7\n.", -7],
    ["L9007199254740993L\n.", 9007199254740993n],
    ["L5\n.", 5],
    ["F1.5\n.", 1.5],
    ["F-1e+300\n.", -1e300],
    ["Finf\n.", Number.POSITIVE_INFINITY],
    ["Fnan\n.", Number.NaN],
    ["V\\u00e9\\U0001f600\xe9\\x\n.", "é😀é\\x"],
    ["V\\\\u0041\n.", "\\\\u0041"],
    ["S'a\\'b\\n\\x41'\n.", "a'b\nA"],
    ['S"it\'s"\n.', "it's"],
    ["U\x02hi.", "hi"],
    ["T\x02\0\0\0hi.", "hi"],
    ["(I1\nI2\nt.", [1, 2]],
    ["(lp0\nNa.", [null]],
    ["\x80\x03c__builtin__\nset\n]K\x01a\x85R.", new Set([1])],
    ["\x80\x03cbuiltins\nfrozenset\n]K\x01a\x85R.", new Set([1])],
    ["\x80\x02c__builtin__\nbytes\n)R.", new Uint8Array()],
    ["c__builtin__\nbytearray\n(V\xff\nVlatin-1\ntR.", Uint8Array.of(255)],
    ["ccopy_reg\n_reconstructor\n(cmarkupsafe\nMarkup\nc__builtin__\nstr\nV<b>\ntR.", "<b>"],
    [
      "ccopy_reg\n_reconstructor\n(cuuid\nUUID\nc__builtin__\nobject\nNtR(dVint\nL5L\nsb.",
      `${"0".repeat(8)}-0000-0000-0000-${"5".padStart(12, "0")}`,
    ],
    ["ccollections\nOrderedDict\n)R(Vk\nK\x01u.", { k: 1 }],
    ["ccollections\nOrderedDict\n((lp1\n(lp2\nVk\naK\x01aatR.", { k: 1 }],
  ])("%j", (text, value) => {
    expect(readPickle(ascii(text))).toEqual(value);
  });

  test("keys that are no texts make a Map, and __proto__ is a key", () => {
    expect(readPickle(ascii("}K\x01Vx\ns."))).toEqual(new Map([[1, "x"]]));
    const object = readPickle(ascii("}V__proto__\n}Va\nK\x01ss.")) as Record<string, unknown>;
    expect(Object.keys(object)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  });
});

describe("refused", () => {
  test.each([
    ["P10: a call of os.system", "cos\nsystem\n(S'id'\ntR."],
    ["the same by STACK_GLOBAL", "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."],
    ["a class that may be named, as a call", "c__builtin__\nstr\n(Vx\ntR."],
    ["builtins.eval", "c__builtin__\neval\n(V1\ntR."],
    ["getattr", "c__builtin__\ngetattr\n(NVx\ntR."],
    ["what lies behind a name with dots", "\x80\x04\x8c\x08datetime\x8c\x13datetime.fromtimestamp\x93K\x01\x85R."],
    ["names of Object.prototype", "\x80\x04\x8c\x00\x8c\x0btoString\x93."],
    ["a name with a dot that makes one on the list", "\x80\x04\x8c\x00\x8c\x11datetime.datetime\x93."],
    ["an instance (INST)", "(S'id'\nios\nsystem\n."],
    ["an instance (OBJ)", "(cos\nsystem\nS'id'\no."],
    ["NEWOBJ of a class that is called", "\x80\x02cdatetime\ndate\n)\x81."],
    ["NEWOBJ_EX", "\x80\x04cuuid\nUUID\n)}\x92."],
    ["an extension", "\x80\x02\x82\x01."],
    ["a persistent id", "Pid\n."],
    ["an out-of-band buffer", "\x80\x05\x97."],
    ["a state for a dict", "}}b."],
    ["a second state for a UUID", "\x80\x02cuuid\nUUID\n)\x81}Vint\nK\x01sb}Vint\nK\x02sb."],
    ["a UUID without a number", "\x80\x02cuuid\nUUID\n)\x81}b."],
    ["a UUID of a number too large", `\x80\x02cuuid\nUUID\n)\x81}Vint\n\x8a\x11${"\x01".repeat(17)}sb.`],
    ["a class as a value", "cdatetime\ndate\n."],
    ["a datetime of no such day", "\x80\x03cdatetime\ndatetime\nC\x0a\x07\xe8\x02\x1e\0\0\0\0\0\0\x85R."],
    ["a datetime of nine octets", "\x80\x03cdatetime\ndatetime\nC\x09\x07\xe8\x02\x1d\0\0\0\0\0\x85R."],
    ["a datetime in a zone that is none", "\x80\x03cdatetime\ndatetime\nC\x0a\x07\xe8\x02\x1d\0\0\0\0\0\0K\x01\x86R."],
    ["a timedelta of texts", "cdatetime\ntimedelta\n(Va\nVb\nVc\ntR."],
    ["a decimal that is none", "cdecimal\nDecimal\n(V1,5\ntR."],
    ["text that is not UTF-8", "\x80\x04\x8c\x01\xff."],
    ["Latin-1 in a text of Python 2", "U\x01\xe9."],
    ["a protocol to come", "\x80\x06N."],
    ["a key without a value", "}(Vk\nu."],
    ["items for a dict", "}Na."],
    ["two values", "NN."],
    ["no value", "."],
    ["a mark", "(."],
    ["no end", "N"],
    ["more after the end", "N.N"],
    ["nothing", ""],
    ["a memo that holds no such thing", "h\x05."],
    ["a memo index of many digits", `Np${"9".repeat(50)}\n.`],
    ["a list that holds itself", "(lp0\ng0\na."],
    ["lengths beyond the end", "\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."],
    ["a frame beyond the end", "\x80\x04\x95\xff\0\0\0\0\0\0\0N."],
    ["a negative length", "T\xff\xff\xff\xffx."],
    ["an integer of many digits", `I${"9".repeat(100_000)}\n.`],
    ["an integer of many octets", `\x8b\0\0\x01\0${"\x7f".repeat(65_536)}.`],
    ["nesting", `${"]".repeat(600)}${"a".repeat(599)}.`],
    ["deep nesting", `${"(".repeat(300_000)}${"l".repeat(300_000)}.`],
    ["marks", `${"(".repeat(900_000)}.`],
    ["memo entries", `N${"\x94".repeat(2_000_000)}.`],
  ])("%s", (_, text) => {
    const began = performance.now();
    expect(() => readPickle(ascii(text))).toThrow();
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test.each([
    ["a billion laughs", `]\x940${laughs("](", "", "e\x94")}.`],
    ["a billion laughs in dicts", `}\x940${laughs("}(", "Va\n", "u\x94")}.`],
    ["a billion laughs in tuples", `)\x940${laughs("", "", "\x86\x94")}.`],
    ["a long text many times", `](X\0\0\x10\0${"x".repeat(1_048_576)}\x94${"h\0".repeat(1000)}e.`],
    ["a long decimal many times", `](cdecimal\nDecimal\nV${"9".repeat(1_000_000)}\n\x85R\x94${"h\0".repeat(1000)}e.`],
    ["steps", "N0".repeat(600_000)],
  ])("too much: %s", (_, text) => {
    expect(() => readPickle(ascii(text))).toThrow(RangeError);
  });

  // Each took seconds or gigabytes: a call copies what it is given, and little octets give the same again and again.
  test.each([
    [
      "octets",
      `X\xa0\x86\x01\0${"x".repeat(100_000)}q\x000X\x06\0\0\0latin1q\x010c_codecs\nencode\nq\x020`,
      "h\x02h\0h\x01\x86R0",
    ],
    ["sets", `](${"K\x01".repeat(100_000)}eq\x000c__builtin__\nset\nq\x010`, "h\x01h\0\x85R0"],
    ["dicts", `](${"]K\x01aK\x02a".repeat(50_000)}eq\x000ccollections\nOrderedDict\nq\x010`, "h\x01h\0\x85R0"],
  ])("calls made the same %s many times", (_, made, call) => {
    expect(() => readPickle(ascii(`}${made}${call.repeat(50_000)}.`))).toThrow(/^not a (pickle|session)/);
  });

  test("any truncation", () => {
    for (const hex of Object.values(vectors)) {
      const bytes = bytesOf(hex);
      for (let length = 0; length < bytes.length; length++)
        expect(() => readPickle(bytes.subarray(0, length))).toThrow();
    }
  });

  test("without quoting the content", () => {
    const secret = ascii("(dVtoken\nVhunter2\nsVx\nchunter2\nsystem\ns.");
    expect(() => readPickle(secret)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hunter2") }),
    );
  });
});

describe("random bytes", () => {
  const ends = (bytes: Uint8Array): void => {
    try {
      readPickle(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  };

  test("end in a value or an error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), ends), runs(2000));
  });

  test("as opcodes in any order do too", () => {
    const opcodes = fc.constantFrom(..."(.0N\x88\x89}])ldtaesubR\x81\x85\x86\x87\x8f\x90\x91\x93\x94".split(""));
    const parts = fc.oneof(
      opcodes,
      fc.constantFrom(
        "K\x01",
        "\x8c\x03int",
        "h\0",
        "h\x01",
        "q\0",
        "cdatetime\ndatetime\n",
        "cuuid\nUUID\n",
        "C\x02ab",
      ),
      fc.constantFrom(
        "ccollections\nOrderedDict\n",
        "c__builtin__\nset\n",
        "c_codecs\nencode\n",
        "ccopy_reg\n_reconstructor\n",
      ),
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 30 }), (all) => ends(ascii(`${all.join("")}.`))),
      runs(3000),
    );
  });

  test("as small changes of a valid pickle do too", () => {
    const change = fc.tuple(fc.constantFrom(...Object.values(vectors)), fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(change, ([hex, at, byte]) => {
        const bytes = bytesOf(hex);
        bytes[at % bytes.length] = byte;
        ends(bytes);
      }),
      runs(3000),
    );
  });
});
