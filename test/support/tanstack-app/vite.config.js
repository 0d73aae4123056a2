/** The Vite configuration of TanStack Start. */

import { tanstackStart } from "@tanstack/react-start/plugin/vite";
import viteReact from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: it is what Vite loads
export default defineConfig({ plugins: [tanstackStart(), viteReact()] });
