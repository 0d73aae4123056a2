/** The application that the framework suite runs on SvelteKit: one endpoint for all paths. */

import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: it is what Vite loads
export default defineConfig({ plugins: [sveltekit({ adapter: adapter({ precompress: false }) })] });
