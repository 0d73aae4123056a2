/** Visits, login and logout with Fastify. */

import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { createSessions } from "sojourn";
import { fastifySessions } from "sojourn/frameworks/fastify";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const app = fastify();
app.register(fastifySessions(sessions));

app.get("/", async (request) => {
  const session = await sessions.get(request); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  return `${session.subject ?? "guest"}, visit ${visits}\n`;
});
app.post("/login", async (request, reply) => {
  const session = await sessions.get(request);
  session.login("ada"); // after your own check; the id is renewed
  return reply.redirect("/", 303); // sent once the session is saved
});
app.post("/logout", async (request, reply) => {
  const session = await sessions.get(request);
  session.destroy();
  return reply.redirect("/", 303);
});

await app.listen({ port: Number(process.env.PORT ?? 3000), host: "localhost" });
console.log(`http://localhost:${(app.server.address() as AddressInfo).port}`);
