/** Ports for the servers that tests start. */

import { once } from "node:events";
import { createServer } from "node:net";

// Below those that a system gives to connections and to `listen(0)` (Linux: from 32,768), which would take the port of a
// server that needs seconds to start: a test would then talk to another program. `fetch` refuses 10,080.
const [first, count] = [10_100, 22_000];

let last = (process.pid * 37) % count;

/** A port of this machine on which nothing listens. Each process begins elsewhere. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < count; attempt++) {
    last = (last + 1) % count;
    const port = first + last;
    if (await isFree(port)) return port;
  }
  throw new Error(`something listens on every port from ${first} to ${first + count}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
