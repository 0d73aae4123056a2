/** `npm run test:node-matrix`: what a version of Node can change, and the packed package, on the others it supports. */

import { globSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { publicEntries } from "./checks/surface.ts";
import { lines, projectRoot, run, seconds } from "./lib.ts";
import { installPacked, loadEntries } from "./pack.ts";

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
  /** What failed, in full; empty when all is well. */
  readonly failure: string;
}

/** Runs the matrix, one version after the other. */
export async function runNodeMatrix(): Promise<NodeResult[]> {
  const packed = await installPacked();
  const specifiers = publicEntries(projectRoot).map((entry) => entry.specifier);
  const results: NodeResult[] = [];
  try {
    for (const major of majors) {
      const start = performance.now();
      const result = await runOn(major, packed.directory, specifiers);
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

async function runOn(major: number, directory: string, specifiers: readonly string[]): Promise<NodeResult> {
  const found = await bringNode(major);
  if ("missing" in found) return { major, tests: 0, failure: found.missing };
  const { node, version } = found;
  const notLoaded = await loadEntries(node, directory, specifiers);
  if (notLoaded) return { major, version, tests: 0, failure: notLoaded };
  const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
  const env = { PATH: [dirname(node), process.env.PATH].join(delimiter), NO_COLOR: "1", FORCE_COLOR: undefined };
  const projects = ["--project", "unit", "--project", "frameworks"];
  const tested = await run(node, [vitest, "run", "--reporter", "dot", ...projects, ...files], { env, limit: 600_000 });
  const tests = Number(tested.output.match(/^\s*Tests\s+(\d+) passed/m)?.[1] ?? 0);
  const failure = tested.code !== 0 || tests === 0 ? tested.output : "";
  return { major, version, tests, failure };
}

if (import.meta.main) {
  const results = await runNodeMatrix();
  process.exitCode = results.every((result) => result.failure === "") ? 0 : 1;
}
