/** The application of the framework suite, written for Fastify. */

import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { fastifySessions } from "sojourn/frameworks/fastify";
import type { Reply, RunningApp, TrialApp } from "sojourn/testing";
import { bodyOf } from "./node-app.ts";

function answer(reply: FastifyReply, given: Reply): FastifyReply {
  const several = new Set<string>();
  for (const [name, value] of given.headers ?? []) {
    // Fastify appends cookies only.
    const before = several.has(name) && name.toLowerCase() !== "set-cookie" ? `${reply.getHeader(name)}, ` : "";
    several.add(name);
    reply.header(name, before + value);
  }
  if (given.kind === "redirect") return reply.redirect(given.location, given.status ?? 302);
  reply.code(given.status ?? 200);
  if (given.kind === "text") return reply.send(given.text);
  return reply.send(given.kind === "file" ? createReadStream(given.path) : Readable.from(given.chunks));
}

/** Starts an application on a free port. */
export async function launchFastify(app: FastifyInstance): Promise<RunningApp> {
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return {
    url,
    async close() {
      app.server.closeAllConnections?.();
      await app.close();
    },
  };
}

/** Mounts the routes of the suite and starts it, as `launch` does. */
export function startFastify(
  app: FastifyInstance,
  { sessions, attach, handle, onError }: TrialApp,
  launch: (app: FastifyInstance) => Promise<RunningApp> = launchFastify,
): Promise<RunningApp> {
  for (const one of sessions) app.register(fastifySessions(one, { attach }));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.setErrorHandler(async (error, request, reply) => answer(reply, await onError(error, request)));
  const route = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    // Fastify leaves a body of HTTP/2 that does not say what it is.
    answer(reply, await handle(request, request.url, async () => (request.body as string) ?? bodyOf(request.raw)));
  app.all("/*", route);
  return launch(app);
}
