/** Types of the adapters: what compiles, and what must not. Read by `npm run check`, never run. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { createServer as createTls } from "node:https";
import connect from "connect";
import express, { type RequestHandler, Router } from "express";
import express4 from "express4";
import { createSessions, type Session, type Sessions } from "sojourn";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { connectSessionErrors, connectSessions, nodeSessions } from "sojourn/frameworks/node";

interface Data {
  visits: number;
  user: { id: string };
}

const sessions: Sessions<Data> = createSessions<Data>();

// What a request's session holds is known, wherever it comes from.
export async function handler(req: IncomingMessage): Promise<void> {
  const session: Session<Data> = await sessions.get(req);
  const visits: number | undefined = session.data.visits;
  session.data.visits = (visits ?? 0) + 1;
  // @ts-expect-error It may be absent.
  const id: string = session.data.user.id;
  session.data.user = { id };
  // @ts-expect-error Another type.
  session.data.visits = "1";
  // @ts-expect-error No such key.
  session.data.visit = 1;
}

// A listener for every server of Node, with the types of that server.
const withSessions = nodeSessions(sessions);
createServer(
  withSessions(async (req, res) => {
    const session: Session<Data> = await sessions.get(req);
    res.setHeader("x-path", req.url ?? "/").end(`${session.data.visits} ${req.httpVersion}`);
  }),
);
createTls(
  {},
  withSessions((req, res) => res.end(req.url)),
);
createServer(withSessions((req: IncomingMessage, res: ServerResponse) => res.end(req.url)));
createHttp2(
  withSessions((req: Http2ServerRequest, res: Http2ServerResponse) => res.stream.respond({ ":path": req.scheme })),
);
createSecureServer(
  {},
  withSessions((_req: Http2ServerRequest, res: Http2ServerResponse) => void res.end()),
);
nodeSessions(sessions, { onError: (error, req, res) => res.end(`${error} ${req.url}`) });
// @ts-expect-error The option takes a function.
nodeSessions(sessions, { onError: "log" });
// @ts-expect-error There is no such option.
nodeSessions(sessions, { attach: "session" });
// @ts-expect-error A request is an object.
sessions.get("request");

// Middleware for Connect, and Express 4 and 5.
connect().use(connectSessions(sessions)).use(connectSessionErrors());
for (const app of [express(), express4(), Router()]) {
  app.use(expressSessions(sessions));
  app.use("/path", expressSessions(sessions, { attach: "session" }), expressSessionErrors());
  app.get("/", expressSessions(sessions), async (req, res) => {
    const session: Session<Data> = await sessions.get(req);
    res.json(session.data);
  });
}
export const middleware: RequestHandler = expressSessions(sessions);
// @ts-expect-error The name of a property.
expressSessions(sessions, { attach: true });
// @ts-expect-error There is no such option.
connectSessions(sessions, { onError: () => {} });

// Nothing is added to Express's request by importing the adapter. Whoever attaches says so.
declare const bare: express.Request;
// @ts-expect-error Not there.
bare.visitor;
interface Attached {
  visitor: Session<Data>;
}
express().get("/", (req, res) => {
  const { visitor } = req as typeof req & Attached;
  res.json(visitor.data.visits);
});

// Fetch handlers keep what comes after the request.
interface Env {
  readonly name: string;
}
const fetchHandler: (request: Request, env: Env) => Promise<Response> = fetchSessions(sessions)(
  async (request, env: Env) => {
    const session: Session<Data> = await sessions.get(request);
    return Response.json([env.name, session.data.visits]);
  },
);
export const worker = { fetch: fetchHandler };
fetchSessions(sessions)(() => new Response());
fetchSessions(sessions, { onError: ({ code, status }) => new Response(code, { status }), streaming: true });
// @ts-expect-error A handler answers.
fetchSessions(sessions)(async () => {});
// @ts-expect-error Its request is a fetch Request.
fetchSessions(sessions)((request: IncomingMessage) => new Response(request.url));
// @ts-expect-error A function of the request.
fetchSessions(sessions, { secure: true });
