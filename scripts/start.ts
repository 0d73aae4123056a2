/** `npm start`: builds the package if it is not built, and runs the demo application on it. */

import { spawn } from "node:child_process";
import { build, isBuilt } from "./build.ts";
import { projectRoot } from "./lib.ts";

const said = isBuilt() ? "" : await build();
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
