/** AdonisJS 7 on the server that its `bin/server.ts` creates: the framework suite. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { AppFactory } from "@adonisjs/core/factories/app";
import { EncryptionFactory } from "@adonisjs/core/factories/encryption";
import { ServerFactory } from "@adonisjs/core/factories/http";
import type { HttpContext } from "@adonisjs/core/http";
import { nodeSessions } from "sojourn/frameworks/node";
import { type FrameworkHarness, frameworkConformance, type Reply, type TrialApp } from "sojourn/testing";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

const version = clientVersion("@adonisjs/core");
reportBackend({ backend: "adonis", server: nodeServer, clients: [version] });

function respond({ response }: HttpContext, given: Reply): void {
  for (const [name, value] of given.headers ?? []) response.append(name, value);
  if (given.kind === "redirect") {
    const redirect = response.redirect();
    redirect.status(given.status ?? 302).toPath(given.location);
    return;
  }
  response.status(given.status ?? 200);
  if (given.kind === "text") response.send(given.text);
  else if (given.kind === "file") response.download(given.path);
  else response.stream(Readable.from(given.chunks));
}

/** The handler that Adonis gives to the function in `bin/server.ts`. */
async function handlerOf({ sessions, handle, onError }: TrialApp) {
  const app = new AppFactory().create(new URL("./", import.meta.url));
  await app.init();
  const server = new ServerFactory().merge({ app, encryption: new EncryptionFactory().create() }).create();
  server.getRouter()?.any("*", async (ctx: HttpContext) => {
    const { request: req } = ctx.request;
    respond(ctx, await handle(req, req.url ?? "/", () => bodyOf(req)));
  });
  server.errorHandler(async () => ({
    default: class {
      async handle(error: unknown, ctx: HttpContext): Promise<void> {
        const { request } = ctx.request;
        const given = await onError(error, request);
        // As on the page: an error that is answered below 500 is seen from here only.
        if ((given.status ?? 200) < 500) for (const one of sessions) one.discard(request);
        respond(ctx, given);
      }
      report(): void {}
    },
  }));
  await server.boot();
  return (req: IncomingMessage, res: ServerResponse): unknown => server.handle(req, res);
}

const harness: FrameworkHarness = {
  name: version,
  lacks: { attach: "the handler is wrapped: there is no middleware" },
  async start(app) {
    const handler = await handlerOf(app);
    const wrapped = app.sessions.reduceRight<(req: IncomingMessage, res: ServerResponse) => unknown>(
      (inner, one) =>
        nodeSessions(one, {
          onError: async (error, req, res) => answer(res as ServerResponse, await app.onError(error, req)),
        })(inner),
      handler,
    );
    return listen(createServer(wrapped));
  },
};

describeCases(harness.name, frameworkConformance(harness));
