/** `npm run test:runtimes`: what must hold on every runtime, run by Bun and by Deno. workerd has `test/runtimes`. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot, run, seconds } from "./lib.ts";
import { type Outcome, printTable, type Row, rowsOf, runTests } from "./test-report.ts";

/** How each runs a program, which comes from npm, and where its tests run. */
const runtimes = [
  { name: "bun", command: ["bun", "--bun"], pool: "forks" },
  // Of the child processes of Deno 2.9 one in twenty ends before its last message is through: then vitest waits for ever.
  { name: "deno", command: ["deno", "run", "-A"], pool: "threads" },
] as const;

/** The tests that run there, as they are. They report what they ran against as they do on Node. */
const stores = ["memory", "file", "cookie"];
const frameworks = ["node", "express", "fetch"];
const files = [
  "test/core/",
  ...stores.map((name) => `test/stores/${name}.test.ts`),
  ...frameworks.map((name) => `test/frameworks/${name}.test.ts`),
];
/** Five minutes: it takes half of one. A runtime that hangs must not hold up the run. */
const limit = 300_000;
const options = ["--project", "unit", "--project", "frameworks", "--reporter=default"];

/** What came of one runtime. */
export interface RuntimeResult {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
}

/** Runs the tests on each, one after the other. A row for everything that was to run, also when nothing did. */
export async function runRuntimes(scratch: string): Promise<RuntimeResult[]> {
  const results: RuntimeResult[] = [];
  for (const { name, command, pool } of runtimes) {
    const start = performance.now();
    const program = join(projectRoot, "node_modules", ".bin", command[0]);
    const { output } = await run(program, ["--version"]);
    const server = `${name} ${/\d+\.\d+\.\d+/.exec(output)?.[0] ?? ""}`;
    const outcome = await runTests({
      name,
      scratch,
      command: [program, ...command.slice(1)],
      options: ["--pool", pool, ...options],
      files,
      limit,
    });
    const { passed, failed } = outcome;
    const [failures, notes] = [outcome.failures, outcome.notes].map((list) => list.map((one) => `${name}: ${one}`));
    results.push({ passed, failed, failures: failures!, notes: notes!, rows: rowsOn(server, outcome) });
    console.log(
      `${server}: ${outcome.passed} passed, ${outcome.failed} failed (${seconds(performance.now() - start)})`,
    );
  }
  return results;
}

/** The rows as the tests reported them, and one for the core. */
function rowsOn(server: string, outcome: Outcome): Row[] {
  const inCore = new Set(outcome.tests.map(({ file }) => file).filter((file) => file.includes("/test/core/")));
  const core = [...inCore].map((file) => ({ kind: "ran", file, backend: "core", server }) as const);
  const reported = { ...outcome, reports: [...outcome.reports, ...core] };
  const rows = rowsOf([reported], ["core", ...stores, ...frameworks]);
  return rows.map((row) => ({ ...row, backend: `${row.backend} on ${server.split(" ")[0]}`, server }));
}

if (import.meta.main) {
  const scratch = mkdtempSync(`${tmpdir()}/sojourn-runtimes-`);
  try {
    const results = await runRuntimes(scratch);
    const rows = results.flatMap((result) => result.rows);
    printTable(rows);
    process.exitCode = rows.every((row) => row.result === "passed") && results.every((one) => one.failed === 0) ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
