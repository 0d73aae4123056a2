/** A server with one middleware and one handler, and requests that carry a cookie on. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What handlers get. */
// biome-ignore lint/suspicious/noExplicitAny: req.session is whatever the middleware under test makes of it
export type Req = IncomingMessage & { session: any; sessionID: any; sessionStore: any; secure?: boolean };
export type Middleware = (req: never, res: never, next: (error?: unknown) => void) => void;
export type Handler = (req: Req, res: ServerResponse) => unknown;

/** A running server. */
export interface Running {
  readonly url: string;
  /** What came to `next` too late for an answer. */
  readonly late: unknown[];
  send(path?: string, cookie?: string, headers?: Record<string, string>): Promise<Reply>;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly setCookie: string[];
  /** Name and value of the cookie that was set. */
  readonly cookie: string | undefined;
  readonly headers: Headers;
}

/** Starts it on a free port. `next(error)` answers with 500 and the message, as Express does. */
export async function serve(middleware: Middleware, handler: Handler): Promise<Running> {
  const late: unknown[] = [];
  const server = createServer((req, res) => {
    middleware(req as never, res as never, (error) => {
      if (error && res.headersSent) late.push(error);
      else if (error) {
        res.statusCode = (error as { status?: number }).status ?? 500;
        res.end((error as Error).message);
      } else handler(req as Req, res);
    });
  });
  return running(server, late);
}

/** A server that listens, with the same way to ask it. */
export async function running(server: Server, late: unknown[] = []): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    late,
    async send(path = "/", cookie, headers = {}) {
      const response = await fetch(url + path, {
        headers: { ...headers, ...(cookie && { cookie }) },
        redirect: "manual",
      });
      const setCookie = response.headers.getSetCookie();
      return {
        status: response.status,
        text: await response.text(),
        setCookie,
        cookie: setCookie.at(-1)?.split(";")[0],
        headers: response.headers,
      };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Until something holds; the test's own time limit ends the wait. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
