/** `npm run check`: every invariant of the project that a reviewer would otherwise have to remember. */

import { availableParallelism } from "node:os";
import { api } from "./checks/api.ts";
import { bounded } from "./checks/bounded.ts";
import { bundle } from "./checks/bundle.ts";
import { comments } from "./checks/comments.ts";
import { docCode } from "./checks/doc-code.ts";
import { errors } from "./checks/errors.ts";
import { layers } from "./checks/layers.ts";
import { lengths } from "./checks/length.ts";
import { links } from "./checks/links.ts";
import { lock } from "./checks/lock.ts";
import { named } from "./checks/named.ts";
import { packageLoads } from "./checks/package.ts";
import { portable } from "./checks/portable.ts";
import { reference } from "./checks/reference.ts";
import { storeTables } from "./checks/store-tables.ts";
import { surface } from "./checks/surface.ts";
import { coreTypes, lint, types, unused } from "./checks/tools.ts";
import { plainWords } from "./checks/words.ts";
import { workflows } from "./checks/workflows.ts";
import { type Check, projectRoot, seconds } from "./lib.ts";

const checks: readonly Check[] = [
  types,
  coreTypes,
  lint,
  unused,
  docCode,
  packageLoads,
  api,
  named,
  bundle,
  layers,
  lengths,
  surface,
  storeTables,
  comments,
  errors,
  links,
  reference,
  lock,
  portable,
  workflows,
  plainWords,
  bounded,
];

/** Runs the checks and prints a line for each. Answers how many held and how many did not. */
export async function runChecks(wanted: readonly string[] = []): Promise<{ passed: number; failed: number }> {
  const queue = checks.filter((check) => wanted.length === 0 || wanted.includes(check.name));
  const count = { passed: 0, failed: 0 };
  const worker = async (): Promise<void> => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const start = performance.now();
      const problems = await problemsOf(check);
      const line = `${check.name.padEnd(14)} ${seconds(performance.now() - start).padStart(7)}  ${check.about}`;
      console.log(problems.length === 0 ? `ok    ${line}` : `FAIL  ${line}`);
      for (const problem of problems) console.log(`      ${problem}`);
      count[problems.length === 0 ? "passed" : "failed"] += 1;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return count;
}

async function problemsOf(check: Check): Promise<readonly string[]> {
  try {
    return await check.run(projectRoot);
  } catch (error) {
    return [`the check itself broke: ${error instanceof Error ? error.stack : String(error)}`];
  }
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`No check named ${unknown.join(", ")}. There are: ${checks.map((check) => check.name).join(", ")}.`);
    process.exit(2);
  }
  const start = performance.now();
  const { passed, failed } = await runChecks(wanted);
  console.log(`${passed} passed, ${failed} failed in ${seconds(performance.now() - start)}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
