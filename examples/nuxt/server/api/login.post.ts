/** Logs in. */

// biome-ignore lint/style/noDefaultExport: Nuxt wants it so
export default defineEventHandler(async (event) => {
  const session = await sessions.get(event);
  session.login("ada"); // after your own check; the id is renewed
  return sendRedirect(event, "/", 303); // sent once the session is saved
});
