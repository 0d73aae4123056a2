/** Opens a request at a Node server. What the adapters of all Node frameworks begin with. */

import type { RequestHead } from "../../core/contracts/device-bound.ts";
import type { Access, Exchange } from "../../core/request/exchange.ts";
import type { RequestReader } from "../../core/request/reader.ts";
import type { Sessions } from "../../core/request/sessions.ts";
import { type Holding, hold } from "./held-response.ts";
import { Head, keepHeaders } from "./node-head.ts";
import { prepare } from "./node-methods.ts";
import type { NodeRequest, NodeResponse } from "./node-shapes.ts";

/** How a request of Node is read. */
export const nodeReader: RequestReader<OpenedRequest<object>> = {
  cookie: ({ request }) => request.headers.cookie,
  secure: (opened) => opened.isSecure(),
  head: ({ request }) => headOf(request),
  given: (opened) => opened.given,
  use(opened) {
    hold(opened);
    // A cache inside the application looks before the head leaves.
    if (!opened.response.headersSent) opened.exchange.vary(new Head(opened.response));
  },
  isOver: ({ response }) =>
    response.writableEnded || response.destroyed === true || response.stream?.destroyed === true,
};

/**
 * A request, its response, and the exchange that was opened for it. A framework's own class of it says where to turn
 * when the save failed, so that no request makes closures.
 */
export abstract class OpenedRequest<Data extends object> implements Holding {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  readonly exchange: Exchange<Data>;
  readonly #headers: readonly string[];

  /** @param aliases Other objects by which handlers ask for the session. */
  constructor(sessions: Sessions<Data>, request: NodeRequest, response: NodeResponse, ...aliases: object[]) {
    this.request = request;
    this.response = response;
    this.#headers = response.getHeaderNames();
    prepare(response);
    this.exchange = sessions.open<OpenedRequest<object>>(this, this.reader, request, ...aliases);
  }

  /**
   * Called when the save failed. Nothing of the handler's response has left, unless `headersSent`: then it is
   * destroyed already.
   */
  abstract fail(error: unknown): void;

  /** Whether the client came over https. */
  abstract isSecure(): boolean;

  /** How it is read. A constant: the constructor asks for it. */
  protected get reader(): RequestReader<OpenedRequest<object>> {
    return nodeReader;
  }

  /** What handlers know the request as. */
  get given(): object {
    return this.request;
  }

  restrict(access: Access | undefined): void {
    this.exchange.restrict(access);
  }

  get answer(): Exchange["answer"] {
    return this.exchange.answer;
  }

  /** Runs the handlers; where the sessions answer the request themselves, that takes their place. */
  run<R>(next: () => R): R | Promise<void> {
    const { answer } = this;
    return answer ? this.#send(answer) : this.exchange.run(next);
  }

  async #send(answer: NonNullable<Exchange["answer"]>): Promise<void> {
    const { status, headers, body } = await answer();
    const { response } = this;
    response.statusCode = status;
    // What the application has set for all its pages, such as a policy, is not for this answer.
    for (const [name, value] of headers)
      if (name === "set-cookie") response.appendHeader(name, value);
      else response.setHeader(name, value);
    response.end(body);
  }

  startOver(error: unknown): void {
    const { response } = this;
    keepHeaders(response, this.#headers);
    response.statusCode = statusOf(error);
    if (!response.stream) response.statusMessage = "";
  }
}

/** The same where a request has no object of a framework around it: Node's own servers, Connect and Express. */
export class ConnectRequest<Data extends object> extends OpenedRequest<Data> {
  readonly #fail: (error: unknown) => void;
  readonly #secure: ((request: NodeRequest) => boolean) | undefined;

  /** @param secure Whether the client came over https. Default: by `req.secure`, else whether the connection is encrypted. */
  constructor(
    sessions: Sessions<Data>,
    request: NodeRequest,
    response: NodeResponse,
    fail: (error: unknown) => void,
    secure: ((request: NodeRequest) => boolean) | undefined,
    ...aliases: object[]
  ) {
    super(sessions, request, response, ...aliases);
    this.#fail = fail;
    this.#secure = secure;
  }

  override fail(error: unknown): void {
    this.#fail(error);
  }

  override isSecure(): boolean {
    const { request } = this;
    if (this.#secure) return this.#secure(request);
    const { secure, stream, socket } = request;
    if (secure !== undefined) return secure;
    // A closed stream does not tell any more; then no client is left to warn about.
    return stream ? stream.session?.encrypted !== false : (socket as { encrypted?: boolean }).encrypted === true;
  }
}

function headOf({ method, originalUrl, url, headers }: NodeRequest): RequestHead {
  return { method, url: originalUrl ?? url, headers: { get: (name) => headers[name]?.toString() } };
}

/** Whether the stream of HTTP/2 is closed: it does not tell of https any more, and no client is left to warn about. */
export function isClosed({ stream }: NodeRequest): boolean {
  return stream !== undefined && stream.session === undefined;
}

/** The status an error asks for, under one of these names, if that is one of an error. */
export function statusOf(error: unknown, ...names: readonly string[]): number {
  for (const name of names.length > 0 ? names : ["status"]) {
    const status = (error as Record<string, unknown> | null | undefined)?.[name];
    if (typeof status === "number" && status >= 400 && status < 600) return status;
  }
  return 500;
}
