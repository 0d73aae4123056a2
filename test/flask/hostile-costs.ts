/** Decodes one hostile payload after the other, and prints what each cost beside plain JSON of the same size. */

import { flaskFormat, pickleFormat, taggedJsonFormat } from "../../src/flask.ts";

const size = 1_000_000;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const join = (...parts: readonly (string | readonly number[] | Uint8Array)[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part)))),
  );
const repeated = (unit: string | readonly number[], octets = size): Uint8Array => {
  const one = join(unit);
  return new Uint8Array(Buffer.alloc(Math.ceil(octets / one.length) * one.length, one));
};
const big = (count: number): number[] => [24, 16, 8, 0].map((by) => (count >>> by) & 255);
const small = (count: number): number[] => big(count).reverse();

/** `{"a": [unit, unit, …]}` in MessagePack. */
const packed = (unit: readonly number[]): Uint8Array =>
  join([0x81, 0xa1, 0x61, 0xdd], big(Math.ceil(size / unit.length)), repeated(unit));
const nest = (unit: number, depth: number): number[] => [...Array<number>(depth).fill(unit), 0xc0];
/** `{"a": [unit, …]}` in JSON. */
const listed = (unit: string): Uint8Array =>
  utf8(`{"a":[${Array.from({ length: Math.ceil(size / (unit.length + 1)) }, () => unit).join()}]}`);
/** `{"a": [unit, …]}` as a pickle of protocol 4. */
const pickled = (unit: string | readonly number[]): Uint8Array =>
  join([0x80, 4, 0x7d, 0x8c, 1, 0x61, 0x5d, 0x28], repeated(unit), [0x65, 0x73, 0x2e]);
const bomb = (): Uint8Array => {
  const steps = Array.from({ length: 25 }, (_, at) => [0x5d, 0x94, 0x28, 0x68, at, 0x68, at, 0x65]);
  return join([0x80, 4, 0x7d, 0x8c, 1, 0x61, 0x5d, 0x94], steps.flat(), [0x73, 0x2e]);
};

const msgpack = flaskFormat();
const json = flaskFormat({ format: "json" });
const tagged = taggedJsonFormat();
const pickle = pickleFormat();

