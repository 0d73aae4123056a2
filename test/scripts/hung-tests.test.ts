/** A test file that hangs, or whose server is gone, is named and killed, and the others go on. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";

/** Runs test files in a directory of their own: what vitest prints, and which files were listed to run again. */
async function run(files: Readonly<Record<string, string>>): Promise<{ said: string; listed: string; root: string }> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "sojourn-hung-")));
  try {
    const notes = join(root, "notes");
    mkdirSync(notes);
    symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
    writeFileSync(
      join(root, "vitest.config.mjs"),
      `export default { test: { setupFiles: [${JSON.stringify(join(projectRoot, "test/support/process-note.ts"))}],
        reporters: ["default", [${JSON.stringify(join(projectRoot, "scripts/hung-tests.ts"))}, { named: 1000, hung: 2500 }]] } };`,
    );
    writeFileSync(join(root, "good.test.mjs"), 'import { test } from "vitest"; test("is good", () => {});');
    for (const [name, code] of Object.entries(files)) writeFileSync(join(root, name), code);
    const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
    const env = { ...process.env, SOJOURN_TEST_PROCESSES: notes, NO_COLOR: "1", FORCE_COLOR: undefined };
    const child = spawn(process.execPath, [vitest, "run", "--root", root], { env, timeout: 60_000 });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
    expect(await once(child, "close")).toEqual([1, null]);
    return { said, listed: readFileSync(join(notes, "hung.txt"), "utf8"), root };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("a file that never gets to its timers is killed, is named with what it started, and fails the run", async () => {
  const { said, listed, root } = await run({
    "hung.test.mjs": `import { spawn } from "node:child_process"; import { test } from "vitest";
      test("loops", () => { spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]); for (;;); });`,
  });
  expect(said).toMatch(/no test ended for .* in .*hung\.test\.mjs/);
  expect(said).toMatch(/It has hung, and its process is killed\. Programs it started:\n {2}\S+ -e setTimeout/);
  expect(said).toMatch(/Worker exited unexpectedly .*SIGKILL .*hung\.test\.mjs/);
  expect(said).toMatch(/1 passed/);
  expect(listed).toBe(`${join(root, "hung.test.mjs")}\n`);
});

test("a file whose server ends by itself ends at once, instead of having each test wait for it", async () => {
  const [processes, ports] = ["processes.ts", "free-port.ts"].map((name) =>
    JSON.stringify(join(projectRoot, "test/support", name)),
  );
  const { said, listed, root } = await run({
    "lost.test.mjs": `import { test } from "vitest"; import { launch } from ${processes}; import { freePort } from ${ports};
      test("waits", async () => {
        const port = await freePort();
        const server = 'require("net").createServer().listen(' + port + ', "127.0.0.1"); setTimeout(() => process.exit(3), 500)';
        await launch(process.execPath, ["-e", server], port);
        await new Promise((resolve) => setTimeout(resolve, 50_000));
      }, 55_000);`,
  });
  expect(said).toMatch(/A server of the tests is gone \(.*lost\.test\.mjs\): \S+ ended with 3/);
  expect(said).toMatch(/1 passed/);
  expect(listed).toBe(`${join(root, "lost.test.mjs")}\n`);
});
