/** Seals a fetch `Response`: the session is saved and its headers are in. What all fetch adapters end with. */

import type { MaybePromise } from "../../core/bytes/bytes.ts";
import type { HeaderAccess } from "../../core/client/headers.ts";
import type { OwnAnswer } from "../../core/contracts/device-bound.ts";
import { isSessionError, type SessionError } from "../../core/contracts/errors.ts";
import type { Exchange, Outcome } from "../../core/request/exchange.ts";
import type { RequestReader } from "../../core/request/reader.ts";

/** What keeps a Worker running after its response: `ctx` of Cloudflare, `context` of Netlify. */
export interface Waits {
  waitUntil(promise: Promise<unknown>): void;
}

/** The first of these that can wait. */
export function waiting(candidates: readonly unknown[]): Waits | undefined {
  return candidates.find((one) => typeof (one as Partial<Waits> | null | undefined)?.waitUntil === "function") as
    | Waits
    | undefined;
}

/** What saving takes. */
export type Saves = Pick<Exchange, "used" | "commit" | "finish" | "headersGone" | "headLeft" | "close">;
type Opened = { [slot]?: Saves[] | undefined };

const slot = Symbol("sojourn exchanges");
const failure: Outcome = { failed: true };

/**
 * Saves the session and gives the response to send, at once when the session was not used. It is the same response if
 * no header has to be on a copy.
 *
 * @param streams Also saves what is changed while the body is sent. Server-sent events are always treated so.
 * @param host Gives the function that is asked to wait for the end of such a body, also when the client leaves.
 * @param threw The response is the answer to what a handler threw, whatever its status.
 * @throws What the save throws. Then answer with `sealFailure`.
 */
export function sealResponse(
  exchange: Saves,
  response: Response,
  streams = false,
  threw = false,
  host?: () => Waits | undefined,
): MaybePromise<Response> {
  const failed = threw || response.status >= 500 ? failure : undefined;
  if (exchange.used) return sealUsed(exchange, response, streams, failed, host);
  exchange.headLeft();
  if (streams || unmadeText(response) === undefined) return closing(exchange, response, streams, failed, host);
  exchange.close();
  return response;
}

async function sealUsed(
  exchange: Saves,
  response: Response,
  streams: boolean,
  failed: Outcome | undefined,
  host: (() => Waits | undefined) | undefined,
): Promise<Response> {
  // An upgrade cannot be copied.
  if (response.status === 101 && !hasOpenHeaders(response)) {
    await saveOnly(exchange, failed);
    return response;
  }
  const headers = new Sealed(response);
  try {
    await exchange.commit(headers, failed);
  } catch (error) {
    headers.response.body?.cancel().catch(() => {});
    throw error;
  }
  return closing(exchange, headers.response, streams, failed, host);
}

/** Ends the request with its response, or with the body of a response that is watched. */
function closing(
  exchange: Saves,
  response: Response,
  streams: boolean,
  failed: Outcome | undefined,
  host: (() => Waits | undefined) | undefined,
): Response {
  const watched = streams || isEventStream(response.headers.get("content-type"));
  if (watched && response.body) return new Response(savedAtEnd(response.body, exchange, failed, host?.()), response);
  exchange.close();
  return response;
}

/**
 * Runs the handlers so that `sessions.current()` finds the session, until they throw or the response is sealed. Where the
 * sessions answer the request themselves, that takes their place.
 */
export async function runOpen<Result>(
  exchange: Pick<Exchange, "run" | "close" | "answer">,
  next: () => Result | Promise<Result>,
): Promise<Result | Response> {
  try {
    const { answer } = exchange;
    if (answer) return responseOf(await answer());
    return await exchange.run(next);
  } catch (error) {
    exchange.close();
    throw error;
  }
}

function responseOf({ status, headers, body }: OwnAnswer): Response {
  return new Response(body, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) });
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
  const headers = new Sealed(response);
  for (const exchange of (request as Opened)[slot] ?? []) {
    await exchange.commit(headers, failure)?.catch(() => {});
    exchange.close();
  }
  return headers.response;
}

/**
 * The answer to an error of the sessions, from the option `onError`. What else was thrown is thrown on.
 *
 * @param request What {@link noteOpened} was given.
 */
