/** Visits, login and logout with a fetch handler. */

import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
const withSessions = fetchSessions(sessions);

// biome-ignore lint/style/noDefaultExport: it is where Bun, Deno and Workers look for the server
export default {
  fetch: withSessions(async (request: Request) => {
    const route = `${request.method} ${new URL(request.url).pathname}`;
    if (route === "GET /") {
      const session = await sessions.get(request); // loaded on first use
      const visits = session.update("visits", (n = 0) => n + 1);
      return new Response(`${session.subject ?? "guest"}, visit ${visits}\n`);
    }
    if (route === "POST /login") {
      const session = await sessions.get(request);
      session.login("ada"); // after your own check; the id is renewed
      return Response.redirect(new URL("/", request.url), 303); // sent once the session is saved
    }
    if (route === "POST /logout") {
      const session = await sessions.get(request);
      session.destroy();
      return Response.redirect(new URL("/", request.url), 303);
    }
    return new Response("not here\n", { status: 404 });
  }),
};
