/** Seals a fetch `Response`: the session is saved and its headers are in. What all fetch adapters end with. */

import type { Exchange, Outcome } from "../../core/exchange.ts";
import type { HeaderAccess } from "../../core/transport.ts";

type Saves = Pick<Exchange, "used" | "commit" | "finish">;
type Opened = { [slot]?: Saves[] | undefined };

const slot = Symbol("sojourn exchanges");
const failure: Outcome = { failed: true };
/** Of a session that was not used, no header is read or written. */
const unread: HeaderAccess = { get: () => undefined, set() {}, append() {} };

/**
 * Saves the session and gives the response to send. The same one if the session was not used, or if its headers can
 * be changed.
 *
 * @param streams Also saves what is changed while the body is sent. Server-sent events are always treated so.
 * @param threw The response is the answer to what a handler threw, whatever its status.
 * @throws What the save throws. Then answer with `sealFailure`.
 */
export async function sealResponse(
  exchange: Saves,
  response: Response,
  streams = false,
  threw = false,
): Promise<Response> {
  const failed = threw || response.status >= 500 ? failure : undefined;
  let sealed = response;
  if (exchange.used) {
    if (response.status === 101 && !hasOpenHeaders(response)) return sealUpgrade(exchange, response, failed);
    sealed = withOpenHeaders(response);
    try {
      await exchange.commit(sealed.headers, failed);
    } catch (error) {
      sealed.body?.cancel().catch(() => {});
      throw error;
    }
  } else {
    exchange.commit(unread);
    if (!streams && isUnmadeText(response)) return response;
  }
  const watched = streams || isEventStream(sealed.headers.get("content-type"));
  return watched && sealed.body ? new Response(savedAtEnd(sealed.body, exchange, failed), sealed) : sealed;
}

/** Notes that a request was opened, so that {@link sealFailure} finds all of its exchanges. */
export function noteOpened(request: object, exchange: Saves): void {
  const opened = request as Opened;
  if (opened[slot]) opened[slot].push(exchange);
  else opened[slot] = [exchange];
}

/**
 * The same for the answer to an error: unsaved changes are discarded, and only cookies that are due go along, also of
 * other sessions of this request that were saved for the response it replaces.
 */
export async function sealFailure(request: object, response: Response): Promise<Response> {
  const sealed = withOpenHeaders(response);
  for (const exchange of (request as Opened)[slot] ?? []) {
    await exchange.commit(sealed.headers, failure)?.catch(() => {});
  }
  return sealed;
}

/** What a client is told of an error: its status in words. */
export function failureResponse(error: { readonly status: number }): Response {
  const words = error.status === 503 ? "Service Unavailable" : "Internal Server Error";
  return new Response(words, { status: error.status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

/**
 * Whether this is a text of which Hono's server for Node has not made a real response yet (it holds status, body and
 * headers under a symbol): asking for its headers would, for a third of a request's time. Should that server change,
 * this is false, and only slower.
 */
function isUnmadeText(response: Response): boolean {
  const [key] = Object.getOwnPropertySymbols(response);
  const parts = key === undefined ? undefined : (response as unknown as Record<symbol, unknown>)[key];
  return Array.isArray(parts) && typeof parts[0] === "number" && typeof parts[1] === "string";
}

/** Responses that were fetched, and redirects, have headers that cannot be changed. */
function withOpenHeaders(response: Response): Response {
  return hasOpenHeaders(response) ? response : new Response(response.body, response);
}

function hasOpenHeaders({ headers }: Response): boolean {
  try {
    headers.delete("x-sojourn-is-not-there");
    return true;
  } catch {
    return false;
  }
}

/** An upgrade cannot be copied. Where its headers are closed too, it is as if they had left: what needs a cookie is an error. */
async function sealUpgrade(exchange: Saves, response: Response, failed: Outcome | undefined): Promise<Response> {
  await exchange.commit(new Headers(), failure);
  await exchange.finish(failed);
  return response;
}

/** Server-sent events. */
export function isEventStream(contentType: string | null | undefined): boolean {
  return /^text\/event-stream\b/i.test(contentType ?? "");
}

/** A body whose end waits for the last save. If that fails, it ends with an error: the client does not take it for complete. */
export function savedAtEnd(
  body: ReadableStream<Uint8Array>,
  exchange: Saves,
  outcome: Outcome | undefined,
): ReadableStream<Uint8Array> {
  const finish = async (): Promise<void> => exchange.finish(outcome);
  // `cancel` is newer than the types: the client has gone, and nobody can be told.
  const transformer = { flush: finish, cancel: () => finish().catch(() => {}) };
  return body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(transformer));
}
