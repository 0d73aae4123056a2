/**
 * A reporter of vitest that keeps `npm test` from hanging: it names each test file that ended no test for a minute, and
 * kills the process of one that ended none for longer than any time limit of a test. vitest ends a test that waits too
 * long, but not a file that never gets to its timers: a synchronous loop, or a synchronous wait for another program.
 */

import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";
import { projectRoot, seconds } from "./lib.ts";

/** Milliseconds without a test that ended, after which a file is named, and after which it has hung. */
export interface Patience {
  readonly named: number;
  readonly hung: number;
}

/** The longest limits in `test/` are a hook's 120 seconds and a test's 300. */
const patience: Patience = { named: 60_000, hung: 330_000 };

/** Where the files that hung, or lost their server, are listed for `scripts/test-report.ts`, a line each. */
export const hungFiles = "hung.txt";

interface Running {
  /** When something ended last in the file. */
  last: number;
  /** When it was named last. */
  named: number;
  /** What began last. */
  current: string;
}

export default class HungTests implements Reporter {
  readonly #patience: Patience;
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Partial<Patience> = {}) {
    this.#patience = { ...patience, ...options };
  }

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.#look(), this.#patience.named / 6).unref();
  }

  onTestModuleQueued(file: TestModule): void {
    const now = performance.now();
    this.#running.set(file.moduleId, { last: now, named: now, current: "loading" });
  }

  onTestSuiteReady(suite: TestSuite): void {
    this.#note(suite.module, suite.fullName);
  }

  onTestCaseReady(test: TestCase): void {
    this.#note(test.module, test.fullName);
  }

  onTestCaseResult(test: TestCase): void {
    this.#note(test.module, `after ${test.fullName}`);
  }

  onTestModuleEnd(file: TestModule): void {
    this.#running.delete(file.moduleId);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  /** What vitest says of a file that it has ended is late. */
  #note(file: TestModule, current: string): void {
    const running = this.#running.get(file.moduleId);
    const now = performance.now();
    if (running) Object.assign(running, { last: now, named: now, current });
  }

  #look(): void {
    const now = performance.now();
    for (const [file, running] of this.#running) {
      const quiet = now - running.last;
      if (now - running.named < this.#patience.named) continue;
      running.named = now;
      console.log(`no test ended for ${seconds(quiet)} in ${relative(projectRoot, file)}: ${running.current}`);
      if (quiet < this.#patience.hung) continue;
      const pid = processOf(file);
      if (pid === undefined) continue;
      const started = programsBelow(pid);
      const named = [...started.values()].map((command) => `  ${command}`).join("\n");
      console.log(`It has hung, and its process is killed. Programs it started:\n${named || "  none"}`);
      appendFileSync(join(process.env.SOJOURN_TEST_PROCESSES ?? "", hungFiles), `${file}\n`);
      for (const one of [pid, ...started.keys()]) process.kill(one, "SIGKILL");
    }
  }
}

/** The process that runs a test file, by the note that `test/support/process-note.ts` leaves. */
function processOf(file: string): number | undefined {
  const directory = process.env.SOJOURN_TEST_PROCESSES;
  if (!directory || !existsSync(directory)) return undefined;
  const alive = readdirSync(directory).filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}`));
  const pid = alive.find((pid) => readFileSync(join(directory, pid), "utf8") === file);
  return pid === undefined ? undefined : Number(pid);
}

/** What a process started that still runs, by process, as its command line. */
function programsBelow(pid: number): Map<number, string> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while it was looked at.
    }
  }
  const below = (of: number): number[] =>
    [...parents].filter(([, parent]) => parent === of).flatMap(([child]) => [child, ...below(child)]);
  const commandOf = (one: number): string => {
    try {
      return readFileSync(`/proc/${one}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 200);
    } catch {
      return "(ended)";
    }
  };
  return new Map(below(pid).map((child) => [child, commandOf(child)]));
}
