/** A ```ts block of a documentation page as a module, to test what readers copy. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = new URL("../../", import.meta.url);
const scratch = new URL(`.cache/doc-module-${process.pid}/`, root);

/** What the first block of the page with `text` in it exports. */
export async function docModule(page: string, text: string): Promise<Record<string, unknown>> {
  const blocks = readFileSync(new URL(page, root), "utf8").matchAll(/^```ts\n(.*?)^```/gms);
  const block = Array.from(blocks, ([, code]) => code!).find((code) => code.includes(text));
  if (!block) throw new Error(`${page} has no block with ${text}`);
  mkdirSync(scratch, { recursive: true });
  const file = new URL(`${text.replace(/\W+/g, "-")}-${page.replace(/\W+/g, "-")}.ts`, scratch);
  writeFileSync(file, block);
  try {
    return (await import(pathToFileURL(fileURLToPath(file)).href)) as Record<string, unknown>;
  } finally {
    rmSync(fileURLToPath(scratch), { recursive: true, force: true });
  }
}
