/** What handlers of h3 give. */

/** A handler for Node as h3 runs it. */
const handled = Symbol.for("h3.handled");

/** A `Response`, what h3 calls an `HTTPResponse`, or its error with headers. */
interface Answer {
  readonly status?: number | undefined;
  readonly headers: Headers;
  readonly body?: unknown;
}

/** The result of a handler, if it has status and headers of its own. */
export function answerOf(result: unknown): Answer | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  return typeof (result as Partial<Answer>).headers?.getSetCookie === "function" ? (result as Answer) : undefined;
}

/** Its body, if that is a stream. */
export function streamOf(result: unknown): ReadableStream<Uint8Array> | undefined {
  const body = answerOf(result)?.body ?? result;
  return isStream(body) ? body : undefined;
}

/** Whether it is a stream, the host's own or one of another realm. */
export function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof (body as Partial<ReadableStream> | null)?.getReader === "function";
}

/** Whether it is a `Response`, the host's own or one of another realm. */
export function isResponse(result: unknown): result is Response {
  return answerOf(result) !== undefined && typeof (result as Partial<Response>).clone === "function";
}

/** A handler for Node has sent its response itself; what h3 has for a socket that opens is not sent. */
export function isSentElsewhere(result: unknown): boolean {
  return result === handled || (isResponse(result) && "crossws" in result);
}
