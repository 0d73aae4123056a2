/** Serves a fetch handler from `node:http`, as the servers of fetch frameworks do: the bridge of the tests. */

import { createServer, type Server } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

/** A server for a fetch handler. What the handler throws is answered with 500. */
export function serveFetch(handler: (request: Request) => Promise<Response>): Server {
  return createServer(async (req, res) => {
    const headers = new Headers();
    for (const [name, values] of Object.entries(req.headersDistinct))
      for (const value of values ?? []) headers.append(name, value);
    const hasBody = req.method !== "GET" && req.method !== "HEAD";
    const request = new Request(`http://${req.headers.host}${req.url}`, {
      method: req.method ?? "GET",
      headers,
      ...(hasBody && { body: Readable.toWeb(req) as BodyInit, duplex: "half" }),
    });
    const response = await handler(request).catch(() => new Response("Internal Server Error", { status: 500 }));
    res.statusCode = response.status;
    for (const [name, value] of response.headers) res.appendHeader(name, value);
    if (!response.body || req.method === "HEAD") {
      await response.body?.cancel();
      res.end();
      return;
    }
    // The body ends with an error, or the client has gone: either way the response is cut off.
    await pipeline(Readable.fromWeb(response.body as ReadableStream), res).catch(() => res.destroy());
  });
}
