/** Sessions in pickle: what is kept as it stood, what is written anew, and whole sessions. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import { set } from "../../../src/core/record/own-keys.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskFormat } from "../../../src/flask/format.ts";
import { pickleFormat } from "../../../src/flask/pickle/format.ts";
import { readPickle } from "../../../src/flask/pickle/read.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { anyKey, runs } from "../../property/arbitraries.ts";
import { request } from "../../support/requests.ts";
import { bytesOf, hexOf, vectors } from "./vectors.ts";

const format = pickleFormat();
const withSubject = pickleFormat({ subjectKey: "_user_id" });
const sessionVectors = Object.entries(vectors).filter(([name]) => name !== "P7");

/** The hexadecimal digits of a session changed by `change`. */
function changed(hex: string, change: (data: Record<string, unknown>) => void, one = format): string {
  const content = one.decode(bytesOf(hex));
  change(content.data);
  return hexOf(one.encode(content, bytesOf(hex)) as Uint8Array);
}

describe("an unchanged session", () => {
  test.each(sessionVectors)("%s has the same bytes", (_, hex) => {
    expect(changed(hex, () => {})).toBe(hex);
    expect(changed(hex, (data) => Object.assign(data, structuredClone({ ...data })))).toBe(hex);
  });

  test("duplicate keys in a dict, numbers as keys and shared keys are no change", () => {
    for (const pickle of [
      "}(Vk\nK\x01Vk\nK\x02u.",
      "}(Vb\nK\x01V1\nK\x02u.",
      "}(C\x01ap1\nK\x01g1\nK\x02u.",
      "}Vd\n}(V9\nNV1\nNus.",
    ]) {
      const hex = Buffer.from(pickle, "latin1").toString("hex");
      expect(changed(hex, () => {})).toBe(hex);
    }
  });

  test("a value changed and changed back is no change", () => {
    expect(changed(vectors.P5, (data) => (data.t = [1, "x"]))).toBe(vectors.P5);
  });
});

describe("a changed session", () => {
  test("appends a new key, and keeps all else", () => {
    const hex = changed(vectors["P3 in protocol 5"], (data) => (data.k = "v"));
    expect(hex).toBe(
      "80049527000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a8c016b948c017694752e",
    );
  });

  test("drops what was removed, and numbers the memo again", () => {
    expect(changed(vectors.P8, (data) => delete data.a)).toBe("8004950d000000000000007d948c0162945d944b0161732e");
  });

  test("F4: a new session is written as cachelib writes it", () => {
    const content = { data: { k: "v" }, meta: { persistent: true } };
    expect(hexOf(format.encode(content) as Uint8Array)).toBe(
      "8004951b000000000000007d94288c0a5f7065726d616e656e7494888c016b948c017694752e",
    );
  });

  test("every type of value comes back", () => {
    const data = {
      none: null,
      yes: true,
      ints: [
        0,
        -1,
        255,
        256,
        65_536,
        -(2 ** 31),
        2 ** 31,
        Number.MAX_SAFE_INTEGER,
        2n ** 53n,
        -(2n ** 64n),
        2n ** 2040n,
      ],
      floats: [0.5, -0, Number.NaN, Number.NEGATIVE_INFINITY, 1e300],
      text: "Zoë €😀\0",
      bytes: Uint8Array.of(0, 255),
      date: new Date("2024-02-29T12:30:45.678Z"),
      first: new Date("0001-01-01T00:00:00Z"),
      map: new Map<unknown, unknown>([
        [1, "x"],
        [true, 1],
        [null, 2],
        [1.5, 3],
      ]),
      set: new Set([1, "x"]),
      nested: { a: [{ b: [] }], "": {} },
      long: "x".repeat(70_000),
      many: Array.from({ length: 2500 }, (_, i) => i),
    };
    const payload = format.encode({ data: { ...data }, meta: {} });
    expect(format.decode(payload)).toEqual({ data, meta: {} });
  });

  test("an array is a tuple where it is a key or in a set", () => {
    const data = { map: new Map([[[1, 2], "x"]]), set: new Set([[1, [2]]]), sets: new Set([new Set([1])]) };
    const payload = format.encode({ data, meta: {} }) as Uint8Array;
    expect(readPickle(payload)).toEqual(data);
    expect(hexOf(payload)).toContain(hexOf(Uint8Array.of(0x4b, 1, 0x4b, 2, 0x86)));
  });

  test.each([
    ["session.data.a.b[1]", { a: { b: [1, () => {}] } }],
    ["session.data.a", { a: new URL("https://example.com") }],
    ["session.data.a", { a: new Date(Number.NaN) }],
    ["session.data.a", { a: new Date("+010000-01-01T00:00:00Z") }],
    ["session.data.a", { a: "\ud800" }],
    ["session.data.a.<key>", { a: new Map([[{}, 1]]) }],
    ["session.data.a.<item>", { a: new Set([Uint8Array.of(1), {}]) }],
    ["session.data._permanent", { _permanent: true }],
    ["session.data._user_id", { _user_id: "7" }],
  ])("%s is named when it cannot be kept", (path, data) => {
    const error = expect.objectContaining({ code: "ERR_SESSION_NOT_STORABLE", message: expect.stringContaining(path) });
    expect(() => withSubject.encode({ data, meta: {} })).toThrow(error);
  });

  test("cycles, and what is too deep, are refused", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    let deep: unknown = 1;
    for (let i = 0; i < 600; i++) deep = [deep];
    for (const value of [loop, deep])
      expect(() => format.encodeValue(value, "x")).toThrow(
        expect.objectContaining({ code: "ERR_SESSION_NOT_STORABLE" }),
      );
  });
});

