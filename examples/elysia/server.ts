/** Visits, login and logout with Elysia. */

import { node } from "@elysiajs/node";
import { Elysia } from "elysia";
import { createSessions } from "sojourn";
import { elysiaSessions } from "sojourn/frameworks/elysia";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const seeHome = (): Response => new Response(null, { status: 303, headers: { location: "/" } });

new Elysia({ adapter: node() }) // on Bun: new Elysia()
  .use(elysiaSessions(sessions))
  .get("/", async ({ request }) => {
    const session = await sessions.get(request); // loaded on first use
    const visits = session.update("visits", (n = 0) => n + 1);
    return `${session.subject ?? "guest"}, visit ${visits}\n`;
  })
  .post("/login", async ({ request }) => {
    const session = await sessions.get(request);
    session.login("ada"); // after your own check; the id is renewed
    return seeHome(); // sent once the session is saved
  })
  .post("/logout", async ({ request }) => {
    const session = await sessions.get(request);
    session.destroy();
    return seeHome();
  })
  .listen({ port: Number(process.env.PORT ?? 3000), hostname: "localhost" }, ({ url }) => {
    console.log(url.origin);
  });
