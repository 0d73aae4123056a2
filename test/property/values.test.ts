/** Random data through the native format and encryption: what comes back, and what hostile payloads do. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Content, Format } from "../../src/core/contracts/format.ts";
import { encrypted } from "../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";
import { parse, stringify } from "../../src/core/record/values.ts";
import { anyData, anyMeta, anyValue, hostilePayloads, runs, show } from "./arbitraries.ts";

const format = jsonFormat();
describe("values", () => {
  test("come back equal", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(show(parse(stringify(value, "x")))).toBe(show(value));
      }),
      runs(700),
    );
  });

  test("give the same text again after a round trip, and always the same", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = stringify(value, "x");
        expect(stringify(value, "x")).toBe(text);
        expect(stringify(parse(text), "x")).toBe(text);
      }),
      runs(700),
    );
  });

  test("give well-formed UTF-8, so that no store loses a part", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = stringify(value, "x");
        expect(text.isWellFormed()).toBe(true);
      }),
      runs(200),
    );
  });

  test("that differ give different texts", () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        if (show(a) !== show(b)) expect(stringify(a, "x")).not.toBe(stringify(b, "x"));
      }),
      runs(200),
    );
  });

  test("are not changed by being encoded", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const before = show(value);
        stringify(value, "x");
        expect(show(value)).toBe(before);
      }),
      runs(200),
    );
  });
});

describe("sessions", () => {
  test("come back equal, in any format and under encryption", async () => {
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
      expect(Object.getPrototypeOf(content.data)).toBe(Object.prototype);
      const again = format.encode(content);
      expect(format.encode(format.decode(again))).toBe(again);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  }

  test.each(["1e999", "-1e999", "1e-999", "-0", "1.7976931348623157e308"])("numbers at the edge: %s", (number) => {
    survives(`{"sojourn":1,"meta":{"created":${number}},"data":{}}`);
    survives(`{"sojourn":1,"meta":{},"data":{"a":${number}}}`);
  });

  test.each(Object.entries(hostilePayloads))("%s", (_, payloads) => {
    fc.assert(fc.property(payloads, survives), runs(400));
  });
});
