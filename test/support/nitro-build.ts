/** Builds the Nitro application in one directory into another. */

import { build, createNitro, prepare } from "nitro";

const [rootDir, outDir] = process.argv.slice(2) as [string, string];
const nitro = await createNitro({
  rootDir,
  preset: "node-server",
  logLevel: 1,
  exportConditions: ["sojourn-source"],
  buildDir: `${outDir}/build`,
  output: { dir: `${outDir}/output` },
});
await prepare(nitro);
await build(nitro);
await nitro.close();
