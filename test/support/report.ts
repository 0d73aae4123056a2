/**
 * Tells `npm test` what a test file ran against, for the table at its end.
 *
 * Once per backend, at the top of the file or in a `beforeAll`:
 *
 *     reportBackend({ backend: "redis", server: "Redis 7.0.15", clients: ["redis 6.3.1"] });
 *
 * The tests of the file are counted under that backend. A file that runs several backends, or a server in several
 * versions, gives each its `within`: the name of the outermost `describe` its tests are in. Files that report the
 * same `backend` share a row. A backend that needs no server says so: `server: "none (in this process)"`.
 *
 * A framework is a row as well: `reportBackend({ backend: "express", server: nodeServer, clients: [clientVersion("express")] })`.
 *
 * Where the server is absent, `reportMissing` puts "not run: why" into the table. In CI it throws, so a missing
 * server fails the run. Gate the tests on its answer:
 *
 *     const missing = found ? false : reportMissing("redis", "no redis-server on the PATH");
 *     describe.skipIf(missing)("redis", () => { … });
 *
 * Outside `npm test` both do nothing (in CI `reportMissing` throws all the same).
 */

import { appendFileSync, readFileSync } from "node:fs";
import { expect } from "vitest";

/** What one test file, or one `describe` of it, ran against. */
export interface BackendReport {
  /** The row of the table: `"redis"`, `"file"`. */
  readonly backend: string;
  /** Name and version as the server itself tells it, such as `"Redis 7.0.15"`. */
  readonly server: string;
  /** Name and version of each client package: `"ioredis 6.0.0"`. `clientVersion` helps. Default none. */
  readonly clients?: readonly string[];
  /** Count only the tests inside the outermost `describe` of this name. Default: the whole file. */
  readonly within?: string;
}

/** One line of the file that `SOJOURN_TEST_REPORT` names. */
export type ReportLine =
  | ({ readonly kind: "ran"; readonly file: string } & BackendReport)
  | { readonly kind: "missing"; readonly file: string; readonly backend: string; readonly why: string };

const { bun, deno, node } = process.versions as { bun?: string; deno?: string; node: string };

/** What a framework ran on: the HTTP server of this Node, or of the Bun or Deno that runs the tests. */
export const nodeServer: string = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;

/** Adds what the calling test file runs against to the table of `npm test`. */
export function reportBackend(report: BackendReport): void {
  write({ kind: "ran", file: currentFile(), ...report });
}

/**
 * Adds "not run: why" to the table and answers `true`. Throws in CI, unless it says that the server cannot be had on
 * every machine: then nobody could do anything about it.
 */
export function reportMissing(backend: string, why: string, inCi: "fails" | "cannot be had" = "fails"): true {
  write({ kind: "missing", file: currentFile(), backend, why });
  if (process.env.CI && inCi === "fails")
    throw new Error(`${backend} cannot be tested here: ${why}. In CI that is a failure.`);
  return true;
}

function currentFile(): string {
  const file = expect.getState().testPath;
  if (!file) throw new Error("reportBackend and reportMissing are called from a test file.");
  return file;
}

function write(line: ReportLine): void {
  const path = process.env.SOJOURN_TEST_REPORT;
  if (path) appendFileSync(path, `${JSON.stringify(line)}\n`);
}

/** `"ioredis 6.0.0"`: the version of an installed package. An npm alias (`redis5`) tells its real name. */
export function clientVersion(installedAs: string): string {
  const path = new URL(`../../node_modules/${installedAs}/package.json`, import.meta.url);
  const { name, version } = JSON.parse(readFileSync(path, "utf8")) as { name: string; version: string };
  return `${name} ${version}`;
}
