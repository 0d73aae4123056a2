/** Runs a module with decorators as the compiler of a Nest project makes it: Node only strips types. */

import { readFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { transformWithOxc } from "vite";

type Decorator = (target: object, key?: string, more?: unknown) => unknown;

/** What the compiled code calls. */
const babelHelpers = {
  decorate(decorators: readonly Decorator[], target: object, key?: string): object {
    const descriptor = key === undefined ? undefined : Object.getOwnPropertyDescriptor(target, key);
    for (const one of decorators.toReversed()) one(target, key, descriptor);
    return target;
  },
  decorateParam: (index: number, decorator: Decorator) => (target: object, key?: string) =>
    decorator(target, key, index),
};
Object.assign(globalThis, { babelHelpers });

const path = process.argv[2] as string;
const { code } = await transformWithOxc(await readFile(path, "utf8"), path, {
  decorator: { legacy: true },
  helpers: { mode: "External" },
});
const { href } = pathToFileURL(path);
registerHooks({
  load: (url, context, nextLoad) =>
    url === href ? { format: "module", source: code, shortCircuit: true } : nextLoad(url, context),
});
await import(href);
