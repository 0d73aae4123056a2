/** Google's Functions Framework, as on Cloud Run functions: an Express application, and a plain function of Node's. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import express from "express";
import { nodeSessions } from "sojourn/frameworks/node";
import { type FrameworkHarness, frameworkConformance, type RunningApp } from "sojourn/testing";
import { startExpress } from "../support/express-app.ts";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

const name = clientVersion("@google-cloud/functions-framework");
reportBackend({ backend: "functions-framework", server: nodeServer, clients: [name] });

let registered = 0;

/** Registers a function and serves it as the framework does. */
function serve(handler: (req: never, res: never) => unknown): Promise<RunningApp> {
  const called = `trial-${++registered}`;
  http(called, handler as never);
  return listen(getTestServer(called) as Server);
}

const express5: FrameworkHarness = {
  name: `${name}, an Express application`,
  start: (app) => startExpress(express, app, (one) => serve(one as never)),
};

const plain: FrameworkHarness = {
  name: `${name}, a function`,
  lacks: { attach: "the handler is wrapped: there is no middleware" },
  start: ({ sessions, handle, onError }) => {
    const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      // The framework has read a body already that says what it is.
      const { rawBody } = req as { rawBody?: Buffer };
      await answer(res, await handle(req, req.url ?? "/", async () => rawBody?.toString() ?? bodyOf(req)));
    };
    const wrapped = sessions.reduceRight<(req: IncomingMessage, res: ServerResponse) => unknown>(
      (inner, one) =>
        nodeSessions(one, {
          onError: async (error, req, res) => answer(res as ServerResponse, await onError(error, req)),
        })(inner),
      handler,
    );
    return serve(wrapped as never);
  },
};

for (const harness of [express5, plain]) describeCases(harness.name, frameworkConformance(harness));
