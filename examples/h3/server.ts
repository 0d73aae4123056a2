/** Visits, login and logout with h3. */

import { H3, redirect, serve } from "h3";
import { createSessions } from "sojourn";
import { h3Sessions } from "sojourn/frameworks/h3";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const app = new H3();
app.use(h3Sessions(sessions));

app.get("/", async (event) => {
  const session = await sessions.get(event); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  return `${session.subject ?? "guest"}, visit ${visits}\n`;
});
app.post("/login", async (event) => {
  const session = await sessions.get(event);
  session.login("ada"); // after your own check; the id is renewed
  return redirect("/", 303); // sent once the session is saved
});
app.post("/logout", async (event) => {
  const session = await sessions.get(event);
  session.destroy();
  return redirect("/", 303);
});

const server = serve(app, { port: Number(process.env.PORT ?? 3000), hostname: "localhost", silent: true });
await server.ready();
console.log(server.url);
