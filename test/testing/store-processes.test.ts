/** The process suite passes on a store that processes share, and notices broken ones. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { memoryStore } from "../../src/stores/memory.ts";
import { type ProcessHarness, processConformance } from "../../src/testing/index.ts";
import { open, type TableArgs } from "../support/sqlite-table.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-processes-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sample = open({ space: "sample", now: Date.now }, { directory });
const harness = (breaks?: TableArgs["breaks"]): ProcessHarness => ({
  name: "a table in a file",
  sample,
  module: new URL("../support/sqlite-table.ts", import.meta.url),
  args: { directory, ...(breaks && { breaks }) },
});

describeStore({ name: "a table in a file", sample, open: (options) => open(options, { directory }) });
describeProcesses(harness());

describe("the process suite", () => {
  // At once: two of them have to wait for a deadline.
  test.concurrent.for([
    ["create", "of two processes that create the same 200 keys"],
    ["update", "two processes that each add 1"],
    ["update", "two processes that write different keys"],
    ["resurrection", "a session that one process destroys"],
    ["rename", "of two processes that rename the same 50 records"],
    ["prune", "a prune in one process keeps"],
    ["close", "two processes that each add 1"],
    ["crash", "a process killed in the middle"],
  ] as const)("notices a store with a broken %s: %s", async ([breaks, title], { expect }) => {
    const one = processConformance(harness(breaks)).find(({ name }) => name.startsWith(title));
    // Two processes may happen to miss each other: what is broken has to show in one of six runs.
    const failed = async (): Promise<boolean> =>
      one
        ? one.run().then(
            () => false,
            () => true,
          )
        : false;
    for (let attempt = 1; attempt < 6; attempt++) if (await failed()) return;
    expect(await failed()).toBe(true);
  });

  test("skips a store that is not shared, and says so", () => {
    const cases = processConformance({ ...harness(), sample: memoryStore() });
    expect(new Set(cases.map(({ skip }) => skip))).toEqual(new Set(["one process only: there is no second handle"]));
  });
});
