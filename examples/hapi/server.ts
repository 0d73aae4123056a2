/** Visits, login and logout with Hapi. */

import { server as createServer } from "@hapi/hapi";
import { createSessions } from "sojourn";
import { hapiSessions } from "sojourn/frameworks/hapi";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const server = createServer({ port: Number(process.env.PORT ?? 3000), host: "localhost" });
await server.register(hapiSessions(sessions)); // before your own extensions

server.route([
  {
    method: "GET",
    path: "/",
    async handler(request) {
      const session = await sessions.get(request); // loaded on first use
      const visits = session.update("visits", (n = 0) => n + 1);
      return `${session.subject ?? "guest"}, visit ${visits}\n`;
    },
  },
  {
    method: "POST",
    path: "/login",
    async handler(request, h) {
      const session = await sessions.get(request);
      session.login("ada"); // after your own check; the id is renewed
      return h.redirect("/").code(303); // sent once the session is saved
    },
  },
  {
    method: "POST",
    path: "/logout",
    async handler(request, h) {
      const session = await sessions.get(request);
      session.destroy();
      return h.redirect("/").code(303);
    },
  },
]);

await server.start();
console.log(server.info.uri);
