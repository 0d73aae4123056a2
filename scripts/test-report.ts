/** Runs one group of tests, reads what came of it, and makes the table at the end of `npm test`. */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import type { ReportLine } from "../test/support/report.ts";
import { hungFiles } from "./hung-tests.ts";
import { projectRoot } from "./lib.ts";

/** One run of vitest. */
export interface TestRun {
  /** Names its report within `scratch`. */
  readonly name: string;
  /** A directory for reports, gone after the run. */
  readonly scratch: string;
  /** The program that runs JavaScript, and its arguments. */
  readonly command: readonly string[];
  /** Options of vitest. */
  readonly options?: readonly string[];
  /** The test files. Default: all of the projects in `options`. */
  readonly files?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds after which the run is ended and has failed. */
  readonly limit: number;
}

/** What came of one run. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly TestResult[];
  /** What failed, each with the beginning of its message. */
  readonly failures: readonly string[];
  /** What failed at first and passed when its file ran alone. */
  readonly notes: readonly string[];
  readonly reports: readonly ReportLine[];
}

interface TestResult {
  readonly file: string;
  /** The outermost `describe`, or the test itself. */
  readonly outermost: string;
  readonly status: string;
}

/** What one file failed with. */
interface FileFailure {
  readonly file: string;
  readonly failures: readonly string[];
}

/** The outcome of a run in which nothing is run again. */
interface Once {
  readonly tests: readonly TestResult[];
  readonly failed: readonly FileFailure[];
  /** What failed outside any file. */
  readonly outside: readonly string[];
  readonly reports: readonly ReportLine[];
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

/** With more failing files than this, the fault is not the machine's. */
const mostAgain = 12;

/**
 * Runs vitest. A file that fails or hangs runs once more, one file after the other, for a busy machine can hold up any
 * test: what passes then is in `notes`, what fails again has failed.
 */
export async function runTests(run: TestRun): Promise<Outcome> {
  const first = await runOnce(run);
  const files = first.failed.map(({ file }) => file);
  if (files.length === 0 || files.length > mostAgain || first.outside.length > 0) return outcomeOf(first, []);
  console.log(`\n=== once more, alone: ${files.map((file) => relative(projectRoot, file)).join(", ")}`);
  const options = [...(run.options ?? []), "--no-file-parallelism"];
  const second = await runOnce({ ...run, name: `${run.name}-again`, options, files });
  return outcomeOf(mergedWith(first, second, files), notesOf(first, second));
}

/** The first run with the second's results in the place of those of the files that ran again. */
function mergedWith(first: Once, second: Once, files: readonly string[]): Once {
  return {
    tests: [...first.tests.filter(({ file }) => !files.includes(file)), ...second.tests],
    failed: second.failed,
    outside: second.outside,
    reports: [...first.reports, ...second.reports],
  };
}

function notesOf(first: Once, second: Once): string[] {
  const still = new Set(second.failed.map(({ file }) => file));
  return first.failed
    .filter(({ file }) => !still.has(file))
    .flatMap(({ failures }) => failures.map((failure) => `passed when its file ran alone: ${failure}`));
}

function outcomeOf({ tests, failed, outside, reports }: Once, notes: readonly string[]): Outcome {
  const failures = [...failed.flatMap((file) => file.failures), ...outside];
  const passed = tests.filter(({ status }) => status === "passed").length;
  return { passed, failed: failures.length, tests, failures, notes, reports };
}

async function runOnce({ name, scratch, command, options = [], files = [], env, limit }: TestRun): Promise<Once> {
  const json = join(scratch, `${name}.json`);
  const report = join(scratch, `${name}.jsonl`);
  const [program = "", ...before] = command;
  const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
  const args = [...before, vitest, "run", ...options, ...files, "--reporter=json", `--outputFile.json=${json}`];
  const code = await new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: projectRoot,
      env: { ...process.env, SOJOURN_TEST_REPORT: report, SOJOURN_TEST_PROCESSES: scratch, ...env },
      stdio: ["ignore", "inherit", "inherit"],
      timeout: limit,
    });
    child.on("error", reject);
    child.on("close", (status) => resolve(status ?? 1));
  });
  const reports = existsSync(report) ? readLines(report) : [];
  if (!existsSync(json)) return { tests: [], failed: [], outside: [`${name}: vitest ended early`], reports };
  const list = join(scratch, hungFiles);
  const hung = existsSync(list) ? readFileSync(list, "utf8").trim().split("\n") : [];
  rmSync(list, { force: true });
  const all = (JSON.parse(readFileSync(json, "utf8")) as VitestJson).testResults;
  // Nothing of a file that was killed is counted.
  const testResults = all.filter((file) => !hung.includes(file.name));
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      file: name,
      outermost: ancestorTitles[0] ?? title,
      status,
    })),
  );
  const failed = [
    ...testResults.map((result) => ({ file: result.name, failures: failuresOf(result) })),
    ...hung.map((file) => ({
      file,
      failures: [`${relative(projectRoot, file)} hung, or lost its server, and was killed`],
    })),
  ].filter(({ failures }) => failures.length > 0);
  const silent = code !== 0 && failed.length === 0;
  return { tests, failed, outside: silent ? [`${name}: vitest ended with ${code}, outside any test`] : [], reports };
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
