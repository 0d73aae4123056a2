/** Plain `node:http` and `node:http2` servers: the framework suite. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer, createServer as createServer2 } from "node:http2";
import { createServer as createServerTls } from "node:https";
import { type NodeRequest, type NodeResponse, nodeSessions } from "sojourn/frameworks/node";
import { type FrameworkHarness, frameworkConformance, type TrialApp } from "sojourn/testing";
import { cert, key } from "../support/certificate.ts";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "node", server: nodeServer });

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown;

/** The listener of an application, wrapped in all its sessions. */
function listener(app: TrialApp): Listener {
  const onError = async (error: unknown, req: NodeRequest, res: NodeResponse): Promise<void> =>
    answer(res as ServerResponse, await app.onError(error, req));
  const handler: Listener = async (req, res) => answer(res, await app.handle(req, req.url ?? "/", () => bodyOf(req)));
  return app.sessions.reduceRight((inner, one) => nodeSessions(one, { onError })(inner), handler);
}

const lacks = { attach: "the handler is wrapped: there is no middleware" };
const harnesses: readonly FrameworkHarness[] = [
  { name: `node:http, ${nodeServer}`, lacks, start: (app) => listen(createServer(listener(app))) },
  {
    name: `node:https, ${nodeServer}`,
    lacks,
    start: (app) => listen(createServerTls({ key, cert }, listener(app)), "https"),
  },
  {
    name: `node:http2 without TLS, ${nodeServer}`,
    http2: true,
    lacks,
    start: (app) => listen(createServer2(listener(app) as never)),
  },
  {
    name: `node:http2, ${nodeServer}`,
    http2: true,
    lacks,
    start: (app) => listen(createSecureServer({ key, cert }, listener(app) as never), "https"),
  },
  {
    name: `node:http2 with a client of HTTP/1.1, ${nodeServer}`,
    lacks,
    start: (app) => listen(createSecureServer({ key, cert, allowHTTP1: true }, listener(app) as never), "https"),
  },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
for (const harness of harnesses.slice(0, 1)) describeCaches(harness);
