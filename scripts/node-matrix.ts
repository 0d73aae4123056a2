/** `npm run test:node-matrix`: what a version of Node can change, and the packed package, on the others it supports. */

import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname } from "node:path";
import { publicEntries } from "./checks/surface.ts";
import { lines, projectRoot, run, seconds } from "./lib.ts";
import { installPacked, loadEntries } from "./pack.ts";
import { runTests } from "./test-report.ts";

const majors = [22, 26];

/**
 * The tests of what differs between versions: the engine (values, errors, text forms, regular expressions), crypto,
 * asynchronous context, `node:http`, files, channels and processes. Searches through orders of calls, comparisons with
 * Python, and the suites over other stores and frameworks find on one version what they find on another: they run on the
 * project's own.
 */
const files = globSync(
  [
    "test/{core,property,observe,cli,express-session}/**/*.test.ts",
    "test/flask/{format,identity,local-time,options,sessions,unreadable,vectors}.test.ts",
    "test/flask/{config,cookie,pickle,tagged-json}/**/*.test.ts",
    "test/stores/{memory,file,cookie,cookie-webcrypto}.test.ts",
    "test/frameworks/node.test.ts",
  ],
  { cwd: projectRoot, exclude: ["**/explore*.test.ts", "**/renewal.test.ts", "**/python.test.ts"] },
);

/** What came of one version of Node. */
export interface NodeResult {
  readonly major: number;
  /** `"v22.23.3"`, absent when npm could not bring it. */
  readonly version?: string;
  /** How many tests passed. */
  readonly tests: number;
  /** What failed; empty when all is well. */
  readonly failure: string;
  /** What failed at first and passed when its file ran alone. */
  readonly notes: readonly string[];
}

/** Runs the matrix, one version after the other. */
export async function runNodeMatrix(scratch: string): Promise<NodeResult[]> {
  const packed = await installPacked();
  const specifiers = publicEntries(projectRoot).map((entry) => entry.specifier);
  const results: NodeResult[] = [];
  try {
    for (const major of majors) {
      const start = performance.now();
      const result = await runOn(major, scratch, packed.directory, specifiers);
      results.push(result);
      const what = result.failure ? `FAIL\n${result.failure}` : `${result.tests} tests passed, every export loads`;
      console.log(`Node ${result.version ?? major}: ${what} (${seconds(performance.now() - start)})`);
    }
  } finally {
    rmSync(packed.directory, { recursive: true, force: true });
  }
  return results;
}

/** The newest Node of a major version, which npm brings: its program and its version; or why there is none. */
export async function bringNode(major: number): Promise<{ node: string; version: string } | { missing: string }> {
  const print = "process.execPath + ' ' + process.version";
  const { output } = await run("npx", ["-y", "-p", `node@${major}`, "--", "node", "-p", print]);
  const [, node, version] = /^(\/.*) (v\d+\.\d+\.\d+)$/.exec(lines(output).at(-1) ?? "") ?? [];
  if (!node || !version?.startsWith(`v${major}.`)) return { missing: `npx brought no Node ${major}: ${output}` };
  return { node, version };
}

async function runOn(
  major: number,
  scratch: string,
  directory: string,
  specifiers: readonly string[],
): Promise<NodeResult> {
  const found = await bringNode(major);
  if ("missing" in found) return { major, tests: 0, failure: found.missing, notes: [] };
  const { node, version } = found;
  const notLoaded = await loadEntries(node, directory, specifiers);
  if (notLoaded) return { major, version, tests: 0, failure: notLoaded, notes: [] };
  const outcome = await runTests({
    name: `node-${major}`,
    scratch,
    command: [node],
    options: ["--project", "unit", "--project", "frameworks", "--reporter=dot"],
    files,
    env: { PATH: [dirname(node), process.env.PATH].join(delimiter), NO_COLOR: "1", FORCE_COLOR: undefined },
    limit: 600_000,
  });
  const notes = outcome.notes.map((note) => `node ${major}: ${note}`);
  const none = outcome.passed === 0 ? ["no test passed"] : [];
  return { major, version, tests: outcome.passed, failure: [...outcome.failures, ...none].join("\n"), notes };
}

if (import.meta.main) {
  const scratch = mkdtempSync(`${tmpdir()}/sojourn-matrix-`);
  try {
    const results = await runNodeMatrix(scratch);
    process.exitCode = results.every((result) => result.failure === "") ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
