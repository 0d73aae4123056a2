/** What doc comments say of defaults, compared with what the code takes. */

import type { Defaults, Entry } from "./declarations.ts";

/** Options without a word on what happens when they are left out, and defaults that are not the code's. */
export function wrongDefaults(entries: readonly Entry[], defaults: ReadonlyMap<string, readonly Defaults[]>): string[] {
  const all = new Map(
    entries.flatMap(({ declarations }) => declarations.map((one) => [`${one.file} ${one.name}`, one] as const)),
  );
  const objects = [...all.values()].filter(({ kind, name }) => kind === "interface" && /(Options|Limit)$/.test(name));
  return objects.flatMap(({ file, name, members }) =>
    members.flatMap((member) => {
      if (!member.optional) return [];
      const said = member.doc.byDefault;
      if (said === undefined) return [`${file}: ${name}.${member.name}: the doc comment must say "Default: …"`];
      const uses = new RegExp(`\\b${name}\\b`);
      const taken = defaults
        .get(file)
        ?.find(({ text, taken }) => uses.test(text) && taken.has(member.name))
        ?.taken.get(member.name);
      const literal = literalOf(said);
      if (taken === undefined || literal === taken) return [];
      return [
        `${file}: ${name}.${member.name}: the doc comment says default ${literal ?? said}, and the code takes ${taken}`,
      ];
    }),
  );
}

/** `` `"1h"` (NIST) `` → `"1h"`; `false: only login` → `false`; `10,000` → `10000`; `none` → `""`. */
function literalOf(said: string): string | undefined {
  if (/^none\b/.test(said)) return '""';
  const number = /^\d[\d, _]*/.exec(said)?.[0];
  return number?.replace(/[, _]/g, "") ?? /^`([^`]+)`/.exec(said)?.[1] ?? /^(true|false)\b/.exec(said)?.[1];
}
