/** The Node server beside Flask: each request runs a handler of the test. */

import { createServer } from "node:http";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Sessions } from "../../../src/core/request/sessions.ts";
import { nodeSessions } from "../../../src/frameworks/node.ts";
import type { Jar } from "../../support/flask.ts";
import { listen } from "../../support/node-app.ts";

/** What the tests keep in sessions: anything. */
export type Data = Record<string, unknown>;

/** What came of a request. */
export interface NodeReply<T> {
  readonly status: number;
  /** What the handler returned. */
  readonly value: T;
  readonly headers: Headers;
}

/** A running server. */
export interface NodeServer {
  /** A request that runs this handler; fails when the handler or the save does. */
  do<T>(jar: Jar, handler: (session: Session<Data>) => T | Promise<T>): Promise<NodeReply<T>>;
  stop(): void;
}

/** Starts one. */
export async function startNode(sessions: Sessions<Data>): Promise<NodeServer> {
  const handlers = new Map<string, (session: Session<Data>) => unknown>();
  const values = new Map<string, unknown>();
  const errors = new Map<string, unknown>();
  let count = 0;
  const withSessions = nodeSessions(sessions, {
    onError(error, req, res) {
      errors.set(String(req.headers["x-handler"]), error);
      res.end("");
    },
  });
  const server = createServer(
    withSessions(async (req, res) => {
      const name = String(req.headers["x-handler"]);
      values.set(name, await handlers.get(name)!(await sessions.get(req)));
      res.end();
    }),
  );
  const { url, close } = await listen(server);
  return {
    async do(jar, handler) {
      const name = `${++count}`;
      handlers.set(name, handler);
      const response = await fetch(url, { headers: { cookie: jar.header, "x-handler": name } });
      await response.arrayBuffer();
      jar.keep(response.headers);
      if (errors.has(name)) throw errors.get(name);
      if (!response.ok) throw new Error(`Node says ${response.status}`);
      return { status: response.status, value: values.get(name) as never, headers: response.headers };
    },
    stop: close,
  };
}
