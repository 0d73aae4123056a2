/** Notes which process runs a test file, for `scripts/hung-tests.ts`, which kills it when it has hung. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

const directory = process.env.SOJOURN_TEST_PROCESSES;
if (directory) writeFileSync(join(directory, String(process.pid)), expect.getState().testPath ?? "");
