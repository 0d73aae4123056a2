/** What there is once a process, however often this module is loaded: dev servers load it again with every edit, and Next.js into each of its programs. */

/** Under one symbol, which every copy of this module finds. The number changes when what is kept changes its shape. */
const registry: unique symbol = Symbol.for("sojourn process 1");

/** What `make` gave when it was first called for this name. */
export function processWide<Value>(name: string, make: () => Value): Value {
  const host = globalThis as { [registry]?: Map<string, unknown> };
  host[registry] ??= new Map();
  const all = host[registry];
  if (!all.has(name)) all.set(name, make());
  return all.get(name) as Value;
}
