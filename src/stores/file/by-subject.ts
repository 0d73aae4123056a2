/** Finds every live record of a subject while records are made, renamed, renewed and removed. */

import type { ListedRecord } from "../../core/contracts/store.ts";
import { recordsOf } from "../shared/listing.ts";
import { type FoundRecord, listed, type Records } from "./records.ts";
import { nameOf } from "./steps.ts";
import type { Entry, Link, SubjectIndex } from "./subject-index.ts";

/** Every record of a subject that is live at this call, and perhaps some that came later. */
export function recordsOfSubject(
  subject: string,
  index: SubjectIndex,
  records: Records,
  answered: (() => void) | undefined,
): AsyncIterable<ListedRecord> {
  const hashed = nameOf(subject);
  let entries: ReadonlyMap<string, readonly Entry[]> = new Map();
  const members = async (): Promise<string[]> => {
    const { links, ...read } = await index.read(hashed);
    entries = read.entries;
    return sourcesFirst(new Set([...entries.keys(), ...links.map((link) => link.to)]), links);
  };
  const look = async (name: string): Promise<ListedRecord | null> => {
    const found: FoundRecord | undefined = await records.find(name);
    const right = found?.subject === subject;
    for (const entry of entries.get(name) ?? []) {
      await index.judge(hashed, name, entry, right && found.life === entry.life);
    }
    return right ? listed(found) : null;
  };
  // One after the other: their order says that a record which moves is found under one of its names.
  const readMany = async ([name]: string[]): Promise<[ListedRecord | null]> => [await look(name ?? "")];
  return recordsOf({ subject, members, readMany, batch: 1, answered });
}

/** Puts the old name of a record before the new one, so that a reader in this order finds a moving record under one of them. */
function sourcesFirst(names: ReadonlySet<string>, links: readonly Link[]): string[] {
  const sources = new Map<string, string[]>();
  for (const { from, to } of links) sources.set(to, [...(sources.get(to) ?? []), from]);
  const ordered: string[] = [];
  const entered = new Set<string>();
  function visit(name: string): void {
    if (entered.has(name)) return;
    entered.add(name);
    for (const source of sources.get(name) ?? []) visit(source);
    if (names.has(name)) ordered.push(name);
  }
  for (const name of names) visit(name);
  return ordered;
}
