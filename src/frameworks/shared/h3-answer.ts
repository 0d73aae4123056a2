/** What handlers of h3 give. */

/** What h3 makes of a handler for Node. */
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
  return (result as Partial<Answer>).headers instanceof Headers ? (result as Answer) : undefined;
}

/** Its body, if that is a stream. */
export function streamOf(result: unknown): ReadableStream<Uint8Array> | undefined {
  const body = answerOf(result)?.body ?? result;
  return body instanceof ReadableStream ? body : undefined;
}

/** A handler for Node has sent its response itself; what h3 has for a socket that opens is not sent. */
export function isSentElsewhere(result: unknown): boolean {
  return result === handled || (result instanceof Response && "crossws" in result);
}
