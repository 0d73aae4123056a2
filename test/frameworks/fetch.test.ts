/** Fetch handlers: the framework suite, over a real socket. */

import { fetchSessions } from "sojourn/frameworks/fetch";
import { type FrameworkHarness, frameworkConformance, type Reply } from "sojourn/testing";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "fetch", server: nodeServer });

function responseOf(reply: Reply): Response {
  const init = {
    status: reply.status ?? 200,
    headers: (reply.headers ?? []).map(([name, value]): [string, string] => [name, value]),
  };
  // Its headers cannot be changed.
  if (reply.kind === "redirect")
    return Response.redirect(new URL(reply.location, "http://trial.test"), reply.status ?? 302);
  if (reply.kind === "stream") return new Response(bodyOf(reply.chunks), init);
  if (reply.kind === "text") return new Response(reply.text === "" ? null : reply.text, init);
  throw new Error(`no such reply: ${reply.kind}`);
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

const harness: FrameworkHarness = {
  name: "fetch handler",
  lacks: {
    attach: "the handler is wrapped: there is no middleware",
    file: "there are no files in fetch",
    "error page": "there is no error handling in fetch: what the handler throws goes to the server",
  },
  start({ sessions, handle, onError }) {
    const handler = async (request: Request): Promise<Response> => {
      const { pathname, search } = new URL(request.url);
      return responseOf(await handle(request, pathname + search, () => request.text()));
    };
    const wrapped = sessions.reduceRight<(request: Request) => Promise<Response>>(
      (inner, one) =>
        fetchSessions(one, { onError: async (error, request) => responseOf(await onError(error, request)) })(inner),
      handler,
    );
    return listen(serveFetch(wrapped));
  },
};

describeCases(harness.name, frameworkConformance(harness));
