/** Visits, login and logout with Koa. */

import type { AddressInfo } from "node:net";
import Koa from "koa";
import { createSessions } from "sojourn";
import { koaSessions } from "sojourn/frameworks/koa";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const app = new Koa();
app.use(koaSessions(sessions)); // after your own error handling, before the routes

app.use(async (ctx) => {
  const route = `${ctx.method} ${ctx.path}`;
  if (route === "GET /") {
    const session = await sessions.get(ctx); // loaded on first use
    const visits = session.update("visits", (n = 0) => n + 1);
    ctx.body = `${session.subject ?? "guest"}, visit ${visits}\n`;
  } else if (route === "POST /login") {
    const session = await sessions.get(ctx);
    session.login("ada"); // after your own check; the id is renewed
    ctx.redirect("/"); // sent once the session is saved
    ctx.status = 303;
  } else if (route === "POST /logout") {
    const session = await sessions.get(ctx);
    session.destroy();
    ctx.redirect("/");
    ctx.status = 303;
  }
});

const server = app.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
