import { route, sessions } from "../../sessions.ts";

export const GET = route(async (request) => {
  const session = await sessions.get(request); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  return new Response(`${session.subject ?? "guest"}, visit ${visits}\n`);
});
