/** `npm start`: builds the package if it is not built, says how long that takes, and runs the demo application on it. */

import { spawn } from "node:child_process";
import { build, isBuilt } from "./build.ts";
import { projectRoot, seconds } from "./lib.ts";

const said = isBuilt() ? "" : await shown(build());
if (said) {
  console.error(said);
  process.exit(1);
}
const demo = spawn(process.execPath, ["examples/demo/server.ts", ...process.argv.slice(2)], {
  cwd: projectRoot,
  stdio: "inherit",
});
// Control-C reaches the demo by itself; a signal to this process alone is passed on.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => demo.kill("SIGTERM"));
demo.on("close", (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1);
});

/** Tells that it builds, and on a terminal for how long: an empty screen looks like a program that hangs. */
async function shown(building: Promise<string>): Promise<string> {
  const start = performance.now();
  const { stderr } = process;
  stderr.write("Building sojourn, once …");
  const timer = setInterval(() => {
    if (stderr.isTTY) stderr.write(`\rBuilding sojourn, once … ${Math.round((performance.now() - start) / 1000)} s`);
  }, 1000);
  try {
    return await building;
  } finally {
    clearInterval(timer);
    stderr.write(`\rBuilt sojourn in ${seconds(performance.now() - start)}.          \n`);
  }
}
