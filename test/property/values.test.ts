/** Random data through the native format and encryption: what comes back, and what hostile payloads do. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encrypted } from "../../src/core/encrypted.ts";
import type { Content, Format, Meta } from "../../src/core/format.ts";
import { jsonFormat } from "../../src/core/json-format.ts";
import { parse, stringify } from "../../src/core/values.ts";
import { anyData, anyKey, anyText, anyValue, objectOf, show } from "./arbitraries.ts";

const format = jsonFormat();
const anyMeta: fc.Arbitrary<Meta> = fc.record(
  {
    handle: anyText,
    created: fc.integer(),
    renewed: fc.maxSafeInteger(),
    authenticated: fc.nat(),
    subject: anyText,
    persistent: fc.boolean(),
    unseen: fc.constant(true as const),
    seen: fc.nat(),
  },
  { requiredKeys: [], noNullPrototype: true },
);

describe("values", () => {
  test("come back as they went", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(show(parse(stringify(value, "x")))).toBe(show(value));
      }),
      { numRuns: 2000 },
    );
  });

  test("give the same text again after coming back, and always the same", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = stringify(value, "x");
        expect(stringify(value, "x")).toBe(text);
        expect(stringify(parse(text), "x")).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test("give text that is well formed in UTF-8, so that no store loses a part of it", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = stringify(value, "x");
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  test("that differ give texts that differ", () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        if (show(a) !== show(b)) expect(stringify(a, "x")).not.toBe(stringify(b, "x"));
      }),
    );
  });

  test("are not changed by being encoded", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const before = show(value);
        stringify(value, "x");
        expect(show(value)).toBe(before);
      }),
    );
  });
});

describe("sessions", () => {
  test("come back as they went, in any format and under encryption", async () => {
    const wrapped = encrypted(format, "a secret of at least 32 characters, really") as Required<Format>;
    await fc.assert(
      fc.asyncProperty(anyData, anyMeta, async (data, meta) => {
        const payload = format.encode({ data, meta });
        const back = format.decode(payload);
        expect(show(back)).toBe(show({ data, meta }));
        expect(format.encode(back)).toBe(payload);
        expect(await wrapped.unwrap(await wrapped.wrap(payload, "key"), "key")).toBe(payload);
      }),
    );
  });
});

describe("hostile payloads", () => {
  /** Decodes or throws, before the test times out; and what is decoded can be encoded, and is stable from then on. */
  function survives(payload: string): void {
    let content: Content | undefined;
    try {
      content = format.decode(payload);
    } catch {
      // Refused: as good.
    }
    if (content) {
      expect(Object.getPrototypeOf(content.data)).toBeNull();
      const again = format.encode(content);
      expect(format.encode(format.decode(again))).toBe(again);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  }

  const anyPayload = fc.tuple(anyData, anyMeta).map(([data, meta]) => String(format.encode({ data, meta })));

  test.each(["1e999", "-1e999", "1e-999", "-0", "1.7976931348623157e308"])("numbers at the edge: %s", (number) => {
    survives(`{"sojourn":1,"meta":{"created":${number}},"data":{}}`);
    survives(`{"sojourn":1,"meta":{},"data":{"a":${number}}}`);
  });

  test("random text", () => {
    fc.assert(fc.property(anyText, survives));
  });

  test("random JSON", () => {
    fc.assert(fc.property(fc.json({ depthSize: "large" }), survives));
  });

  test("an envelope around random JSON", () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (meta, data) => {
        survives(`{"sojourn":1,"meta":${meta},"data":${data}}`);
        survives(`{"sojourn":1,"meta":{},"data":{"a":${data}}}`);
      }),
    );
  });

  test("a good one cut off, or with parts of it repeated, replaced or left out", () => {
    const mutation = fc.tuple(anyPayload, fc.nat(), fc.nat(8), fc.nat(), fc.nat(40), anyText);
    fc.assert(
      fc.property(mutation, ([payload, a, cut, b, length, text]) => {
        const [from, at] = [a % payload.length, b % payload.length];
        survives(payload.slice(0, from));
        survives(payload.slice(0, from) + payload.slice(from + cut));
        survives(payload.slice(0, from) + text + payload.slice(from + cut));
        survives(payload.slice(0, from) + payload.slice(at, at + length) + payload.slice(from));
      }),
      { numRuns: 500 },
    );
  });

  test("tags of every name around anything", () => {
    const tags = [
      "Date",
      "Map",
      "Set",
      "BigInt",
      "URL",
      "bytes",
      "number",
      "undefined",
      "Object",
      "Function",
      "__proto__",
    ];
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie("json"), { maxLength: 3 }),
        fc.array(fc.tuple(anyKey, tie("json")), { maxLength: 3 }).map(objectOf),
        fc.tuple(fc.constantFrom(...tags), tie("json")).map((tagged) => ({ $: tagged })),
        fc.array(fc.tuple(tie("json"), tie("json")), { maxLength: 3 }).map((pairs) => ({ $: ["Map", pairs] })),
        fc.array(fc.tuple(anyKey, tie("json")), { maxLength: 3 }).map((pairs) => ({ $: ["Object", pairs] })),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        survives(`{"sojourn":1,"meta":{},"data":{"a":${JSON.stringify(value)}}}`);
        survives(`{"sojourn":1,"meta":{},"data":${JSON.stringify(value)}}`);
      }),
      { numRuns: 3000 },
    );
  });
});
