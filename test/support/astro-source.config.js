/**
 * The Astro configuration of the application at hand, which gets this package as it is in `src`. All is bundled: of
 * some packages this project has other versions than Astro.
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { defaultServerConditions } from "vite";

const { default: own } = await import(pathToFileURL(join(process.cwd(), "astro.config.mjs")).href);
const conditions = ["sojourn-source", ...defaultServerConditions];
const sources = { name: "sojourn-source", configEnvironment: () => ({ resolve: { conditions, noExternal: true } }) };

// biome-ignore lint/style/noDefaultExport: it is what Astro loads
export default { ...own, logLevel: "silent", vite: { plugins: [sources] } };
