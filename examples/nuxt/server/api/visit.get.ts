/** Counts a visit. */

// biome-ignore lint/style/noDefaultExport: Nuxt wants it so
export default defineEventHandler(async (event) => {
  const session = await sessions.get(event); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  return `${session.subject ?? "guest"}, visit ${visits}`;
});
