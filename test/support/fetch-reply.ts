/** Replies of the framework suite as fetch responses, for what is written with those. */

import type { Reply } from "../../src/testing/framework-conformance.ts";

/** What a framework has in place of what is done here. */
export interface ReplyWays {
  /** Reads a file. Default: there are none. */
  readonly file?: (path: string) => AsyncIterable<Uint8Array>;
  /** Default: a response with the header `Location`. */
  readonly redirect?: (location: string, init: { readonly status: number; readonly headers: Headers }) => Response;
}

/** A response with all that was given. */
export function responseOf(reply: Reply, { file, redirect = withLocation }: ReplyWays = {}): Response {
  const headers = new Headers((reply.headers ?? []).map(([name, value]): [string, string] => [name, value]));
  if (reply.kind === "redirect") return redirect(reply.location, { status: reply.status ?? 302, headers });
  const init = { status: reply.status ?? 200, headers };
  if (reply.kind === "text") return new Response(reply.text === "" ? null : reply.text, init);
  if (reply.kind === "stream") return new Response(streamOf(reply.chunks), init);
  if (!file) throw new Error("there are no files");
  return new Response(streamOf(file(reply.path)), init);
}

function withLocation(location: string, init: { readonly status: number; readonly headers: Headers }): Response {
  init.headers.set("location", location);
  return new Response(null, init);
}

/** A redirect whose headers cannot be changed. */
export function closedRedirect(location: string, { status }: { readonly status: number }): Response {
  return Response.redirect(new URL(location, "http://trial.test"), status);
}

/** A body that is read as it is sent. */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
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
