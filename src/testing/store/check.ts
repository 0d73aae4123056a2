/** The assertions of the store suite: small, the same under every runtime, and they say what was seen. */

import { isBytes } from "../../core/bytes/bytes.ts";
import type { Store, StoredRecord, Version } from "../../core/contracts/store.ts";

/** Fails the case with `message` unless `condition` holds. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fails the case unless both are the same primitive. `what` starts the message. */
export function same(actual: unknown, expected: unknown, what: string): void {
  check(Object.is(actual, expected), `${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** Fails the case unless both payloads are of one type and equal. */
export function samePayload(
  actual: string | Uint8Array | undefined,
  expected: string | Uint8Array,
  what: string,
): void {
  check(equalPayloads(actual, expected), `${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** Fails the case unless both hold the same strings, in any order and as often. */
export function sameStrings(actual: Iterable<string>, expected: Iterable<string>, what: string): void {
  const [got, wanted] = [[...actual].sort(), [...expected].sort()];
  const missing = wanted.filter((text) => !got.includes(text));
  const extra = got.filter((text) => !wanted.includes(text));
  check(
    missing.length === 0 && extra.length === 0 && got.length === wanted.length,
    `${what}: expected ${wanted.length}, got ${got.length}; missing ${show(missing)}, unexpected ${show(extra)}`,
  );
}

/** The version a write answered, or a failed case when it answered `null`. */
export function won(version: Version | null, what: string): Version {
  check(version !== null && version !== undefined, `${what} answered ${version}, expected a version`);
  return version;
}

/** Fails the case unless a write was refused with `null`. */
export function refused(version: Version | null, what: string): void {
  check(version === null, `${what} answered ${version === undefined ? "undefined" : "a version"}, expected null`);
}

/** The live record under `key`, or a failed case. */
export async function live(store: Store, key: string, what: string): Promise<StoredRecord> {
  const found = await store.read(key);
  check(found !== null && found !== undefined, `${what}: read answered ${found}, expected a record`);
  return found;
}

/** Fails the case unless there is no live record under `key`. */
export async function gone(store: Store, key: string, what: string): Promise<void> {
  const found = await store.read(key);
  check(found === null, `${what}: read answered ${found === undefined ? "undefined" : "a record"}, expected null`);
}

/** The error a call rejected with, or a failed case when it did not reject. */
export async function rejection(call: () => Promise<unknown>, what: string): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error(`${what} did not reject`);
}

/** Everything an async iterable gives. */
export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

function equalPayloads(a: string | Uint8Array | undefined, b: string | Uint8Array): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return isBytes(a) && a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function show(value: unknown): string {
  if (isBytes(value)) return `${value.length} bytes [${value.slice(0, 8).join(" ")} ...]`;
  const text = typeof value === "string" || Array.isArray(value) ? JSON.stringify(value) : String(value);
  return text.length > 120 ? `${text.slice(0, 120)}... (${text.length} characters)` : text;
}
