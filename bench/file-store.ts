/**
 * What one call of the file store takes, with few and with many records stored.
 *
 *     node --conditions=sojourn-source bench/file-store.ts [directory]
 *
 * Each call is measured alone, one after the other, on records drawn at random; the middle value of 2000 counts
 * (300 where every write goes to disk). The calls take turns, so that they share whatever else the machine does.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileStore } from "../src/stores/file.ts";

const base = mkdtempSync(join(process.argv[2] ?? tmpdir(), "sojourn-bench-"));
const hour = 3_600_000;
const payload = JSON.stringify({ user: "u".repeat(36), cart: Array.from({ length: 30 }, (_, at) => `item ${at}`) });
const record = (subject?: string) => ({ payload, expiresAt: Date.now() + hour, subject });

async function measure(directory: string, count: number, durable: boolean, rounds: number): Promise<void> {
  const filler = fileStore({ directory });
  for (let at = 0; at < count; at += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, step) => filler.create(`k${at + step}`, record())));
  }
  const store = fileStore({ directory, durable });
  const times = new Map<string, number[]>();
  const timed = async <Result>(name: string, call: () => Promise<Result>): Promise<Result> => {
    const before = performance.now();
    const result = await call();
    times.set(name, [...(times.get(name) ?? []), (performance.now() - before) * 1000]);
    return result;
  };
  for (let round = 0; round < rounds; round += 1) {
    const [key, other] = [0, 1].map(() => `k${Math.floor(Math.random() * count)}`) as [string, string];
    await timed("read", () => store.read(key));
    await timed("read, no such record", () => store.read(`none${round}`));
    const { version } = (await store.read(other))!;
    await timed("update", () => store.update(other, record(), version));
    await timed("touch", () => store.touch(key, Date.now() + hour + round));
    const created = await timed("create", () => store.create(`new${round}`, record()));
    const next = await timed("rename", () => store.rename(`new${round}`, `newer${round}`, record(), created!));
    if (!next) throw new Error("the rename was refused");
    await timed("delete", () => store.delete(`newer${round}`));
    const owned = await timed("create, with subject", () => store.create(`own${round}`, record(`user ${round % 500}`)));
    await timed("update, with subject", () => store.update(`own${round}`, record(`user ${round % 500}`), owned!));
    await timed("delete, with subject", () => store.delete(`own${round}`, `user ${round % 500}`));
  }
  console.log(`\n${count} records${durable ? ", durable" : ""}: microseconds, median (quartiles)`);
  for (const [name, all] of times) {
    all.sort((a, b) => a - b);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => Math.round(all[Math.floor(all.length * part)]!));
    console.log(`  ${name.padEnd(22)} ${String(middle).padStart(6)}  (${low} to ${high})`);
  }
}

console.log(`Node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`);
try {
  await measure(join(base, "few"), 1000, false, 2000);
  await measure(join(base, "few"), 1000, true, 300);
  await measure(join(base, "many"), 100_000, false, 2000);
  const start = performance.now();
  let [calls, cursor]: [number, string | undefined] = [0, "r"];
  const store = fileStore({ directory: join(base, "many") });
  for (; cursor !== undefined; calls += 1) ({ cursor } = await store.prune({ cursor }));
  console.log(`\nprune over 100 000 live records: ${Math.round(performance.now() - start)} ms in ${calls} calls`);
} finally {
  rmSync(base, { recursive: true, force: true });
}
