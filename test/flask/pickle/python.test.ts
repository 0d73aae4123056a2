/** Pickles beside the real Python: what it writes is read as msgspec reads the same value, and written as Python writes it. */

import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { pinned, readyFlask } from "../../../scripts/flask.ts";
import type { Payload } from "../../../src/core/contracts/format.ts";
import { writeMsgpack } from "../../../src/flask/msgpack/write.ts";
import { pickleFormat } from "../../../src/flask/pickle/format.ts";
import { readTree } from "../../../src/flask/pickle/machine.ts";
import { PickledObject } from "../../../src/flask/pickle/object.ts";
import { pyDict, pyText } from "../../../src/flask/pickle/values.ts";
import { writeTree } from "../../../src/flask/pickle/write.ts";
import { readPickled } from "../../../src/flask/pickled.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";
import { bytesOf, hexOf } from "./vectors.ts";

const flask = readyFlask();
const missing = typeof flask === "string" && reportMissing("pickle", flask);

describe.skipIf(missing)("pickles of the real Python", () => {
  const lines = missing ? [] : pickles();
  const python4 = lines.filter(([, protocol]) => protocol === 4);
  const known = lines.filter((line): line is [string, number, string, string] => line[3] !== null);

  test.each(known)("%s in protocol %i is what msgspec writes", (_name, _protocol, pickle, msgpack) => {
    expect(hexOf(writeMsgpack(readPickled(bytesOf(pickle))))).toBe(msgpack);
  });

  test("Python reads what JavaScript writes", () => {
    const data = {
      ints: [0, -1, 255, 256, 70_000, -(2 ** 31), 2 ** 31, 2n ** 64n, -(2n ** 63n) - 1n],
      floats: [0.5, -0, 1e300],
      text: "Zoë €😀",
      bytes: Uint8Array.of(0, 255),
      date: new Date("2024-02-29T12:30:45.678Z"),
      map: new Map<unknown, unknown>([
        [1, "x"],
        [[1, "y"], null],
        [new Set([2]), true],
      ]),
      sets: [new Set(), new Set([1]), []],
      nested: { a: [{ b: {} }] },
    };
    expect(unpickled([pickleFormat().encode({ data, meta: { persistent: true } })])).toEqual([
      "{'_permanent': True, 'ints': [0, -1, 255, 256, 70000, -2147483648, 2147483648, 18446744073709551616, " +
        "-9223372036854775809], 'floats': [0.5, -0.0, 1e+300], 'text': 'Zoë €😀', 'bytes': b'\\x00\\xff', " +
        "'date': datetime.datetime(2024, 2, 29, 12, 30, 45, 678000, tzinfo=datetime.timezone.utc), " +
        "'map': {1: 'x', (1, 'y'): None, frozenset({2}): True}, 'sets': [set(), {1}, []], 'nested': {'a': [{'b': {}}]}}",
    ]);
  });

  test("unchanged values are the same in Python, beside and inside of changed ones", () => {
    const format = pickleFormat();
    const change = (name: string, make: (data: Record<string, unknown>) => void): Uint8Array => {
      const [, , hex = ""] = python4.find(([one]) => one === name) ?? [];
      const content = format.decode(bytesOf(hex));
      make(content.data);
      return format.encode(content, bytesOf(hex)) as Uint8Array;
    };
    const payloads = [
      change("objects", (data) => Object.assign(data, { uuid: "gone", new: 1 })),
      change("sets", (data) => Object.assign(data, { new: 1 })),
      change("flashes", (data) => (data._flashes as string[][]).push(["info", "new"])),
      change("keys", (data) => (data.tuple as Map<unknown, unknown>).set(3, 4)),
      change("shared", (data) => (data.a as unknown[]).push(2)),
      change("times", (data) => {
        for (const key of Object.keys(data))
          if (!["utc", "naive", "west", "time", "date"].includes(key)) delete data[key];
        data.date = "2024-03-01";
      }),
    ];
    expect(unpickled(payloads)).toEqual([
      "{'uuid': 'gone', 'large': UUID('ffffffff-ffff-ffff-ffff-ffffffffffff'), 'decimals': [Decimal('1.10'), " +
        "Decimal('1E+3'), Decimal('NaN'), Decimal('-0')], 'ordered': <OrderedDict [('b', 1), ('a', 2)]>, " +
        "'one': <OrderedDict [('a', 1)]>, 'new': 1}",
      "{'set': {7}, 'empty': set(), 'frozen': frozenset({7}), 'bytearray': bytearray(b'\\x01\\xfe'), " +
        "'no bytearray': bytearray(b''), 'new': 1}",
      "{'_permanent': True, '_flashes': [('message', 'hi'), ('error', 'no'), ['info', 'new']], 'csrf_token': 'abc', " +
        "'_user_id': '7', '_fresh': True}",
      "{'int': {1: 'x'}, 'float': {1.5: 1}, 'none': {None: 1}, 'true': {True: 1}, 'bytes': {b'a': 1}, " +
        "'tuple': {(1, 2): 1, 3: 4}, 'time': {datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc): 1}, " +
        "'mixed': {1: 1, '1': 2}}",
      "{'a': ['again', 1, 2], 'b': ['again', 1], 't': datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), " +
        "'u': datetime.datetime(2025, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)}",
      "{'utc': datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc), " +
        "'naive': datetime.datetime(2024, 1, 2, 3, 4, 5, 678000), 'west': datetime.datetime(2024, 1, 2, 3, 4, 5, 1, " +
        "tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=66600), 'X')), 'date': '2024-03-01', " +
        "'time': datetime.time(3, 4, 5)}",
    ]);
  });

  test.each(python4)("%s is written as Python writes it", (_name, _protocol, pickle) => {
    expect(hexOf(writeTree(readTree(bytesOf(pickle)))) === pickle).toBe(true);
  });
});

