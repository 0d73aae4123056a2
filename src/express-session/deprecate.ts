/** Tells once, the way express-session does, what a later version will not take any more. */

const said = new Set<string>();

/** Emits a `DeprecationWarning`, once for each text. `NO_DEPRECATION=express-session` silences it, as it does there. */
export function deprecate(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  const silenced = process.env["NO_DEPRECATION"]?.split(/[ ,]+/) ?? [];
  if (silenced.includes("express-session") || silenced.includes("*")) return;
  process.emitWarning(`express-session: ${text}`, "DeprecationWarning");
}
