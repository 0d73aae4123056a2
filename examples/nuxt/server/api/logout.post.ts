/** Logs out. */

// biome-ignore lint/style/noDefaultExport: Nuxt wants it so
export default defineEventHandler(async (event) => {
  const session = await sessions.get(event);
  session.destroy();
  return sendRedirect(event, "/", 303);
});
