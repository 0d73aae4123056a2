/** `npm start`: the demo on a local port. `PORT` chooses the port, `SESSIONS` the directory of the sessions. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { demo } from "./app.ts";

const wanted = process.env.PORT ?? "";
if (!/^\d{0,5}$/.test(wanted) || Number(wanted) > 65_535) {
  console.error("PORT must be a number from 0 to 65535.");
  process.exit(2);
}

const { app, store } = demo(process.env.SESSIONS ?? fileURLToPath(new URL(".sessions", import.meta.url)));
const server = createServer(app);
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

console.log(`The sojourn demo is on http://localhost:${(server.address() as AddressInfo).port}  (Ctrl-C ends it)`);

/** On this machine only: the demo has no passwords. */
function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", () => resolve(void server.off("error", reject)));
  });
}
