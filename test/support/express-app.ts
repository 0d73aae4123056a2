/** The application of the framework suite, written for Express. */

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type express5 from "express";
import type { ErrorRequestHandler, RequestHandler, Response } from "express";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import type { Reply, RunningApp, TrialApp } from "sojourn/testing";
import { listen } from "./node-app.ts";

function reply(res: Response, given: Reply): void {
  for (const [name, value] of given.headers ?? []) res.append(name, value);
  if (given.kind === "text") res.status(given.status ?? 200).send(given.text);
  else if (given.kind === "redirect") res.redirect(given.status ?? 302, given.location);
  else if (given.kind === "file") res.sendFile(given.path);
  // It rejects when the client goes away; nobody is left to be told.
  else pipeline(Readable.from(given.chunks), res).catch(() => {});
}

/** Starts it on a free port, or as `serve` does. */
export function startExpress(
  express: typeof express5,
  { sessions, attach, handle, onError }: TrialApp,
  serve: (app: express5.Express) => Promise<RunningApp> = (app) => listen(createServer(app)),
): Promise<RunningApp> {
  const app = express();
  app.set("env", "test"); // Otherwise Express prints the errors that are meant.
  for (const one of sessions) app.use(expressSessions(one, { attach }));
  app.use(express.text({ type: () => true, limit: "1mb" }));
  const route: RequestHandler = (req, res, next) => {
    const given = handle(req, req.originalUrl, async () => (typeof req.body === "string" ? req.body : ""));
    given.then((one) => reply(res, one)).catch(next);
  };
  const failed: ErrorRequestHandler = (error, req, res, next) => {
    if (res.headersSent) return next(error);
    onError(error, req).then((one) => reply(res, one), next);
  };
  app.use(route);
  app.use(expressSessionErrors());
  app.use(failed);
  return serve(app);
}
