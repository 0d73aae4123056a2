/** Connect: the framework suite. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import connect from "connect";
import { connectSessionErrors, connectSessions } from "sojourn/frameworks/node";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "node", server: nodeServer, clients: [clientVersion("connect")] });

const harness: FrameworkHarness = {
  name: clientVersion("connect"),
  start({ sessions, attach, handle, onError }) {
    const app = connect();
    for (const one of sessions) app.use(connectSessions(one, { attach }));
    app.use((req: IncomingMessage, res: ServerResponse, next: connect.NextFunction) => {
      const reply = handle(req, req.url ?? "/", () => bodyOf(req));
      reply.then((given) => answer(res, given)).catch(next);
    });
    app.use(connectSessionErrors());
    app.use((error: unknown, req: IncomingMessage, res: ServerResponse, next: connect.NextFunction) => {
      if (res.headersSent) return next(error);
      onError(error, req).then((reply) => answer(res, reply), next);
    });
    return listen(createServer(app));
  },
};

describeCases(harness.name, frameworkConformance(harness));
describeCaches(harness);
