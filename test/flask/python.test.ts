/** Records beside the real msgspec: what it writes is written the same from the values, and what we write is what it would. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pinned, readyFlask } from "../../scripts/flask.ts";
import { readJson, writeJson } from "../../src/flask/json.ts";
import { readMsgpack } from "../../src/flask/msgpack/read.ts";
import { writeMsgpack } from "../../src/flask/msgpack/write.ts";
import type { Node } from "../../src/flask/tree.ts";
import { flaskFormat } from "../../src/flask.ts";
import { anyText } from "../property/arbitraries.ts";
import { reportBackend, reportMissing } from "../support/report.ts";

const flask = readyFlask();
const missing = typeof flask === "string" && reportMissing("msgspec", flask);
const hex = (payload: unknown): string => Buffer.from(payload as Uint8Array).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

interface Asked {
  readonly count: number;
  readonly seed: number;
  readonly msgpack: readonly string[];
  readonly json: readonly string[];
}
interface Answered {
  readonly made: readonly (readonly [msgpack: string, json: string])[];
  readonly msgpack: readonly string[];
  readonly json: readonly string[];
}

function python(asked: Partial<Asked>): Answered {
  if (typeof flask === "string") throw new Error(flask);
  const program = fileURLToPath(new URL("sessions.py", import.meta.url));
  const input = JSON.stringify({ count: 0, seed: 0, msgpack: [], json: [], ...asked });
  const env = { ...process.env, PYTHONIOENCODING: "utf-8" };
  const options = { input, encoding: "utf8", maxBuffer: 2 ** 26, timeout: 60_000, env } as const;
  return JSON.parse(execFileSync(flask.python, [program], options)) as Answered;
}

/** The same values, as if the application had set them: nothing is left to copy. */
function anew(node: Node): Node {
  if (node.kind === "list") return { ...node, items: node.items.map(anew), at: undefined };
  if (node.kind !== "dict") return { ...node, at: undefined };
  const entries = Array.from(node.entries, ([name, [key, value]]) => {
    return [name, [anew(key), anew(value)]] as const;
  });
  return { kind: "dict", entries: new Map(entries), at: undefined };
}

describe.skipIf(missing)("compared with the real msgspec", () => {
  test("a thousand random sessions are written identically, in both formats, from either", () => {
    const seed = Date.now() % 2 ** 31;
    for (const [msgpack, json] of python({ count: 1000, seed }).made) {
      const tree = readMsgpack(bytes(msgpack));
      expect(hex(writeMsgpack(anew(tree))), `seed ${seed}`).toBe(msgpack);
      expect(writeJson(anew(tree)), `seed ${seed}`).toBe(json);
      expect(writeJson(anew(readJson(json))), `seed ${seed}`).toBe(json);
    }
  });

  test("values set by an application are written identically, so msgspec reads them", () => {
    const text = anyText.filter((one) => !/\p{Surrogate}/u.test(one) && one !== "_permanent");
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        text,
        fc.double(),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.date({ noInvalidDate: true, min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z") }),
        fc.uint8Array(),
        fc.array(tie("value")),
        fc.dictionary(text, tie("value")),
        fc.array(tie("value")).map((items) => new Set(items)),
        fc.array(fc.tuple(fc.oneof(fc.integer(), text), tie("value"))).map((entries) => new Map(entries)),
      ),
    }));
    const sessions = fc.sample(fc.dictionary(text, value, { noNullPrototype: false }), 300);
    const of = (format: ReturnType<typeof flaskFormat>): Uint8Array[] =>
      sessions.map((data) => format.encode({ data, meta: { persistent: true } }) as Uint8Array);
    const msgpack = of(flaskFormat()).map(hex);
    const json = of(flaskFormat({ format: "json" })).map((payload) => new TextDecoder().decode(payload));
    const again = python({ msgpack, json });
    expect(again.msgpack).toEqual(msgpack);
    expect(again.json).toEqual(json);
    reportBackend({ backend: "msgspec", server: `msgspec ${pinned("msgspec")}`, clients: [] });
  });
});
