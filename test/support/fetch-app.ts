/** The application of the framework suite as a fetch handler. */

import { fetchSessions as ownFetchSessions } from "sojourn/frameworks/fetch";
import type { FrameworkHarness, Reply, TrialApp } from "../../src/testing/framework-conformance.ts";
import { closedRedirect, responseOf } from "./fetch-reply.ts";

/** What there is not in fetch. */
export const fetchLacks: NonNullable<FrameworkHarness["lacks"]> = {
  attach: "the handler is wrapped: there is no middleware",
  file: "there are no files in fetch",
  "error page": "there is no error handling in fetch: what the handler throws goes to the server",
};

const respond = (reply: Reply): Response => responseOf(reply, { redirect: closedRedirect });

/** The handler, wrapped in all sessions of the application; by the adapter of another realm where one is given. */
export function fetchApp(
  { sessions, handle, onError }: TrialApp,
  fetchSessions = ownFetchSessions,
): (request: Request) => Promise<Response> {
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    return respond(await handle(request, pathname + search, () => request.text()));
  };
  return sessions.reduceRight<(request: Request) => Promise<Response>>(
    (inner, one) =>
      fetchSessions(one, { onError: async (error, request) => respond(await onError(error, request)) })(inner),
    handler,
  );
}
