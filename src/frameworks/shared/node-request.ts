/** Opens a request at a Node server. What the adapters of all Node frameworks begin with. */

import { type HeaderAccess, varyByCookie } from "../../core/client/headers.ts";
import type { Exchange, RequestReader } from "../../core/request/exchange.ts";
import type { Sessions } from "../../core/request/sessions.ts";
import { type Holding, hold, prepare } from "./held-response.ts";
import { keepHeaders } from "./node-head.ts";
import type { NodeRequest, NodeResponse } from "./node-shapes.ts";

const reader: RequestReader<OpenedRequest<object>> = {
  cookie: ({ request }) => request.headers.cookie,
  secure: ({ request, secure }) => secure(request),
  use(opened) {
    hold(opened);
    if (!opened.response.headersSent) varyByCookie(headersOf(opened.response));
  },
  isOver: ({ response }) =>
    response.writableEnded || response.destroyed === true || response.stream?.destroyed === true,
};

/** What a cache inside the application sees: it looks before the head leaves. */
function headersOf(response: NodeResponse): HeaderAccess {
  return {
    get: (name) => response.getHeader(name)?.toString(),
    set: (name, value) => response.setHeader(name, value),
    append: (name, value) => response.appendHeader(name, value),
  };
}

/** By the framework's notion if it has one, else whether the connection itself is encrypted. */
function isSecure({ secure, stream, socket }: NodeRequest): boolean {
  if (secure !== undefined) return secure;
  // A closed stream does not tell any more; then nobody is left to be warned for.
  return stream ? stream.session?.encrypted !== false : (socket as { encrypted?: boolean }).encrypted === true;
}

/** A request, its response, and the exchange that was opened for it. */
export class OpenedRequest<Data extends object> implements Holding {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  readonly exchange: Exchange<Data>;
  readonly secure: (request: NodeRequest) => boolean;
  readonly #headers: readonly string[];
  readonly #fail: (error: unknown) => void;

  /**
   * @param fail Called when the save failed. Nothing of the handler's response has left, unless `headersSent`: then
   * it is destroyed already.
   * @param secure Whether the client came over https.
   * @param aliases Other objects by which handlers ask for the session.
   */
  constructor(
    sessions: Sessions<Data>,
    request: NodeRequest,
    response: NodeResponse,
    fail: (error: unknown) => void,
    secure: (request: NodeRequest) => boolean = isSecure,
    ...aliases: object[]
  ) {
    this.request = request;
    this.response = response;
    this.secure = secure;
    this.#fail = fail;
    this.#headers = response.getHeaderNames();
    prepare(response);
    this.exchange = sessions.open<OpenedRequest<object>>(this, reader, request, ...aliases);
  }

  startOver(error: unknown): void {
    const { response } = this;
    keepHeaders(response, this.#headers);
    response.statusCode = statusOf(error);
    if (!response.stream) response.statusMessage = "";
  }

  fail(error: unknown): void {
    this.#fail(error);
  }
}

/** The status an error asks for, if that is one of an error. */
function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null | undefined)?.status;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}
