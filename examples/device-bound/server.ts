/** Sessions bound to their browser, over https: `TLS_KEY` and `TLS_CERT` are two files in PEM, see docs/device-bound.md. */

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createSessions } from "sojourn";
import { deviceBound } from "sojourn/device-bound";
import { nodeSessions } from "sojourn/frameworks/node";

const sessions = createSessions({ deviceBound: deviceBound() });
sessions.on(({ type, handle, reason }) => {
  if (type === "session_bound" || type === "binding_violated") console.log(type, handle, reason);
});

const listener = nodeSessions(sessions)(async (req, res) => {
  const session = await sessions.get(req);
  if (req.method === "POST") {
    if (req.url === "/login") session.login("ada"); // after your own check; the browser is asked to bind
    if (req.url === "/logout") session.destroy();
    return void res.writeHead(303, { location: "/" }).end();
  }
  const action = session.subject === undefined ? "login" : "logout";
  res.setHeader("content-type", "text/html; charset=utf-8");
  res.end(`<p>${session.subject ?? "guest"}${session.bound ? ", bound to this browser" : ""}</p>
<form method="post" action="/${action}"><button>${action}</button></form>`);
});

const tls = {
  key: readFileSync(process.env.TLS_KEY ?? "key.pem"),
  cert: readFileSync(process.env.TLS_CERT ?? "cert.pem"),
};
const server = createServer(tls, listener).listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`https://localhost:${(server.address() as AddressInfo).port}`);
});
