/** How vitest runs the tests: one project per folder, `sojourn/…` imported from `src`. */

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { findNoSync } from "./scripts/no-sync.ts";

/** Package imports (`sojourn/…`, `#crypto`) resolve to TypeScript sources under this condition. */
const source = ["sojourn-source", "node", "import", "module", "default"];

// The tests start hundreds of processes that load the same clients: half of what that takes is compiling.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, ".cache", "compiled");

// What a test starts inherits this.
const noSync = findNoSync();
if (noSync) process.env.LD_PRELOAD ??= noSync;

/** The files that take longest, first: one of them begun last would have the other cores wait for it. */
const longest =
  /(elasticsearch|redis-load|sql-mysql|datastore|dynamodb-items|demo|mongodb|sql-postgres|next|explore|budget|start)\.test/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [true, false].flatMap((long) => sorted.filter((file) => longest.test(file.moduleId) === long));
  }
}

function project(name: string, include: string[], exclude: string[] = [], testTimeout = 60_000): object {
  return { extends: true, test: { name, include, exclude: ["**/node_modules/**", ...exclude], testTimeout } };
}

/** Tests that start processes of their own: they need no server, but seconds each. */
const processes = "test/*/*processes*.test.ts";

/** Tests beside another program, or of its server. */
const beside = "test/flask/{beside,files}/**/*.test.ts";

/** Tests of `test/stores` that need no server. */
const serverless = [
  "test/stores/{memory,file,cookie,null,cached,unstorage}!(*processes*).test.ts",
  "test/stores/shared/**/*.test.ts",
];

export default defineConfig({
  resolve: { conditions: source },
  // Node gets these as --conditions, for require() too: no "import" among them, which it adds itself where it fits.
  ssr: { resolve: { conditions: ["sojourn-source", "node"], externalConditions: ["sojourn-source"] } },
  test: {
    environment: "node",
    setupFiles: "Deno" in globalThis ? ["test/support/deno-threads.ts"] : ["test/support/process-note.ts"],
    // Two more than there are cores: a test over a server waits for it half of the time.
    maxWorkers: availableParallelism() + 2,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      project(
        "unit",
        ["test/!(stores|frameworks|runtimes|browser|package|examples)/**/*.test.ts", ...serverless],
        [processes, beside],
      ),
      project("stores", ["test/stores/**/*.test.ts", processes], serverless, 120_000),
      project("flask", [beside], [], 120_000),
      project("frameworks", ["test/frameworks/**/*.test.ts", "test/examples/**/*.test.ts"], [], 120_000),
      project("runtimes", ["test/runtimes/**/*.test.ts"], [], 120_000),
      project("package", ["test/package/**/*.test.ts"], [], 120_000),
      project("browser", ["test/browser/**/*.test.ts"], [], 120_000),
    ],
  },
});
