/** How an exchange learns of its request: what each adapter writes down once. */

import type { RequestHead } from "../contracts/device-bound.ts";

/** How an adapter reads a request. One constant object per adapter: nothing is read, nothing allocated, until a session is asked for. */
export interface RequestReader<Request> {
  /** The `Cookie` header. */
  cookie(request: Request): string | null | undefined;
  /** Whether the client came over https, by the framework's own notion (its proxy settings), never by a header taken on trust. */
  secure(request: Request): boolean;
  /** Method, URL and headers, for sessions that answer some requests themselves. Without it, they answer none. */
  head?(request: Request): RequestHead;
  /**
   * Called when the session is first asked for: here an adapter begins to hold the response back, so that a request
   * that never asks is not touched. It calls `headersGone` itself if they have already left.
   */
  use?(request: Request): void;
  /**
   * Called every time the session is asked for. Throws where the answer goes to others as well: in a handler whose
   * result is cached.
   */
  asked?(request: Request): void;
  /** What handlers know the request as, for the option `describe`. Default: what was opened. */
  given?(request: Request): object;
  /** Called when the session could not be loaded, or refuses what needs a fresh proof of identity, before the handler hears of it. */
  failed?(error: unknown): void;
  /** Whether the response has ended or its client has left. Adapters that cannot ask the response call `close`. */
  isOver?(request: Request): boolean;
  /**
   * For calls inside the server that are part of a request: the exchange of that one. The call has its session, which is
   * saved with it.
   */
  outer?(request: Request): object | undefined;
}
