/**
 * `npm start`: the demo on a local port. `PORT` chooses the port, `SESSIONS` the directory of the sessions. With `TLS_KEY`
 * and `TLS_CERT`, two files in PEM, it is served over https, and binds sessions to browsers that can do it.
 */

import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { demo } from "./app.ts";

const wanted = process.env.PORT ?? "";
if (!/^\d{0,5}$/.test(wanted) || Number(wanted) > 65_535) {
  console.error("PORT must be a number from 0 to 65535.");
  process.exit(2);
}

const { TLS_KEY, TLS_CERT, SESSIONS = fileURLToPath(new URL(".sessions", import.meta.url)) } = process.env;
const tls = TLS_KEY && TLS_CERT ? { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT) } : undefined;
const { app, store } = demo(SESSIONS, tls !== undefined);
const server: Server = tls ? createTlsServer(tls, app) : createServer(app);
try {
  await listen(server, Number(wanted || 3000));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || wanted !== "") {
    console.error(`The demo cannot listen on port ${wanted || 3000}: ${(error as Error).message}`);
    process.exit(1);
  }
  await listen(server, 0);
}

const pruning = setInterval(() => void store.prune().catch(() => {}), 600_000);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    clearInterval(pruning);
    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 2000).unref();
  });
}

const scheme = tls ? "https" : "http";
console.log(`The sojourn demo is on ${scheme}://localhost:${(server.address() as AddressInfo).port}  (Ctrl-C ends it)`);

/** On this machine only: the demo has no passwords. */
function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", () => resolve(void server.off("error", reject)));
  });
}
