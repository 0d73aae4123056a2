/** What the tests of the adapters for Node servers share: an answer in Node's own words, and a server that listens. */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Server, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2Server, Http2ServerResponse } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Reply, RunningApp } from "sojourn/testing";

/** Reads a request's body. */
export async function bodyOf(req: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of req) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Answers as a program without a framework does. */
export async function answer(res: ServerResponse | Http2ServerResponse, reply: Reply): Promise<void> {
  const response = res as ServerResponse;
  for (const [name, value] of reply.headers ?? []) response.appendHeader(name, value);
  if (reply.kind === "text") {
    response.statusCode = reply.status ?? 200;
    response.end(reply.text);
  } else if (reply.kind === "redirect") {
    response.writeHead(reply.status ?? 302, { Location: reply.location }).end();
  } else if (reply.kind === "file") {
    createReadStream(reply.path).pipe(response);
  } else {
    for await (const chunk of reply.chunks) {
      if (!response.write(chunk) && !response.destroyed) {
        const settled = new AbortController();
        const { signal } = settled;
        await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
        settled.abort();
      }
    }
    response.end();
  }
}

/** Listens on a free port. */
export async function listen(server: Server | Http2Server | Http2SecureServer, protocol = "http"): Promise<RunningApp> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
