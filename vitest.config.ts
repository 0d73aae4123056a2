/** How vitest runs the tests: one project per folder, `sojourn/…` imported from `src`. */

import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Package imports (`sojourn/…`, `#crypto`) resolve to TypeScript sources under this condition. */
const source = ["sojourn-source", "node", "import", "module", "default"];

function project(name: string, include: string[], exclude: string[] = [], testTimeout = 30_000): object {
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
    setupFiles: "Deno" in globalThis ? ["test/support/deno-threads.ts"] : [],
    maxWorkers: Math.max(2, availableParallelism()),
    hookTimeout: 30_000,
    projects: [
      project(
        "unit",
        ["test/!(stores|frameworks|runtimes|browser|package|examples)/**/*.test.ts", ...serverless],
        [processes, beside],
      ),
      project("stores", ["test/stores/**/*.test.ts", processes], serverless, 60_000),
      project("flask", [beside], [], 60_000),
      project("frameworks", ["test/frameworks/**/*.test.ts", "test/examples/**/*.test.ts"], [], 60_000),
      project("runtimes", ["test/runtimes/**/*.test.ts"], [], 60_000),
      project("package", ["test/package/**/*.test.ts"], [], 120_000),
      project("browser", ["test/browser/**/*.test.ts"], [], 60_000),
    ],
  },
});
