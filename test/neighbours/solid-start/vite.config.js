/** SolidStart with the sessions as its middleware. */

import { solidStart } from "@solidjs/start/config";
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: it is what Vite loads
export default defineConfig({ plugins: [solidStart({ middleware: "./src/middleware.js" })] });
