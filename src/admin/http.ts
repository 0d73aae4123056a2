/** The page over fetch and over Node's HTTP: reads a request, writes an answer. */

import { isBytes } from "../core/bytes/bytes.ts";
import type { PageAnswer } from "./answers.ts";
import type { AdminAct, PageRequest } from "./page.ts";

/** A form has at most so many bytes. */
const longest = 10_000;

/** Answers who the administrator is. */
export type Authorize = (act: AdminAct) => Promise<string | undefined>;

/** The part of a request that is used here: of Node, or of a framework on Node. */
export interface AdminNodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What a body parser before has made of a form. */
  readonly body?: unknown;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

/** The part of a response of Node that is used here. */
export interface AdminNodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  end(text?: string): unknown;
}

/** A fetch request. */
export function ofFetch(request: Request, authorize: Authorize): PageRequest {
  const { method, url, headers } = request;
  return {
    ...{ method, authorize },
    url: url.replace(/^[a-z]+:\/\/[^/]*/i, ""),
    header: (name) => headers.get(name) ?? undefined,
    async form() {
      return new URLSearchParams(isForm(headers.get("content-type")) ? await textOf(request.body ?? []) : "");
    },
  };
}

/** A request of Node. */
export function ofNode(request: AdminNodeRequest, authorize: Authorize): PageRequest {
  const { method = "GET", url = "/", headers } = request;
  return {
    ...{ method, url, authorize },
    header(name) {
      const value = headers[name];
      return typeof value === "string" ? value : undefined;
    },
    async form() {
      const { body } = request;
      if (isBytes(body)) return new URLSearchParams(new TextDecoder().decode(body).slice(0, longest));
      if (typeof body === "object" && body !== null) return ofFields(body);
      if (typeof body === "string") return new URLSearchParams(body.slice(0, longest));
      const type = headers["content-type"];
      return new URLSearchParams(isForm(typeof type === "string" ? type : null) ? await textOf(request) : "");
    },
  };
}

/** Sends the answer as a fetch response. */
export function toFetch({ status, headers, body }: PageAnswer, method: string): Response {
  return new Response(method === "HEAD" || status === 303 ? null : body, { status, headers });
}

/** Sends the answer through a response of Node. */
export function toNode({ status, headers, body }: PageAnswer, method: string | undefined, to: AdminNodeResponse): void {
  to.statusCode = status;
  for (const [name, value] of Object.entries(headers)) to.setHeader(name, value);
  if (method === "HEAD") to.end();
  else to.end(body);
}

function isForm(type: string | null): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(type ?? "");
}

function ofFields(fields: object): URLSearchParams {
  const texts = Object.entries(fields).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return new URLSearchParams(texts);
}

/** What is longer than a form can be is none. */
async function textOf(body: AsyncIterable<unknown> | Iterable<unknown>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of body) {
    text += typeof part === "string" ? part : decoder.decode(part as Uint8Array, { stream: true });
    if (text.length > longest) return "";
  }
  return text + decoder.decode();
}
