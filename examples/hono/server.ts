/** Visits, login and logout with Hono. */

import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createSessions } from "sojourn";
import { honoSessions } from "sojourn/frameworks/hono";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const app = new Hono();
app.use(honoSessions(sessions));

app.get("/", async (c) => {
  const session = await sessions.get(c); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  return c.text(`${session.subject ?? "guest"}, visit ${visits}\n`);
});
app.post("/login", async (c) => {
  const session = await sessions.get(c);
  session.login("ada"); // after your own check; the id is renewed
  return c.redirect("/", 303); // sent once the session is saved
});
app.post("/logout", async (c) => {
  const session = await sessions.get(c);
  session.destroy();
  return c.redirect("/", 303);
});

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: "localhost" }, ({ port }) => {
  console.log(`http://localhost:${port}`);
});
