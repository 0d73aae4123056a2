/** Random values of every kind that a session keeps. */

import { inspect } from "node:util";
import fc from "fast-check";
import type { Meta } from "../../src/core/contracts/format.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";

/** How often a property is tried. `PROPERTY_RUNS=20` tries it twenty times as often. */
export function runs(count: number): { numRuns: number } {
  return { numRuns: count * Number(process.env["PROPERTY_RUNS"] ?? 1) };
}

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

/** What a session holds: a plain object. */
export const anyData: fc.Arbitrary<Record<string, unknown>> = fc
  .array(fc.tuple(anyKey, anyValue), { maxLength: 6 })
  .map((entries) => objectOf(entries) as Record<string, unknown>);

/** What the library knows of a session, with anything in it. */
export const anyMeta: fc.Arbitrary<Meta> = fc.record(
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

/** Payloads in the native format. */
export const anyPayload: fc.Arbitrary<string> = fc
  .tuple(anyData, anyMeta)
  .map(([data, meta]) => String(jsonFormat().encode({ data, meta })));

const tags = ["Date", "Map", "Set", "BigInt", "URL", "bytes", "number", "undefined", "Object", "Function", "__proto__"];

/** JSON in which our own tags hold anything at all. */
const { json: taggedJson } = fc.letrec<{ json: unknown }>((tie) => ({
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

const envelope = (meta: string, data: string): string => `{"sojourn":1,"meta":${meta},"data":${data}}`;

/** What somebody who can write to the store may have put there, by kind. */
export const hostilePayloads: Record<string, fc.Arbitrary<string>> = {
  "random text": anyText,
  "random JSON": fc.json({ depthSize: "large" }),
  "an envelope around random JSON": fc.tuple(fc.json(), fc.json()).map(([meta, data]) => envelope(meta, data)),
  "random JSON as one value": fc.json().map((value) => envelope("{}", `{"a":${value}}`)),
  "tags around anything": taggedJson.map((value) => envelope("{}", `{"a":${JSON.stringify(value)}}`)),
  "tags instead of data": taggedJson.map((value) => envelope("{}", JSON.stringify(value))),
  "meta of any type": fc
    .dictionary(fc.constantFrom("handle", "created", "renewed", "subject", "persistent", "unseen", "seen"), fc.json())
    .map((meta) => envelope(`{${Object.entries(meta).map(([key, value]) => `"${key}":${value}`)}}`, '{"a":1}')),
  "a good one, cut off": fc.tuple(anyPayload, fc.nat()).map(([payload, at]) => payload.slice(0, at % payload.length)),
  "a good one, parts replaced or left out": fc
    .tuple(anyPayload, fc.nat(), fc.nat(8), anyText)
    .map(([payload, at, cut, text]) => {
      const from = at % payload.length;
      return payload.slice(0, from) + text + payload.slice(from + cut);
    }),
  "a good one, parts of it repeated elsewhere": fc
    .tuple(anyPayload, fc.nat(), fc.nat(), fc.nat(40))
    .map(([payload, at, source, length]) => {
      const [to, from] = [at % payload.length, source % payload.length];
      return payload.slice(0, to) + payload.slice(from, from + length) + payload.slice(to);
    }),
  "nested deep": fc
    .tuple(fc.constantFrom("[", '{"a":', '{"$":["Set",[', '{"$":['), fc.nat(400))
    .map(([open, depth]) => {
      const close = [...open].reverse().map((one) => ({ "[": "]", "{": "}" })[one] ?? "");
      return envelope("{}", `{"a":${open.repeat(depth)}1${close.join("").repeat(depth)}}`);
    }),
};

const full = { depth: Number.POSITIVE_INFINITY, maxArrayLength: null, maxStringLength: null, breakLength: 200 };

/** A value as one can see it, to compare two: tells -0 from 0, an own `__proto__` from a prototype, bytes from a list. */
export function show(value: unknown): string {
  return inspect(value, full);
}
