/** One of two servers whose sessions are bound, over one Redis. Arguments: the port to listen on, the URL of Redis. */

import { createServer } from "node:http";
import { createClient } from "redis";
import { createSessions } from "sojourn";
import { deviceBound } from "sojourn/device-bound";
import { nodeSessions } from "sojourn/frameworks/node";
import { redisStore } from "sojourn/stores/redis";

const [port = "", url = ""] = process.argv.slice(2);
const client = createClient({ url });
await client.connect();
const sessions = createSessions<{ visits: number }>({
  name: "bound",
  store: redisStore({ client }),
  storeTimeout: "30s",
  conflictTimeout: "30s",
  warn: false,
  deviceBound: deviceBound(),
});

const listener = nodeSessions(sessions)(async (req, res) => {
  const session = await sessions.get(req);
  if (req.url === "/login") session.login("ada");
  if (req.url === "/visit") session.update("visits", (n = 0) => n + 1);
  if (req.url === "/logout") session.destroy();
  else if (req.url === "/visits") return void res.end(`${session.data.visits ?? 0}`);
  res.end(`${session.subject ?? "guest"}${session.bound ? ", bound" : ""}`);
});
createServer(listener).listen(Number(port), "127.0.0.1");
