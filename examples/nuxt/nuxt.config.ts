/** Nuxt as it comes. */

// biome-ignore lint/style/noDefaultExport: Nuxt wants it so
export default defineNuxtConfig({ compatibilityDate: "2026-11-01", telemetry: false });
