/** Status and headers of a Node response: remembered, changed and put back. */

import type { OutgoingHttpHeaders } from "node:http";
import type { HeaderAccess } from "../../core/client/headers.ts";
import type { NodeResponse } from "./node-shapes.ts";

/** The head of a response as it was at one moment, and what is added to it. It is made the response's own by `put()`. */
export class Head implements HeaderAccess {
  readonly #response: NodeResponse;
  readonly #status: number;
  readonly #headers: OutgoingHttpHeaders;

  constructor(response: NodeResponse) {
    this.#response = response;
    this.#status = response.statusCode;
    this.#headers = response.getHeaders();
    for (const name in this.#headers) {
      const value = this.#headers[name];
      // `appendHeader` changes arrays in place.
      if (Array.isArray(value)) this.#headers[name] = [...value];
    }
  }

  get(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value?.toString();
  }

  set(name: string, value: string): void {
    this.#headers[name] = value;
  }

  append(name: string, value: string): void {
    const present = this.#headers[name];
    this.#headers[name] = present === undefined ? value : [present, value].flat().map(String);
  }

  /** Whatever was done to the response meanwhile. */
  put(): void {
    const response = this.#response;
    if (response.statusCode !== this.#status) response.statusCode = this.#status;
    keepHeaders(response, Object.keys(this.#headers));
    for (const name in this.#headers) {
      const value = this.#headers[name];
      if (value !== undefined && value !== response.getHeader(name)) response.setHeader(name, value);
    }
  }
}

/** Removes all headers but some. */
export function keepHeaders(response: NodeResponse, names: readonly string[]): void {
  for (const name of response.getHeaderNames()) if (!names.includes(name)) response.removeHeader(name);
}

/** Does what `writeHead` does but for sending: its status and headers go over those that were set before. */
export function giveHead(response: NodeResponse, [status, ...rest]: readonly unknown[]): void {
  const given = typeof rest[0] === "string" ? rest[1] : (rest[1] ?? rest[0]);
  if (typeof rest[0] === "string" && !response.stream) response.statusMessage = rest[0];
  response.statusCode = status as number;
  if (Array.isArray(given)) {
    const flat = Array.isArray(given[0]) ? given.flat() : given;
    for (let at = 0; at < flat.length; at += 2) response.removeHeader(flat[at]);
    for (let at = 0; at < flat.length; at += 2) response.appendHeader(flat[at], flat[at + 1]);
  } else if (given) {
    for (const [name, value] of Object.entries(given as Record<string, string>)) response.setHeader(name, value);
  }
}
