/** Random values of every kind that a session keeps. */

import { inspect } from "node:util";
import fc from "fast-check";

/** Any UTF-16 at all, lone surrogates and control characters included. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string() },
  fc.string({ unit: "grapheme" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom("\ud800", "\udfff", "\ud83d\ude00", "\0", '"', "\\", "$", "\u2028", "\ufeff"), {
      maxLength: 4,
    })
    .map((parts) => parts.join("")),
);

/** Keys, those that JavaScript, JSON or other libraries treat in a special way among them. */
export const anyKey: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: anyText },
  fc.constantFrom(
    "__proto__",
    "constructor",
    "prototype",
    "toJSON",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "cookie",
    "$",
    "$$",
    "data",
    "meta",
    "sojourn",
    "length",
    "",
    "0",
    "1",
    "-1",
    "a",
    "b",
  ),
);

/** A plain object of such entries, `__proto__` being one key among others. */
export function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return object;
}

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  anyText,
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.webUrl({ withFragments: true, withQueryParameters: true }).map((text) => new URL(text)),
  fc
    .constantFrom("data:text/plain,a b ", "file:///a%20b", "mailto:a@b.c", "web+x:/.//y", "x:y?z#")
    .map((u) => new URL(u)),
  fc.uint8Array({ maxLength: 12 }),
);

/** Any value that a session keeps. `undefined` occurs where it is kept: in arrays, Maps and Sets. */
export const { value: anyValue } = fc.letrec<{ value: unknown; item: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { weight: 3, arbitrary: leaf },
    fc.array(tie("item"), { maxLength: 4 }),
    { weight: 2, arbitrary: fc.array(fc.tuple(anyKey, tie("value")), { maxLength: 5 }).map(objectOf) },
    fc.array(fc.tuple(tie("item"), tie("item")), { maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(tie("item"), { maxLength: 4 }).map((items) => new Set(items)),
  ),
  item: fc.oneof({ weight: 8, arbitrary: tie("value") }, fc.constant(undefined)),
}));

/** What a session holds: an object without prototype. */
export const anyData: fc.Arbitrary<Record<string, unknown>> = fc
  .array(fc.tuple(anyKey, anyValue), { maxLength: 6 })
  .map((entries) => Object.setPrototypeOf(objectOf(entries), null));

const full = { depth: Number.POSITIVE_INFINITY, maxArrayLength: null, maxStringLength: null, breakLength: 200 };

/** A value as one can see it, to compare two: tells -0 from 0, an own `__proto__` from a prototype, bytes from a list. */
export function show(value: unknown): string {
  return inspect(value, full);
}