export async function answerTo<Request>(
  error: unknown,
  onError: (error: SessionError, request: Request) => Response | Promise<Response>,
  given: Request,
  request: object,
): Promise<Response> {
  if (isSessionError(error)) return sealFailure(request, await onError(error, given));
  // The server answers, with headers of its own; a logout is carried out all the same.
  await sealFailure(request, new Response());
  throw error;
}

/** How a web `Request` is read, which a framework hands its handlers as it is or in a context. */
export function readerOf<Context>(
  requestOf: (context: Context) => Request,
  secure: ((request: Request) => boolean) | undefined,
  more?: Partial<RequestReader<Context>>,
): RequestReader<Context> {
  return {
    cookie: (context) => requestOf(context).headers.get("cookie"),
    secure: (context) => (secure ?? isHttps)(requestOf(context)),
    head: requestOf,
    ...more,
  };
}

function isHttps({ url }: Request): boolean {
  return url.startsWith("https:");
}

/** A status of a session's error in words. */
export function wordsOf(status: number): string {
  const words: Readonly<Record<number, string>> = { 401: "Unauthorized", 409: "Conflict", 503: "Service Unavailable" };
  return words[status] ?? "Internal Server Error";
}

/** The text a client gets for an error: its status in words. */
export function failureResponse(error: { readonly status: number }): Response {
  return new Response(wordsOf(error.status), {
    status: error.status,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

/**
 * The text of which Hono's server for Node has not made a real response yet: it holds status, body and headers under a
 * symbol. Asking for its headers would, for a third of a request's time. Should that server change, this finds nothing,
 * and is only slower.
 */
function unmadeText(response: Response): string | undefined {
  const [key] = Object.getOwnPropertySymbols(response);
  const parts = key === undefined ? undefined : (response as unknown as Record<symbol, unknown>)[key];
  return Array.isArray(parts) && typeof parts[0] === "number" && typeof parts[1] === "string" ? parts[1] : undefined;
}

/**
 * The headers of a response. Those that were fetched, and redirects, have closed ones: then it is a copy. So it is with
 * a cookie, which is one client's, where the response may be one for all.
 */
class Sealed implements HeaderAccess {
  response: Response;
  readonly #given: Response;

  constructor(given: Response) {
    this.#given = given;
    this.response = given;
  }

  get(name: string): string | null {
    return this.response.headers.get(name);
  }

  set(name: string, value: string): void {
    this.#change("set", name, value);
  }

  append(name: string, value: string): void {
    if (this.response === this.#given) this.response = ofOneClient(this.#given);
    this.#change("append", name, value);
  }

  #change(how: "set" | "append", name: string, value: string): void {
    try {
      this.response.headers[how](name, value);
    } catch {
      this.response = new Response(this.response.body, this.response);
      this.response.headers[how](name, value);
    }
  }
}

/** A copy of a response that an application may have made once and answer every client with: of one that can be sent again. */
export function ofOneClient(response: Response): Response {
  const text = unmadeText(response);
  if (text !== undefined)
    return new Response(text, { status: response.status, headers: new Headers(response.headers) });
  return response.status === 101 || response.body !== null ? response : new Response(null, response);
}

function hasOpenHeaders({ headers }: Response): boolean {
  try {
    headers.delete("x-sojourn-is-not-there");
    return true;
  } catch {
    return false;
  }
}

/** Saves where the headers have left, or cannot be changed: what needs a cookie is an error. */
export async function saveOnly(exchange: Saves, outcome?: Outcome): Promise<void> {
  exchange.headersGone();
  await exchange.finish(outcome);
  exchange.close();
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
  host?: Waits,
): ReadableStream<Uint8Array> {
  let end = (): void => {};
  // Without it a Worker ends with its client, and nothing is saved any more.
  if (host)
    host.waitUntil(
      new Promise<void>((resolve) => {
        end = resolve;
      }),
    );
  const finish = async (): Promise<void> => {
    try {
      await exchange.finish(outcome);
    } finally {
      exchange.close();
      end();
    }
  };
  // `cancel` is newer than the types: the client has gone, so there is no one to report to.
  const transformer = { flush: finish, cancel: () => finish().catch(() => {}) };
  return body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(transformer));
}