describe.skipIf(missing)("objects of unknown classes", () => {
  const lines = missing ? [] : pickles("foreign");

  test.each(lines)("%s in protocol %i are the same in Python when other keys change", (_name, protocol, pickle) => {
    const format = pickleFormat();
    const payload = bytesOf(pickle);
    expect(format.encode(format.decode(payload), payload)).toBe(payload);
    const content = format.decode(payload);
    content.data["new"] = [1];
    content.data["copy"] = content.data["kept"];
    const written = format.encode(content, payload) as Uint8Array;
    expect(checked(payload, written, protocol)).toEqual({ same: true, newest: true });
  });

  test("are shown as what they are, and can be deleted", () => {
    const format = pickleFormat();
    const [, , hex = ""] = lines.find(([name, protocol]) => name === "zoned" && protocol === 4) ?? [];
    const content = format.decode(bytesOf(hex));
    expect(content.data["plain"]).toBe(1);
    const kept = content.data["kept"] as Record<string, unknown>;
    expect(kept["at"]).toBeInstanceOf(PickledObject);
    expect(kept["at"]).toMatchObject({ type: "datetime.datetime" });
    delete content.data["kept"];
    expect(format.decode(format.encode(content, bytesOf(hex))).data).toEqual({ plain: 1 });
  });
});

describe.skipIf(missing)("a pickle of an older protocol", () => {
  const lines = missing ? [] : pickles().filter(([name]) => !["frames", "many"].includes(name));

  test.each(lines)("%s in protocol %i keeps it, and Python reads the same values", (_name, protocol, pickle) => {
    const format = pickleFormat();
    const dict = readTree(bytesOf(pickle)).kind === "dict";
    const payload = dict ? bytesOf(pickle) : writeTree(pyDict([[pyText("a"), readTree(bytesOf(pickle))]]), protocol);
    const content = format.decode(payload);
    content.data["new"] = [1, new Uint8Array([255]), "Zoë €😀\n", new Set([1]), new Date(0), 1.5, 2n ** 70n, true];
    const written = format.encode(content, payload) as Uint8Array;
    expect(checked(payload, written, protocol)).toEqual({ same: true, newest: true });
  });
});

/** What Python makes of a pickle that was written in the place of another. */
function checked(before: Payload, after: Payload, most: number): { readonly same: boolean; readonly newest: boolean } {
  const { python } = flask as { python: string };
  const script = fileURLToPath(new URL("compare.py", import.meta.url));
  const input = [before, after].map((payload) => hexOf(payload as Uint8Array)).join("\n");
  const output = execFileSync(python, ["-X", "utf8", script], {
    encoding: "utf8",
    timeout: 60_000,
    input,
    cwd: dirname(script),
  });
  const { same, protocol } = JSON.parse(output) as { same: boolean; protocol: number };
  return { same, newest: protocol <= Math.min(most, 4) };
}

/** What Python makes of pickles. */
function unpickled(payloads: Payload[]): string[] {
  const { python } = flask as { python: string };
  const script = fileURLToPath(new URL("unpickle.py", import.meta.url));
  const input = payloads.map((payload) => hexOf(payload as Uint8Array)).join("\n");
  return execFileSync(python, ["-X", "utf8", script], { encoding: "utf8", timeout: 60_000, input }).trim().split("\n");
}

function pickles(...args: string[]): [string, number, string, string | null][] {
  const { python } = flask as { python: string };
  const script = fileURLToPath(new URL("pickles.py", import.meta.url));
  const [version = "", ...lines] = execFileSync(python, [script, ...args], {
    encoding: "utf8",
    timeout: 60_000,
    maxBuffer: 1e8,
  })
    .trim()
    .split("\n");
  reportBackend({ backend: "pickle", server: version, clients: [`msgspec ${pinned("msgspec")}`] });
  return lines.map((line) => JSON.parse(line));
}
