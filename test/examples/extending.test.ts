/** The store of docs/extending.md, as it stands there, passes the store suite. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreHarness } from "sojourn/testing";
import { afterAll, expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { describeStore } from "../support/store-tests.ts";

const scratch = join(projectRoot, ".cache", "extending");
const blocks = readFileSync(join(projectRoot, "docs/extending.md"), "utf8").matchAll(/^```ts.*?\n(.*?)^```$/gms);
const [store = "", suite = ""] = [...blocks].map(([, code]) => code);

// The suite as the page runs it, but registered with the runner at hand and kept out of the working directory.
const registration = suite.indexOf("for (const {");
const made = suite.slice(0, registration).replace('mkdtempSync("', `mkdtempSync("${join(tmpdir(), "/")}`);
mkdirSync(scratch, { recursive: true });
writeFileSync(join(scratch, "table-store.ts"), `${store}\n${made}\nexport { directory };\n`);
const page = (await import(join(scratch, "table-store.ts"))) as { harness: StoreHarness; directory: string };

afterAll(() => {
  rmSync(page.directory, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});

test("the page shows the store, the harness, and the loop that registers its cases", () => {
  expect(registration).toBeGreaterThan(0);
  expect(suite.slice(registration)).toContain("of storeConformance(harness)");
});

describeStore(page.harness);