type Case = readonly [format: typeof msgpack, payload: () => Uint8Array];
const cases: Readonly<Record<string, Case>> = {
  "msgpack: nils": [msgpack, () => packed([0xc0])],
  "msgpack: empty maps": [msgpack, () => packed([0x80])],
  "msgpack: empty lists": [msgpack, () => packed([0x90])],
  "msgpack: maps of one": [msgpack, () => packed([0x81, 0xa1, 0x62, 0xc0])],
  "msgpack: maps with number keys": [msgpack, () => packed([0x81, 1, 0xc0])],
  "msgpack: one map of many keys": [
    msgpack,
    () =>
      join(
        [0xdf],
        big(166_000),
        Array.from({ length: 166_000 }, (_, at) => [0xa4, ...utf8(at.toString(36).padStart(4, "0")), 0xc0]).flat(),
      ),
  ],
  "msgpack: lists in lists": [msgpack, () => packed(nest(0x91, 490))],
  "msgpack: nested a million times": [msgpack, () => join([0x81, 0xa1, 0x61], repeated([0x91]))],
  "msgpack: short texts": [msgpack, () => packed([0xa1, 0x62])],
  "msgpack: empty texts": [msgpack, () => packed([0xa0])],
  "msgpack: long forms": [msgpack, () => packed([0xd9, 0])],
  "msgpack: floats": [msgpack, () => packed([0xca, 0, 0, 0, 0])],
  "msgpack: empty octets": [msgpack, () => packed([0xc4, 0])],
  "msgpack: extensions": [msgpack, () => packed([0xd4, 5, 1])],
  "msgpack: dates": [msgpack, () => packed([0xd6, 0xff, 0, 0, 0, 1])],
  "msgpack: a list of four billion": [
    msgpack,
    () => join([0x81, 0xa1, 0x61, 0xdd, 255, 255, 255, 255], repeated([0xc0])),
  ],
  "json: numbers": [json, () => listed("1")],
  "json: empty objects": [json, () => listed("{}")],
  "json: objects of one": [json, () => listed('{"b":1}')],
  "json: lists in lists": [json, () => listed("[".repeat(400) + "]".repeat(400))],
  "json: nested a million times": [json, () => utf8(`{"a":${"[".repeat(size)}`)],
  "json: escaped quotes": [json, () => utf8(`{"a":"${'\\"'.repeat(size / 2)}"}`)],
  "json: backslashes without an end": [json, () => utf8(`{"a":"${"\\".repeat(size)}"}`)],
  "json: large integers": [json, () => listed("9".repeat(4299))],
  "json: floats": [json, () => listed("1.5")],
  "json: short texts": [json, () => listed('"b"')],
  "json: blanks": [json, () => utf8(`{"a":${" ".repeat(size)}1}`)],
  "tagged: numbers": [tagged, () => listed("1")],
  "tagged: empty objects": [tagged, () => listed("{}")],
  "tagged: tuples": [tagged, () => listed('{" t":[]}')],
  "tagged: texts that are safe": [tagged, () => listed('{" m":"b"}')],
  "tagged: lists in lists": [tagged, () => listed("[".repeat(400) + "]".repeat(400))],
  "tagged: backslashes without an end": [tagged, () => utf8(`{"a":"${"\\".repeat(size)}"}`)],
  "pickle: Nones": [pickle, () => pickled("N")],
  "pickle: empty dicts": [pickle, () => pickled("}")],
  "pickle: empty lists": [pickle, () => pickled("]")],
  "pickle: empty sets": [pickle, () => pickled([0x8f])],
  "pickle: dicts of one": [pickle, () => pickled([0x7d, 0x4b, 1, 0x4e, 0x73])],
  "pickle: tuples in tuples": [pickle, () => pickled([0x4e, ...Array<number>(400).fill(0x85)])],
  "pickle: made and dropped": [pickle, () => join([0x80, 4], repeated("N0"), "}.")],
  "pickle: marks": [pickle, () => join([0x80, 4], repeated("("), "}.")],
  "pickle: a tuple for each mark": [pickle, () => join([0x80, 4], repeated("(t0"), "}.")],
  "pickle: remembered": [pickle, () => join([0x80, 4, 0x7d], repeated([0x94]), [0x2e])],
  "pickle: one list, again and again": [pickle, bomb],
  "pickle: one long text, again and again": [
    pickle,
    () =>
      join(
        [0x80, 4, 0x7d, 0x8c, 1, 0x61, 0x5d, 0x28, 0x58],
        small(30_000),
        repeated("b", 30_000),
        [0x94],
        repeated([0x68, 0], 4000),
        [0x65, 0x73, 0x2e],
      ),
  ],
  "pickle: one set, again and again": [
    pickle,
    () =>
      join(
        [0x80, 4, 0x7d, 0x8c, 1, 0x61, 0x5d, 0x28, 0x8f, 0x94, 0x28],
        Array.from({ length: 1000 }, (_, at) => [0x4d, at & 255, at >> 8]).flat(),
        [0x90],
        repeated([0x68, 0], size),
        [0x65, 0x73, 0x2e],
      ),
  ],
  "pickle: large integers": [pickle, () => pickled([0x8b, 0, 4, 0, 0, ...Array<number>(1024).fill(0x7f)])],
  "pickle: a list that holds itself": [
    pickle,
    () => join([0x80, 4, 0x7d, 0x8c, 1, 0x61, 0x5d, 0x94, 0x68, 0, 0x61, 0x73, 0x2e]),
  ],
  "pickle in msgpack's place: empty dicts": [msgpack, () => pickled("}")],
};

const reference = `{"a":[${Array.from({ length: size / 3 }, () => "{}").join()}]}`;

/** CPU of this process in milliseconds, and octets of heap that the result holds. What there was at once, Node limits. */
function costOfRun<T>(run: () => T): { readonly cpu: number; readonly heap: number; readonly result: T | string } {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const start = process.cpuUsage();
  let result: T | string;
  try {
    result = run();
  } catch (error) {
    result = String(error);
  }
  const { user } = process.cpuUsage(start);
  globalThis.gc?.();
  return { cpu: user / 1000, heap: process.memoryUsage().heapUsed - before, result };
}

let kept: unknown;
for (let warm = 0; warm < 3; warm++) kept = costOfRun(() => JSON.parse(reference));
const plain = costOfRun(() => JSON.parse(reference));
kept = plain;
process.stdout.write(`${JSON.stringify({ name: "JSON.parse", cpu: plain.cpu, heap: plain.heap })}\n`);
for (const [name, [format, make]] of Object.entries(cases)) {
  const payload = make();
  kept = undefined;
  // As a request does it: what was read is looked at once more when it ends.
  const { cpu, heap, result } = costOfRun(() => {
    const content = format.decode(payload);
    return { content, same: format.encode(content, payload) === payload };
  });
  kept = result;
  const outcome = typeof result === "string" ? result.slice(0, 80) : result.same ? "read" : "changed";
  process.stdout.write(`${JSON.stringify({ name, size: payload.length, cpu, heap, outcome })}\n`);
}
void kept;
