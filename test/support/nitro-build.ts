/** Builds the Nitro application in the working directory, which gets this package as it is in `src`. */

import { build, createNitro, prepare } from "nitro";

const exportConditions = ["sojourn-source"];
const nitro = await createNitro({ rootDir: process.cwd(), preset: "node-server", logLevel: 1, exportConditions });
await prepare(nitro);
await build(nitro);
await nitro.close();
