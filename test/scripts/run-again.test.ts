/** A test file that fails runs once more by itself, and the report says so. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { runTests } from "../../scripts/test-report.ts";

test("a file that passes when it runs alone is noted, and one that fails again has failed", async () => {
  mkdirSync(join(projectRoot, ".cache"), { recursive: true });
  const scratch = realpathSync(mkdtempSync(join(projectRoot, ".cache", "run-again-")));
  const file = (name: string, code: string): string => {
    const path = join(scratch, name);
    writeFileSync(
      path,
      `import { existsSync, writeFileSync } from "node:fs";\nimport { test } from "vitest";\n${code}`,
    );
    return path;
  };
  const marker = JSON.stringify(join(scratch, "ran"));
  const files = [
    file("good.test.mjs", 'test("is good", () => {});'),
    file(
      "busy.test.mjs",
      `test("once", () => { if (!existsSync(${marker})) { writeFileSync(${marker}, ""); throw new Error("busy"); } });`,
    ),
    file("bad.test.mjs", 'test("is bad", () => { throw new Error("bad"); }); test("is good beside it", () => {});'),
  ];
  const config = file("vitest.config.mjs", "export default { test: { reporters: [] } };");
  try {
    const options = ["--root", scratch, "--config", config, "--silent=true"];
    const outcome = await runTests({ name: "t", scratch, command: [process.execPath], options, files, limit: 60_000 });
    const { passed, failed, failures, notes, tests } = outcome;
    expect([passed, failed, tests.length]).toEqual([3, 1, 4]);
    expect(failures).toEqual([expect.stringMatching(/bad\.test\.mjs > is bad\n {4}Error: bad/)]);
    expect(notes).toEqual([
      expect.stringMatching(/^passed when its file ran alone: .*busy\.test\.mjs > once\n {4}Error: busy/),
    ]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
