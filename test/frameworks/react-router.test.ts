/** React Router 8 and 7: the framework suite through the middleware and React Router's own request handler, and its `SessionStorage`. */

import { createRequestHandler as createRequestHandler7 } from "react-router7";
import {
  createContext,
  createRequestHandler,
  createSessionStorage,
  data,
  isRouteErrorResponse,
  isSession,
  type MiddlewareFunction,
  type RouterContextProvider,
  redirect,
  type ServerBuild,
} from "react-router";
import { createSessions, isSessionError, type Session, type Sessions } from "sojourn";
import { reactRouterSessions, reactRouterStorage } from "sojourn/frameworks/react-router";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { type Fault, type FrameworkHarness, faultyStore, frameworkConformance, type Reply } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "react-router",
  server: nodeServer,
  clients: [clientVersion("react-router"), clientVersion("react-router7")],
});

type Modules = Record<string, object>;
type Args = { request: Request; context: RouterContextProvider };

/** What `react-router build` makes of an application: the root route, and those in it by path. */
function buildOf(root: object, routes: Modules, entry: object = {}): ServerBuild {
  const inside = Object.entries(routes).map(([path, module]) => {
    const place = path === "" ? { index: true } : { path };
    return [path || "index", { id: path || "index", parentId: "root", ...place, module }];
  });
  const build = {
    routes: { root: { id: "root", path: "", module: root }, ...Object.fromEntries(inside) },
    entry: { module: { handleError: () => {}, ...entry } },
    assets: { version: "1", url: "/manifest.js", entry: { module: "", imports: [] }, routes: {} },
    publicPath: "/",
    assetsBuildDirectory: "",
    future: { v8_middleware: true },
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: "initial", manifestPath: "/__manifest" },
  };
  return build as unknown as ServerBuild;
}

const versions = [
  [clientVersion("react-router"), createRequestHandler],
  [clientVersion("react-router7"), createRequestHandler7 as unknown as typeof createRequestHandler],
] as const;

function responseOf(reply: Reply): Response {
  const headers = (reply.headers ?? []).map(([name, value]): [string, string] => [name, value]);
  if (reply.kind === "redirect") return redirect(reply.location, { status: reply.status ?? 302, headers });
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

function harnessOf(name: string, createHandler: typeof createRequestHandler): FrameworkHarness {
  return {
    name,
    lacks: {
      file: "React Router sends no files",
      "error page": "React Router answers what is thrown with 500, and its boundaries get no request",
    },
    start({ sessions, attach, handle }) {
      const key = createContext<Session>();
      const middleware: MiddlewareFunction<Response>[] = sessions.map((one) =>
        reactRouterSessions(one, attach === undefined ? {} : { attach: key }),
      );
      // The suite looks for what is attached among the properties; here it is in the context.
      if (attach !== undefined)
        middleware.push(async ({ context }) => void Object.assign(context, { [attach]: context.get(key) }));
      const route = async ({ request, context }: Args): Promise<Response> => {
        const { pathname, search } = new URL(request.url);
        return responseOf(await handle(context, pathname + search, () => request.text()));
      };
      const build = buildOf({ middleware }, { "*": { loader: route, action: route } });
      return listen(serveFetch(createHandler(build, "production") as (request: Request) => Promise<Response>));
    },
  };
}

for (const [name, createHandler] of versions) {
  const harness = harnessOf(name, createHandler);
  describeCases(harness.name, frameworkConformance(harness));
}
