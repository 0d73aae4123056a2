/** The application that the framework suite runs on Astro: one endpoint for all paths. */

import node from "@astrojs/node";
import { defineConfig } from "astro/config";

// biome-ignore lint/style/noDefaultExport: it is what Astro loads
export default defineConfig({ output: "server", adapter: node({ mode: "middleware" }) });
