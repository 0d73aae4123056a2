/** Finding every live record of a subject while records are made, renamed and removed. */

import type { FoundRecord, Records } from "./records.ts";
import { nameOf } from "./steps.ts";
import type { Link, SubjectIndex } from "./subject-index.ts";

/** Every record of a subject that is live at this call, and perhaps some that came later. */
export async function* recordsOf(subject: string, index: SubjectIndex, records: Records): AsyncIterable<FoundRecord> {
  const hashed = nameOf(subject);
  const [given, missing, followed] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let { entries, links } = await index.read(hashed);
  let names = new Set([...entries.keys(), ...links.map((link) => link.to)]);
  while (names.size > 0) {
    for (const name of sourcesFirst(names, links)) {
      const found = await records.find(name);
      const right = found?.subject === subject;
      for (const entry of entries.get(name) ?? []) {
        await index.judge(hashed, name, entry, right && found.life === entry.life);
      }
      if (!right) missing.add(name);
      else if (!given.has(name)) {
        given.add(name);
        yield found;
      }
    }
    if (missing.size === 0) return;
    // What is missing may have been renamed after the index was read; then there is a link now that was not there.
    for (const { from, to } of links) followed.add(`${from} ${to}`);
    ({ entries, links } = await index.read(hashed));
    links = links.filter(({ from, to }) => missing.has(from) && !followed.has(`${from} ${to}`));
    names = new Set(links.map((link) => link.to));
  }
}

/** Puts the old name of a record before the new one: looked at in this order, it is found under one of them. */
function sourcesFirst(names: ReadonlySet<string>, links: readonly Link[]): Set<string> {
  const sources = new Map<string, string[]>();
  for (const { from, to } of links) sources.set(to, [...(sources.get(to) ?? []), from]);
  const ordered = new Set<string>();
  const entered = new Set<string>();
  function visit(name: string): void {
    if (entered.has(name)) return;
    entered.add(name);
    for (const source of sources.get(name) ?? []) visit(source);
    if (names.has(name)) ordered.add(name);
  }
  for (const name of names) visit(name);
  return ordered;
}
