/** Runs one group of tests, reads what came of it, and makes the table at the end of `npm test`. */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import type { ReportLine } from "../test/support/report.ts";
import { hungFiles } from "./hung-tests.ts";
import { projectRoot } from "./lib.ts";

/** What came of one group. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly TestResult[];
  /** What failed, each with the beginning of its message. */
  readonly failures: readonly string[];
  readonly reports: readonly ReportLine[];
  /** The files whose process was killed because it hung. Nothing of them is counted. */
  readonly hung: readonly string[];
}

interface TestResult {
  readonly file: string;
  /** The outermost `describe`, or the test itself. */
  readonly outermost: string;
  readonly status: string;
}

/** The part that is used of what vitest's json reporter writes. */
interface VitestJson {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Of a file that does not load. */
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** Runs vitest, with whatever runs JavaScript. What takes longer than `limit` milliseconds is ended, and has failed. */
export async function runTests(
  name: string,
  scratch: string,
  [command = "", ...before]: readonly string[],
  selection: readonly string[],
  limit = 0,
): Promise<Outcome> {
  const json = join(scratch, `${name}.json`);
  const report = join(scratch, `${name}.jsonl`);
  const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
  const args = [...before, vitest, "run", ...selection, "--reporter=json", `--outputFile.json=${json}`];
  const code = await new Promise<number>((resolve, reject) => {
    const env = { ...process.env, SOJOURN_TEST_REPORT: report, SOJOURN_TEST_PROCESSES: scratch };
    const child = spawn(command, args, {
      cwd: projectRoot,
      env,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: limit,
    });
    child.on("error", reject);
    child.on("close", (status) => resolve(status ?? 1));
  });
  const reports = existsSync(report) ? readLines(report) : [];
  const none = { passed: 0, failed: 1, tests: [], reports, hung: [] };
  if (!existsSync(json)) return { ...none, failures: [`${name}: vitest ended early`] };
  const list = join(scratch, hungFiles);
  const hung = existsSync(list) ? readFileSync(list, "utf8").trim().split("\n") : [];
  rmSync(list, { force: true });
  const all = (JSON.parse(readFileSync(json, "utf8")) as VitestJson).testResults;
  const testResults = all.filter((file) => !hung.includes(file.name));
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file: name,
      outermost: ancestorTitles[0] ?? title,
      status,
    })),
  );
  const passed = tests.filter((test) => test.status === "passed").length;
  const failedTests = tests.filter((test) => test.status === "failed").length;
  // A file that does not load, or an error outside any test, fails the run without failing a test.
  const failedFiles = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = failedTests + failedFiles;
  const failures = testResults.flatMap(failuresOf);
  const found = { passed, failed, tests, failures, reports, hung };
  // A file that hung fails the run as well: the caller knows of it.
  if (failed > 0 || code === 0 || hung.length > 0) return found;
  return { ...found, failed: 1, failures: [`${name}: vitest ended with ${code}, outside any test`] };
}

function failuresOf({ name, status, message, assertionResults }: VitestJson["testResults"][number]): string[] {
  const file = relative(projectRoot, name);
  const failed = assertionResults.filter((test) => test.status === "failed");
  if (failed.length === 0 && status === "failed") return [`${file}\n${beginningOf(message)}`];
  return failed.map(({ ancestorTitles, title, failureMessages }) =>
    [file, ...ancestorTitles, `${title}\n${beginningOf(failureMessages?.join("\n"))}`].join(" > "),
  );
}

function beginningOf(message = ""): string {
  const lines = message.split("\n").filter((line) => !/^\s+at (?!.*\/(src|test)\/)/.test(line));
  return lines
    .slice(0, 12)
    .map((line) => `    ${line.slice(0, 240).replaceAll(projectRoot, ".")}`)
    .join("\n");
}

function readLines(path: string): ReportLine[] {
  const text = readFileSync(path, "utf8").trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as ReportLine);
}

/** One line of the table. */
export interface Row {
  readonly backend: string;
  readonly server: string;
  readonly clients: string;
  readonly tests: string;
  readonly result: string;
}

/** The rows of what the tests said they ran against, and one for each of `expected` that nobody mentioned. */
export function rowsOf(outcomes: readonly Outcome[], expected: readonly string[]): Row[] {
  const reports = outcomes.flatMap((outcome) => outcome.reports);
  const tests = outcomes.flatMap((outcome) => outcome.tests);
  const rows = new Map<string, { backend: string; server: string; clients: Set<string>; tests: Set<TestResult> }>();
  for (const report of reports) {
    if (report.kind !== "ran") continue;
    const key = `${report.backend}\n${report.server}`;
    const row = rows.get(key) ?? {
      backend: report.backend,
      server: report.server,
      clients: new Set(),
      tests: new Set(),
    };
    rows.set(key, row);
    for (const client of report.clients ?? []) row.clients.add(client);
    for (const test of tests) {
      if (test.file !== report.file || (report.within !== undefined && test.outermost !== report.within)) continue;
      if (test.status === "passed" || test.status === "failed") row.tests.add(test);
    }
  }
  const ran = [...rows.values()].map(({ backend, server, clients, tests }) => {
    const failures = [...tests].filter((test) => test.status === "failed").length;
    const result = tests.size === 0 ? "not tested: no test ran" : failures === 0 ? "passed" : `FAILED: ${failures}`;
    return { backend, server, clients: [...clients].sort().join(", "), tests: String(tests.size), result };
  });
  const missing = reports.flatMap((report) =>
    report.kind === "missing"
      ? [{ backend: report.backend, server: "", clients: "", tests: "0", result: `not run: ${report.why}` }]
      : [],
  );
  const named = new Set([...ran, ...missing].map((row) => shippedAs(row)));
  const silent = expected
    .filter((name) => !named.has(name))
    .map((backend) => ({
      backend,
      server: "",
      clients: "",
      tests: "0",
      result: "not tested: no test file reports it",
    }));
  return [...ran, ...missing, ...silent].sort((a, b) => order(a, expected) - order(b, expected));
}

/** `"sql (PostgreSQL)"` is the store `sql`. */
function shippedAs(row: Row): string {
  return row.backend.split(" ")[0] ?? row.backend;
}

function order(row: Row, expected: readonly string[]): number {
  const place = expected.indexOf(shippedAs(row));
  return place === -1 ? expected.length : place;
}

/** Prints the table, columns as wide as what is in them. */
export function printTable(rows: readonly Row[]): void {
  const head: Row = { backend: "backend", server: "server", clients: "clients", tests: "tests", result: "result" };
  const columns = ["backend", "server", "clients", "tests", "result"] as const;
  const widths = columns.map((column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index]!))
      .join(" | ")
      .trimEnd();
  console.log(`\n${line(columns.map((column) => head[column]))}`);
  console.log(widths.map((width) => "-".repeat(width)).join("-|-"));
  for (const row of rows) console.log(line(columns.map((column) => row[column])));
}
