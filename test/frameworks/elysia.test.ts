/** Elysia 1 on its server for Node and as a fetch handler: the framework suite, and what is Elysia's own. */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { node } from "@elysiajs/node";
import { type Context, Elysia } from "elysia";
import { createSessions, type Sessions } from "sojourn";
import { elysiaSessions } from "sojourn/frameworks/elysia";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { memoryStore } from "sojourn/stores/memory";
import {
  type Fault,
  type FrameworkHarness,
  faultyStore,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "elysia",
  server: nodeServer,
  clients: [clientVersion("elysia"), clientVersion("@elysiajs/node")],
});

// Its server for Node adds one listener for each application.
process.setMaxListeners(500);

type Answering = Pick<Context, "set" | "redirect" | "request">;

function answer({ set, redirect, request }: Answering, given: Reply): unknown {
  const headers = set.headers as Record<string, string | string[]>;
  for (const [name, value] of given.headers ?? []) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  if (given.kind === "redirect")
    return redirect(new URL(given.location, request.url).href, (given.status ?? 302) as 302);
  set.status = given.status ?? 200;
  // Its server for Node sends both Content-Length and Transfer-Encoding with file(), with sessions or without.
  if (given.kind === "file") return new Response(Readable.toWeb(createReadStream(given.path)) as ReadableStream);
  if (given.kind === "stream") return new Response(bodyOf(given.chunks));
  return given.text === "" ? new Response(null, { status: set.status }) : given.text;
}

function bodyOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const pieces = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void (await pieces.return?.()),
  });
}

function build(app: Elysia, { sessions, attach, handle, onError }: TrialApp): Elysia {
  for (const one of sessions) app.use(elysiaSessions(one));
  app.onError(async (context) => answer(context, await onError(context.error, context)) as Response);
  // What Elysia's users write for an eager session.
  if (attach !== undefined) app.derive(async (context) => ({ [attach]: await (sessions[0] as Sessions).get(context) }));
  const route = async (context: Context): Promise<unknown> => {
    const { pathname, search } = new URL(context.request.url);
    return answer(context, await handle(context, pathname + search, () => context.request.text()));
  };
  app.all("/*", route, { parse: "none" });
  return app;
}

async function launch(app: Elysia): Promise<RunningApp> {
  const { promise, resolve } = Promise.withResolvers<{ raw: { node: { server: Server } } }>();
  app.listen({ port: 0, hostname: "127.0.0.1" }, resolve as never);
  const { server } = (await promise).raw.node;
  if (!server.listening) await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const name = clientVersion("elysia");
const harnesses: readonly FrameworkHarness[] = [
  {
    name: `${name} with ${clientVersion("@elysiajs/node")}`,
    start: (app) => launch(build(new Elysia({ adapter: node() }) as never, app)),
  },
  {
    name: `${name} as a fetch handler`,
    start: (app) => listen(serveFetch(async (request) => build(new Elysia(), app).handle(request))),
  },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
