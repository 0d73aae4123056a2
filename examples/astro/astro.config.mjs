/** How Astro builds the application. */

import node from "@astrojs/node";
import { defineConfig } from "astro/config";

// biome-ignore lint/style/noDefaultExport: it is what Astro loads
export default defineConfig({ output: "server", adapter: node({ mode: "standalone" }) });
