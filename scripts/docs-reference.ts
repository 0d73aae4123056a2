/** `npm run docs:reference`: writes the pages of docs/reference from the doc comments. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeReference } from "./docs/reference.ts";
import { projectRoot } from "./lib.ts";

const { pages, problems } = await makeReference(projectRoot);
for (const { file, text } of pages) {
  mkdirSync(dirname(join(projectRoot, file)), { recursive: true });
  writeFileSync(join(projectRoot, file), text);
}
for (const problem of problems) console.warn(problem);
console.log(`${pages.length} pages written to docs/reference`);
