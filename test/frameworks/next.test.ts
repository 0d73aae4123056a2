/** Next.js: the framework suite through a route handler, and server actions, components and the proxy. */

import { type NextOptions, nextSessions } from "sojourn/frameworks/next";
import { type FrameworkHarness, frameworkConformance, type Reply, type TrialApp } from "sojourn/testing";
import { afterAll, beforeAll } from "vitest";
import { buildNextApp, type NextApp } from "../support/next-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "next", server: nodeServer, clients: [clientVersion("next"), clientVersion("react")] });

let built: NextApp;
beforeAll(async () => {
  built = await buildNextApp();
}, 240_000);
afterAll(() => built?.remove());

function responseOf(reply: Reply): Response {
  const headers = (reply.headers ?? []).map(([name, value]): [string, string] => [name, value]);
  if (reply.kind === "redirect")
    return Response.redirect(new URL(reply.location, "http://trial.test"), reply.status ?? 302);
  if (reply.kind === "file") throw new Error("there are no files");
  const empty = reply.kind === "text" && reply.text === "";
  const body = empty ? null : reply.kind === "text" ? reply.text : bodyOf(reply.chunks);
  return new Response(body, { status: reply.status ?? 200, headers });
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

const trials = new Map<string, (request: Request) => Promise<Response>>();
/** What `next/headers` is in the application. */
let real: Pick<NextOptions, "cookies" | "headers">;
Object.assign(globalThis, {
  [Symbol.for("sojourn trial")](request: Request, functions: typeof real) {
    real = functions;
    return trials.get(request.headers.get("x-trial") ?? "")?.(request);
  },
});
const [cookies, headers] = [() => real.cookies(), () => real.headers()];

function handlerOf({ sessions, handle, onError }: TrialApp): (request: Request) => Promise<Response> {
  const onErrorOf = async (error: unknown, request: Request): Promise<Response> =>
    responseOf(await onError(error, request));
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    return responseOf(await handle(request, pathname.replace(/^\/trial/, "") + search, () => request.text()));
  };
  return sessions.reduceRight<(request: Request) => Promise<Response>>(
    (inner, one) => nextSessions(one, { cookies, headers, onError: onErrorOf }).route(inner),
    handler,
  );
}

const harness: FrameworkHarness = {
  name: clientVersion("next"),
  lacks: {
    attach: "route handlers are wrapped: nothing is mounted before them",
    file: "route handlers send no files",
    "error page": "what a route handler throws is answered with 500 by Next, and no page of the application gets it",
  },
  start(trial) {
    const name = `${trials.size}`;
    trials.set(name, handlerOf(trial));
    return built.serve((request) => {
      request.url = `/trial${request.url}`;
      Object.assign(request.headers, { "x-trial": name });
    });
  },
};

describeCases(harness.name, frameworkConformance(harness));
