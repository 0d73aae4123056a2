/** A test file that hangs is named and killed, and the others go on. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";

test("a file that never gets to its timers is killed, is named with what it started, and fails the run", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "sojourn-hung-")));
  const notes = join(root, "notes");
  mkdirSync(notes);
  symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
  writeFileSync(
    join(root, "vitest.config.mjs"),
    `export default { test: { setupFiles: [${JSON.stringify(join(projectRoot, "test/support/process-note.ts"))}],
      reporters: ["default", [${JSON.stringify(join(projectRoot, "scripts/hung-tests.ts"))}, { named: 1000, hung: 2500 }]] } };`,
  );
  writeFileSync(join(root, "good.test.mjs"), 'import { test } from "vitest"; test("is good", () => {});');
  writeFileSync(
    join(root, "hung.test.mjs"),
    `import { spawn } from "node:child_process"; import { test } from "vitest";
     test("loops", () => { spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]); for (;;); });`,
  );
  try {
    const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
    const env = { ...process.env, SOJOURN_TEST_PROCESSES: notes, NO_COLOR: "1", FORCE_COLOR: undefined };
    const child = spawn(process.execPath, [vitest, "run", "--root", root], { env, timeout: 60_000 });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
    expect(await once(child, "close")).toEqual([1, null]);
    expect(said).toMatch(/no test ended for .* in .*hung\.test\.mjs/);
    expect(said).toMatch(/It has hung, and its process is killed\. Programs it started:\n {2}\S+ -e setTimeout/);
    expect(said).toMatch(/Worker exited unexpectedly .*SIGKILL .*hung\.test\.mjs/);
    expect(said).toMatch(/1 passed/);
    expect(readFileSync(join(notes, "hung.txt"), "utf8")).toBe(`${join(root, "hung.test.mjs")}\n`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
