/**
 * The mark of a record: an empty file in the record's directory whose name says which version is current and when
 * it ends. A record is live because its mark is there; every change of a record is one rename of its mark, which
 * succeeds for one of several at once because only one finds it under its old name.
 */

import { rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { attempt, gone, listing, nonce, tidy } from "./steps.ts";

const markName = /^(([0-9a-f]{16})\.[0-9a-f]{16})\.(\d{1,16})$/;
const versionName = /^([0-9a-f]{16})\.[0-9a-f]{16}$/;
const landingName = /^in\.[0-9a-f]{16}$/;

/** A mark as it was seen. */
export interface Mark {
  /** `<life>.<nonce>`, also the name of the file with the record. */
  readonly version: string;
  /** What a record is born with under a key, by create or rename, and what dies with it. */
  readonly life: string;
  readonly expiresAt: number;
  readonly path: string;
  /** All that was in the record's directory at that moment. */
  readonly names: readonly string[];
}

/** A version no record ever had. */
export function newVersion(life: string): string {
  return `${life}.${nonce()}`;
}

/** The life a version is of, or `undefined` when it is no version of this store. */
export function lifeOf(version: unknown): string | undefined {
  return typeof version === "string" ? versionName.exec(version)?.[1] : undefined;
}

/** The path of the mark of a version. */
export function markPath(directory: string, version: string, expiresAt: number): string {
  return join(directory, `${version}.${expiresAt}`);
}

/** Where the mark of a renamed record lands: a directory of its own, so that no other directory receives it. */
export function landingPath(directory: string, life: string): string {
  return join(directory, `in.${life}`);
}

/** The mark in a record's directory, or `undefined` when the record is dead or absent. */
export async function look(directory: string): Promise<Mark | undefined> {
  // A mark that has landed is moved out of its landing by the next change: then only a second look finds it.
  for (let turn = 0; turn < 2; turn += 1) {
    const names = await listing(directory);
    if (names === undefined) return undefined;
    const landing = names.find((name) => landingName.test(name));
    const mark = markIn(directory, names, names) ?? (landing && (await landed(join(directory, landing), names)));
    if (mark) return mark;
  }
  return undefined;
}

async function landed(landing: string, names: readonly string[]): Promise<Mark | undefined> {
  return markIn(landing, (await listing(landing)) ?? [], names);
}

function markIn(directory: string, candidates: readonly string[], names: readonly string[]): Mark | undefined {
  for (const name of candidates) {
    const [, version, life, expiresAt] = markName.exec(name) ?? [];
    if (version && life) return { version, life, expiresAt: Number(expiresAt), path: join(directory, name), names };
  }
  return undefined;
}

/**
 * Removes what was in a record's directory before `version` became current: the version before it, and those of
 * updates that failed or are about to, because the mark they want to rename is not there any more.
 */
export async function clearOlder(directory: string, names: readonly string[], version: string): Promise<void> {
  for (const name of names) {
    if (landingName.test(name)) await tidy(rmdir(join(directory, name)));
    else if (versionName.test(name) && name !== version) await tidy(unlink(join(directory, name)));
  }
}

/**
 * Removes a dead record. Everything goes by its own name, never the directory as a whole, because a new record may
 * take its place at any moment; names hold nonces, so none of the new ones is among those listed before.
 */
export async function clear(directory: string): Promise<void> {
  for (;;) {
    const names = await listing(directory);
    if (names === undefined || names.some((name) => markName.test(name))) return;
    const landings = names.filter((name) => landingName.test(name));
    if (landings.length === 0) {
      for (const name of names) await tidy(unlink(join(directory, name)));
      await tidy(rmdir(directory));
      return;
    }
    // Without its landing a rename in flight cannot finish. If one just has, the landing is not empty: it stays.
    // The mark may have moved on before the landing went, so what to do is decided by a new listing.
    for (const landing of landings) {
      if (!(await attempt(rmdir(join(directory, landing)), [...gone, "ENOTEMPTY", "EEXIST"]))) return;
    }
  }
}
