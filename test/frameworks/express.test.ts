/** Express 5 and 4: the framework suite. */

import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import express5, { type ErrorRequestHandler, type RequestHandler, type Response } from "express";
import express4 from "express4";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { listen } from "../support/node-app.ts";
import { clientVersion } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

function reply(res: Response, given: Reply): void {
  for (const [name, value] of given.headers ?? []) res.append(name, value);
  if (given.kind === "text") res.status(given.status ?? 200).send(given.text);
  else if (given.kind === "redirect") res.redirect(given.status ?? 302, given.location);
  else if (given.kind === "file") res.sendFile(given.path);
  // It rejects when the client goes away; nobody is left to be told.
  else pipeline(Readable.from(given.chunks), res).catch(() => {});
}

function start(express: typeof express5, { sessions, attach, handle, onError }: TrialApp): Promise<RunningApp> {
  const app = express();
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
  return listen(createServer(app));
}

const five: FrameworkHarness = { name: clientVersion("express"), start: (app) => start(express5, app) };
const four: FrameworkHarness = { name: clientVersion("express4"), start: (app) => start(express4, app) };

describeCases(five.name, frameworkConformance(five));
describeCases(four.name, frameworkConformance(four));