describe("_permanent and the subject", () => {
  const p3 = bytesOf(vectors["P3 in protocol 5"]);

  test("_permanent is session.persistent, and not in the data", () => {
    const { data, meta } = format.decode(p3);
    expect([data, meta]).toEqual([{ user_id: 42 }, { persistent: true }]);
    const no = format.encode({ data, meta: { persistent: false } }, p3);
    expect(hexOf(no as Uint8Array)).toBe(
      vectors["P3 in protocol 5"].replace("8005", "8004").replace("7494888c", "7494898c"),
    );
    expect(format.encode({ data, meta: {} }, no)).toBe(no);
  });

  test("the subject is under its key, as a text or an integer", () => {
    const one = pickleFormat({ subjectKey: "user_id", subjectType: "integer" });
    const content = one.decode(p3);
    expect(content).toEqual({ data: {}, meta: { persistent: true, subject: "42" } });
    expect(one.encode(content, p3)).toBe(p3);
    const other = one.encode({ ...content, meta: { ...content.meta, subject: "43" } }, p3);
    expect(format.decode(other).data).toEqual({ user_id: 43 });
    expect(() => one.encode({ data: {}, meta: { subject: "ada" } })).toThrow(/no integer/);
    expect(format.decode(withSubject.encode({ data: {}, meta: { subject: "7" } })).data).toEqual({ _user_id: "7" });
  });

  test.each([
    [{ subjectKey: "" }, /subjectKey must be/],
    [{ subjectKey: "_permanent" }, /subjectKey must be/],
    [{ subjectType: "number" as never }, /subjectType must be/],
  ])("wrong options are refused", (options, message) => {
    expect(() => pickleFormat(options)).toThrow(message);
  });

  test.each(["not octets", bytesOf(vectors.P7), new Uint8Array(), bytesOf("5d2e")])("no session: %s", (payload) => {
    expect(() => format.decode(payload)).toThrow();
  });
});

describe("what is no session:", () => {
  const deep = `${"]".repeat(50_000)}${"a".repeat(49_999)}`;
  const decimal = `cdecimal\nDecimal\nX\x40\x42\x0f\0${"1".repeat(1_000_000)}\x85q\0R0`;

  test.each([
    // They were read, and then an error whenever the session was saved.
    ["nested too deep under a key that is no text", `}K\x05${deep}sVa\nK\x01s.`],
    ["nested too deep in such a key", `}${"(".repeat(50_000)}${"t".repeat(50_000)}NsVa\nK\x01s.`],
    ["nested too deep in a UUID", `}Vu\ncuuid\nUUID\n)\x81}(Vint\nK\x05Vx\n${deep}ubs.`],
    ["nested too deep in the name of a zone", `}Vd\ncdatetime\ntimezone\n(${deep}ts.`],
    ["a set of dicts", "}Va\n\x8f(}\x90s."],
    ["a set of bytearrays", "}Va\n\x8f(\x96\x01\0\0\0\0\0\0\0a\x90s."],
    ["a dict as a key", "}Va\n}}Nss."],
    ["a list as a key, which was written as a tuple", "}Va\n}]Nss."],
    ["half of a surrogate pair, which no later protocol has", "}Va\nV\\ud800\ns."],
    // Every key was looked at by its digits.
    ["a long decimal as a key many times", `}${decimal}(${"h\0N".repeat(100_000)}u.`],
    ["a session that holds itself under a key that is no text", "}q\0K\x05h\0s."],
  ])("%s", (_, text) => {
    expect(() => format.decode(new Uint8Array(Buffer.from(text, "latin1")))).toThrow();
  });

  test("but a date valid in its own time zone only is text", () => {
    // The last second of 9999 a day behind UTC: in UTC it is in the year 10000.
    const last = "C\x0a\x27\x0f\x0c\x1f\x17\x3b\x3b\0\0\0";
    const zone = "cdatetime\ntimezone\n(cdatetime\ntimedelta\n(J\xff\xff\xff\xffM\x10\x0eK\0tRtR";
    const pickle = new Uint8Array(Buffer.from(`}Va\ncdatetime\ndatetime\n(${last}${zone}tRs.`, "latin1"));
    const content = format.decode(pickle);
    expect(content.data).toEqual({ a: "9999-12-31T23:59:59-23:00" });
    expect(format.encode(content, pickle)).toBe(pickle);
    expect(() => format.encodeValue(content.data["a"], "a")).not.toThrow();
    expect(flaskFormat().decode(pickle).data).toEqual({ a: "9999-12-31T23:59:59-23:00" });
  });

  test("but keys that are no text stay, whatever else changes", () => {
    const pickle = new Uint8Array(Buffer.from("}(K\x05](K\x01K\x02eK\x01K\x02\x86NVa\nK\x01u.", "latin1"));
    const content = format.decode(pickle);
    expect(content).toEqual({ data: { a: 1 }, meta: {} });
    content.data["a"] = 2;
    const next = format.encode(content, pickle) as Uint8Array;
    expect(readPickle(next)).toEqual(
      new Map<unknown, unknown>([
        [5, [1, 2]],
        [[1, 2], null],
        ["a", 2],
      ]),
    );
  });
});

