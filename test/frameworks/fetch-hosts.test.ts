/** Fetch handlers where others serve or route them: srvx, and the router of Remix 3. */

import { createRouter } from "@remix-run/fetch-router";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { type FrameworkHarness, frameworkConformance, type RunningApp, type TrialApp } from "sojourn/testing";
import { FastResponse, serve } from "srvx";
import { fetchApp, fetchLacks } from "../support/fetch-app.ts";
import { responseOf } from "../support/fetch-reply.ts";
import { listenFetch } from "../support/fetch-server.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

const packages = ["srvx", "@remix-run/fetch-router"];
reportBackend({ backend: "fetch", server: nodeServer, clients: packages.map(clientVersion) });

type Handler = (request: Request) => Promise<Response>;

async function listenSrvx(fetch: Handler): Promise<RunningApp> {
  const server = serve({
    fetch,
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
    gracefulShutdown: false,
    error: () => new Response("Internal Server Error", { status: 500 }),
  });
  await server.ready();
  return { url: `${server.url}`.replace(/\/$/, ""), close: () => server.close(true) };
}

/** The responses that srvx has for speed: no real one is made on Node. */
function fastApp(app: TrialApp): Handler {
  const handler: Handler = async (request) => {
    const { pathname, search } = new URL(request.url);
    const given = await app.handle(request, pathname + search, () => request.text());
    if (given.kind !== "text") return responseOf(given);
    const headers = (given.headers ?? []).map(([name, value]): [string, string] => [name, value]);
    return new FastResponse(given.text === "" ? null : given.text, { status: given.status ?? 200, headers });
  };
  const onError = async (error: unknown, request: Request): Promise<Response> =>
    responseOf(await app.onError(error, request));
  return app.sessions.reduceRight((inner, one) => fetchSessions(one, { onError })(inner), handler);
}

/** As on the page: the sessions around the whole router. */
function routed(app: TrialApp): Handler {
  const router = createRouter();
  const handler = fetchApp({ ...app, sessions: [] });
  router.route("ANY", "*", ({ request }) => handler(request));
  const onError = async (error: unknown, request: Request): Promise<Response> =>
    responseOf(await app.onError(error, request));
  return app.sessions.reduceRight<Handler>(
    (inner, one) => fetchSessions(one, { onError })(inner),
    async (request) => router.fetch(request),
  );
}

const harnesses: readonly FrameworkHarness[] = [
  { name: "srvx", lacks: fetchLacks, start: (app) => listenSrvx(fetchApp(app)) },
  { name: "srvx with FastResponse", lacks: fetchLacks, start: (app) => listenSrvx(fastApp(app)) },
  { name: "the router of Remix 3", lacks: fetchLacks, start: (app) => listenFetch(routed(app)) },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
