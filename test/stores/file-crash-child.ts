/** A process that writes to a file store without pause, and says on its output what it is about to do and what is done. */

import { writeSync } from "node:fs";
import type { StoreRecord, Version } from "../../src/core/contracts/store.ts";
import { fileStore } from "../../src/stores/file.ts";

const [directory = "", prefix = "", durable = ""] = process.argv.slice(2);
const store = fileStore({ directory, durable: durable === "durable" });
const say = (line: string): void => void writeSync(1, `${line}\n`);

/** Long enough for a write of it to be cut in two, and the number in it to be found at both ends. */
function record(value: number): StoreRecord {
  const length = (value * 7919) % 200_000;
  return { payload: `${value};${"x".repeat(length)};${value}`, expiresAt: Date.now() + 3_600_000, subject: prefix };
}

/** Says that `key` is going to hold `value` and, where it moves, that `from` is not; does it, and says that it did. */
async function act(key: string, value: number, step: () => Promise<Version | null>, from = "-"): Promise<Version> {
  say(`try ${key} ${value} ${from}`);
  const version = await step();
  if (version === null) throw new Error(`${key} ${value} was refused`);
  say("done");
  return version;
}

const key = (name: string): string => `${prefix}.${name}`;
let updated = await act(key("updated"), 0, () => store.create(key("updated"), record(0)));
let moved = await act(key("moved0"), 0, () => store.create(key("moved0"), record(0)));
for (let value = 1; ; value += 1) {
  updated = await act(key("updated"), value, () => store.update(key("updated"), record(value), updated));
  await store.touch(key("updated"), Date.now() + 3_700_000 + value);
  const [from, to] = [key(`moved${value - 1}`), key(`moved${value}`)];
  moved = await act(to, value, () => store.rename(from, to, record(value), moved), from);
  await act(key("made"), value, () => store.create(key("made"), record(value)));
  say(`try ${key("made")} - -`);
  await store.delete(key("made"), prefix);
  say("done");
}
