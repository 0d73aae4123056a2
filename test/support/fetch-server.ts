/** Serves a fetch handler: with the server of Bun or Deno there, on Node from `node:http`, by the bridge of the tests. */

import { createServer, type Server } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { RunningApp } from "sojourn/testing";
import { listen } from "./node-app.ts";

type Handler = (request: Request) => Promise<Response>;
type Failed = () => Response;

/** What Bun hands the handlers of its routes. */
export interface BunRequest extends Request {
  readonly params: Readonly<Record<string, string>>;
  readonly cookies: { set(name: string, value: string): void };
}

type BunHandler = (request: BunRequest) => Promise<Response>;
type BunRoute = BunHandler | Readonly<Record<string, BunHandler>>;

/** As much of `Bun` and of `Deno` as is used here. */
interface Runtimes {
  readonly Bun?: {
    serve(
      options: { port: 0; hostname: string; development: false; error: Failed } & (
        | { fetch: Handler }
        | { routes: Readonly<Record<string, BunRoute>> }
      ),
    ): { readonly port: number; stop(cutsConnections: true): unknown };
  };
  readonly Deno?: {
    serve(
      options: { port: 0; hostname: string; signal: AbortSignal; onListen: () => void; onError: Failed },
      handler: Handler,
    ): { readonly addr: { readonly port: number } };
  };
}

const hostname = "127.0.0.1";
const failed: Failed = () => new Response("Internal Server Error", { status: 500 });

/** Serves a fetch handler on a free port, as this runtime does. What the handler throws is answered with 500. */
export async function listenFetch(handler: Handler): Promise<RunningApp> {
  const { Bun, Deno } = globalThis as Runtimes;
  if (Bun) {
    const server = Bun.serve({ port: 0, hostname, development: false, fetch: handler, error: failed });
    return { url: `http://${hostname}:${server.port}`, close: () => server.stop(true) };
  }
  if (Deno) {
    const stopped = new AbortController();
    const options = { port: 0, hostname, signal: stopped.signal, onListen: () => {}, onError: failed } as const;
    const { addr } = Deno.serve(options, handler);
    return { url: `http://${hostname}:${addr.port}`, close: () => stopped.abort() };
  }
  return listen(serveFetch(handler));
}

/** Serves routes as Bun does. Only there. */
export function listenBunRoutes(routes: Readonly<Record<string, BunRoute>>): RunningApp {
  const { Bun } = globalThis as Runtimes;
  if (!Bun) throw new Error("this is not Bun");
  const server = Bun.serve({ port: 0, hostname, development: false, routes, error: failed });
  return { url: `http://${hostname}:${server.port}`, close: () => server.stop(true) };
}

/** A server for a fetch handler. What the handler throws is answered with 500. */
export function serveFetch(handler: Handler): Server {
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
    const response = await handler(request).catch(failed);
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
