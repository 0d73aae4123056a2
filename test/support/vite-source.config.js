/** The Vite configuration of the application at hand, which gets this package as it is in `src`. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { defaultServerConditions, mergeConfig } from "vite";

const { default: own } = await import(pathToFileURL(join(process.cwd(), "vite.config.js")).href);

// biome-ignore lint/style/noDefaultExport: it is what Vite loads
export default mergeConfig(own, {
  logLevel: "warn",
  ssr: { resolve: { conditions: ["sojourn-source", ...defaultServerConditions] } },
});
