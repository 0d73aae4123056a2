/** The application of the framework suite, written for Hono on its server for Node. */

import { createServer } from "node:http";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { honoSessions } from "sojourn/frameworks/hono";
import type { Reply, RunningApp, TrialApp } from "sojourn/testing";
import { listen } from "./node-app.ts";

async function answer(c: Context, given: Reply): Promise<Response> {
  for (const [name, value] of given.headers ?? []) c.header(name, value, { append: true });
  if (given.kind === "redirect") return c.redirect(given.location, (given.status ?? 302) as 302);
  if (given.kind === "text" && given.text === "") return c.body(null, (given.status ?? 200) as 200);
  if (given.kind === "text") return c.text(given.text, (given.status ?? 200) as 200);
  if (given.kind === "stream") return c.body(Readable.toWeb(Readable.from(given.chunks)) as ReadableStream, 200);
  const file = serveStatic({ root: dirname(given.path), path: basename(given.path) });
  return ((await file(c, async () => {})) as Response | undefined) ?? c.notFound();
}

/** Starts it on a free port, or as `serve` does. */
export function startHono(
  { sessions, attach, handle, onError }: TrialApp,
  serve: (app: Hono) => Promise<RunningApp> = listenNode,
): Promise<RunningApp> {
  const app = new Hono();
  for (const one of sessions) app.use(honoSessions(one, { attach }));
  if (attach !== undefined) app.use(asProperty(attach));
  app.all("*", async (c) => {
    const { pathname, search } = new URL(c.req.url);
    return answer(c, await handle(c, pathname + search, () => c.req.text()));
  });
  app.onError(async (error, c) => answer(c, await onError(error, c)));
  return serve(app);
}

function listenNode({ fetch }: Hono): Promise<RunningApp> {
  return listen(createAdaptorServer({ fetch, createServer }) as ReturnType<typeof createServer>);
}

/** The suite looks for what is attached among the properties; with Hono it is a variable. */
function asProperty(name: string): MiddlewareHandler {
  return async (c, next) => {
    Object.assign(c, { [name]: c.get(name) });
    await next();
  };
}