describe("any record", () => {
  const parts = fc.array(fc.tuple(fc.nat(3), fc.nat(), fc.nat(), fc.nat(12), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  });
  const mutated = fc.tuple(fc.constantFrom(...Object.values(vectors)), parts).map(([hex, changes]) => {
    let all = [...bytesOf(hex)];
    for (const [kind, from, to, length, byte] of changes) {
      const [a, b] = [from % (all.length + 1), to % (all.length + 1)];
      if (kind === 0) all[a] = byte;
      if (kind === 1) all = [...all.slice(0, a), ...all.slice(a + length)];
      if (kind >= 2) all = [...all.slice(0, a), ...all.slice(b, b + length), ...all.slice(a)];
    }
    return Uint8Array.from(all);
  });

  test("is refused, or read and unchanged, and changes in one key only", () => {
    let read = 0;
    fc.assert(
      fc.property(mutated, (payload) => {
        let content: ReturnType<typeof withSubject.decode>;
        try {
          content = withSubject.decode(payload);
        } catch {
          return;
        }
        read += 1;
        expect(withSubject.encode(content, payload)).toBe(payload);
        for (const key of Object.keys(content.data)) withSubject.encodeValue(content.data[key], key);
        content.data["mine"] = [1];
        const again = withSubject.decode(withSubject.encode(content, payload));
        expect(again).toEqual(content);
      }),
      runs(4000),
    );
    expect(read).toBeGreaterThan(100);
  });
});

test("that was encoded decodes to the same, and encodes to the same bytes", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
    fc.uint8Array({ maxLength: 5 }),
    fc.date({ min: new Date("0001-01-02T00:00:00Z"), max: new Date("9999-12-30T00:00:00Z"), noInvalidDate: true }),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(
        anyKey.filter((key) => !/\p{Surrogate}/u.test(key)),
        tie("tree"),
        { maxKeys: 4 },
      ),
      fc.uniqueArray(fc.integer()).map((items) => new Set(items)),
      fc.uniqueArray(fc.integer(), { minLength: 1 }).map((items) => new Map(items.map((item) => [item, "x"]))),
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
      for (const key of Object.keys(data))
        expect(format.encodeValue(content.data[key], key)).toEqual(format.encodeValue(data[key], key));
    }),
    runs(300),
  );
});

describe("whole sessions", () => {
  const now = 1_800_000_000_000;
  const options = { format: withSubject, absoluteTimeout: false, now: () => now } as const;

  test("begin, are read, changed, logged in and ended", async () => {
    const store = memoryStore({ now: () => now });
    const sessions = new Sessions<{ n: number; t: unknown }>({ ...options, store });
    const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const second = await request(sessions, first.cookie, (session) => session.update("n", (n = 0) => n + 1));
    expect([second.value, second.setCookie]).toEqual([2, undefined]);
    const login = await request(sessions, second.cookie, (session) => session.login("7"));
    expect(login.cookie).not.toBe(first.cookie);
    const read = await request(sessions, login.cookie, ({ subject, data }) => [subject, { ...data }]);
    expect(read.value).toEqual(["7", { n: 2 }]);
    const end = await request(sessions, read.cookie, (session) => session.destroy());
    expect(end.cookie).toBeUndefined();
    expect((await request(sessions, login.cookie, ({ isNew }) => isNew)).value).toBe(true);
  });

  test("a hostile record is no session and an event", async () => {
    const store = memoryStore({ now: () => now });
    const sessions = new Sessions({ ...options, store });
    const begun = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const events: SessionEvent[] = [];
    sessions.on((event) => events.push(event));
    for await (const { key, version, expiresAt } of store.list!()) {
      const payload = new Uint8Array(Buffer.from("cos\nsystem\n(S'id'\ntR."));
      expect(await store.update(key, { payload, expiresAt }, version)).not.toBeNull();
    }
    expect((await request(sessions, begun.cookie, ({ isNew }) => isNew)).value).toBe(true);
    expect(events.map(({ type }) => type)).toEqual(["record_refused"]);
  });
});
