/** The application of the framework suite as a fetch handler. */

import { fetchSessions } from "sojourn/frameworks/fetch";
import type { FrameworkHarness, Reply, TrialApp } from "../../src/testing/framework-conformance.ts";

/** What there is not in fetch. */
export const fetchLacks: NonNullable<FrameworkHarness["lacks"]> = {
  attach: "the handler is wrapped: there is no middleware",
  file: "there are no files in fetch",
  "error page": "there is no error handling in fetch: what the handler throws goes to the server",
};

/** The handler, wrapped in all sessions of the application. */
export function fetchApp({ sessions, handle, onError }: TrialApp): (request: Request) => Promise<Response> {
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    return responseOf(await handle(request, pathname + search, () => request.text()));
  };
  return sessions.reduceRight<(request: Request) => Promise<Response>>(
    (inner, one) =>
      fetchSessions(one, { onError: async (error, request) => responseOf(await onError(error, request)) })(inner),
    handler,
  );
}

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
