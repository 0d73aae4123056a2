/** Visits, login and logout with Polka. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import polka from "polka";
import { createSessions } from "sojourn";
import { polkaSessionErrors, polkaSessions } from "sojourn/frameworks/polka";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const server = createServer();
const app = polka({ server, onError: polkaSessionErrors() });
app.use(polkaSessions(sessions));

app.get("/", async (req, res) => {
  const session = await sessions.get(req); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  res.end(`${session.subject ?? "guest"}, visit ${visits}\n`);
});
app.post("/login", async (req, res) => {
  const session = await sessions.get(req);
  session.login("ada"); // after your own check; the id is renewed
  res.writeHead(303, { location: "/" }).end(); // sent once the session is saved
});
app.post("/logout", async (req, res) => {
  const session = await sessions.get(req);
  session.destroy();
  res.writeHead(303, { location: "/" }).end();
});

app.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
