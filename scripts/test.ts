/**
 * `npm test`: everything. Prepares the servers, builds, checks, runs the tests here, on Bun, on Deno and on the other
 * versions of Node; ends with a table of what ran against what, and the line `N passed, N failed`.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { build } from "./build.ts";
import { runChecks } from "./check.ts";
import { publicFiles } from "./checks/surface.ts";
import { projectRoot, seconds } from "./lib.ts";
import { runNodeMatrix } from "./node-matrix.ts";
import { runRuntimes } from "./runtimes.ts";
import { prepareServers } from "./servers.ts";
import { type Outcome, printTable, type Row, rowsOf, runTests } from "./test-report.ts";

/** Milliseconds for the largest stage: three times what it takes on two quiet cores. */
const limit = 45 * 60_000;

const start = performance.now();
const scratch = mkdtempSync(`${tmpdir()}/sojourn-test-`);
const rows: Row[] = [];
let passed = 0;
let failed = 0;
const failures: string[] = [];
/** What failed at first and passed when its file ran alone. */
const notes: string[] = [];
/** How long each stage took. */
const took: string[] = [];

try {
  await stage("servers", async () => {
    const missing = await prepareServers();
    // Elsewhere the tests that need them say so in the table.
    if (process.env.CI) failed += missing.length;
  });

  await stage("build", async () => {
    const said = await build();
    console.log(said || "dist is built");
    count(said === "");
  });

  await stage("check", async () => {
    const checks = await runChecks();
    passed += checks.passed;
    failed += checks.failed;
  });

  await stage("tests", async () => {
    // All groups at once, so that what waits for a server runs beside what computes.
    const options = ["--reporter=default", "--reporter=./scripts/hung-tests.ts"];
    const outcome = await runTests({ name: "tests", scratch, command: [process.execPath], options, limit });
    add(outcome);
    rows.push(...rowsOf([outcome], shipped()));
  });

  await stage("Bun and Deno", async () => {
    for (const result of await runRuntimes(scratch)) {
      add(result);
      rows.push(...result.rows);
    }
  });

  await stage("other versions of Node", async () => {
    for (const { major, version, tests, failure, notes: own } of await runNodeMatrix(scratch)) {
      const good = failure === "";
      count(good || (version === undefined && !process.env.CI));
      notes.push(...own);
      if (!good) failures.push(`node ${major}: ${failure}`);
      const result = good ? "passed" : version ? "FAILED" : "not run: npm could not bring it";
      rows.push({ backend: `node ${major}`, server: version ?? "", clients: "", tests: String(tests), result });
    }
  });
} catch (error) {
  console.error(error);
  failed += 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

failed += rows.filter((row) => row.result.startsWith("not tested")).length;
console.log();
printTable(rows);
// Last, since a long log is often read from its end.
if (notes.length > 0) console.log(`\n=== to be known\n${notes.join("\n")}`);
if (failures.length > 0) console.log(`\n=== what failed\n${failures.join("\n")}`);
console.log(`\n${took.join(", ")}`);
console.log(`Took ${seconds(performance.now() - start)}.`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function stage(name: string, work: () => Promise<void>): Promise<void> {
  console.log(`\n=== ${name}`);
  const begun = performance.now();
  try {
    await work();
  } finally {
    took.push(`${name} ${seconds(performance.now() - begun)}`);
  }
}

function add(result: Pick<Outcome, "passed" | "failed" | "failures" | "notes">): void {
  passed += result.passed;
  failed += result.failed;
  failures.push(...result.failures);
  notes.push(...result.notes);
}

function count(good: boolean): void {
  if (good) passed += 1;
  else failed += 1;
}

/** What must have a row: every store, every framework, and the runtime that has no vitest. */
function shipped(): string[] {
  const files = ["stores", "frameworks"].flatMap((folder) => publicFiles(projectRoot, folder));
  return [...files.map((file) => basename(file, ".ts")), "workerd"];
}
