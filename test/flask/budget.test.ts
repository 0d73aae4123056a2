/** What a payload may cost: CPU and memory in proportion to its size, whatever it says. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { flaskFormat, pickleFormat, taggedJsonFormat } from "../../src/flask.ts";

interface Row {
  readonly name: string;
  readonly size: number;
  readonly cpu: number;
  readonly heap: number;
  readonly outcome: string;
}

// A request with 1 MB of MessagePack took 3.9 s and 890 MB.
test("1 MB of any shape costs at most a small multiple of JSON.parse for as much", () => {
  const program = fileURLToPath(new URL("hostile-costs.ts", import.meta.url));
  const flags = ["--conditions=sojourn-source", "--expose-gc", "--max-old-space-size=320", "--max-semi-space-size=16"];
  const lines = execFileSync(process.execPath, [...flags, program], { encoding: "utf8", timeout: 110_000 })
    .trim()
    .split("\n");
  const [plain, ...rows] = lines.map((line) => JSON.parse(line)) as [Row, ...Row[]];
  expect(rows.length).toBeGreaterThan(45);
  for (const { name, cpu, heap, outcome } of rows) {
    expect.soft(cpu, name).toBeLessThan(100 * Math.max(plain.cpu, 10));
    expect.soft(heap, name).toBeLessThan(8 * plain.heap);
    // What is read is found unchanged; what is too much says so without a word of it.
    expect.soft(outcome, name).toMatch(/^(read|(Range|Syntax)Error: (not |neither MessagePack nor))/);
  }
}, 120_000);

test("sessions of many small values are within the budget", () => {
  const users = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `user ${id}`, tags: ["a", {}], ok: true }));
  const flat = Array.from({ length: 300_000 }, (_, at) => at % 100);
  for (const format of [flaskFormat(), flaskFormat({ format: "json" }), taggedJsonFormat(), pickleFormat()]) {
    for (const data of [{ users }, { flat }, { empty: users.slice(0, 10_000).map(() => ({})) }]) {
      const payload = format.encode({ data, meta: {} });
      // Of vitest's own comparison, three quarters of the test's time.
      expect(isDeepStrictEqual(format.decode(payload).data, data)).toBe(true);
    }
  }
}, 60_000);

test("a session too large to be read again is refused when it is saved", () => {
  const data = { many: Array.from({ length: 400_000 }, () => ({})) };
  for (const format of [flaskFormat(), flaskFormat({ format: "json" }), taggedJsonFormat(), pickleFormat()]) {
    expect(() => format.encode({ data, meta: {} })).toThrow(
      expect.objectContaining({
        code: "ERR_SESSION_NOT_STORABLE",
        message: expect.stringContaining("too many values"),
      }),
    );
  }
}, 60_000);
