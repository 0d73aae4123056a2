/** Status and headers of a Node response: remembered, changed and put back. */

import type { OutgoingHttpHeaders } from "node:http";
import type { HeaderAccess } from "../../core/client/headers.ts";
import type { NodeResponse } from "./node-shapes.ts";

/** The head of a response. From `keep()` on it is the head as it was at that moment, and what is added to it; `put()` makes it the response's own. */
export class Head implements HeaderAccess {
  readonly #response: NodeResponse;
  #status: number | undefined;
  #headers: OutgoingHttpHeaders | undefined;

  constructor(response: NodeResponse) {
    this.#response = response;
  }

  /** Remembers it as it is now, whatever is done to the response from here on. */
  keep(): void {
    this.#status = this.#response.statusCode;
    const headers = this.#response.getHeaders();
    for (const name in headers) {
      const value = headers[name];
      // `appendHeader` changes arrays in place.
      if (Array.isArray(value)) headers[name] = [...value];
    }
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    const value = this.#headers ? this.#headers[name] : this.#response.getHeader(name);
    return Array.isArray(value) ? value.join(", ") : value?.toString();
  }

  set(name: string, value: string): void {
    if (this.#headers) this.#headers[name] = value;
    else this.#response.setHeader(name, value);
  }

  append(name: string, value: string): void {
    if (!this.#headers) return void this.#response.appendHeader(name, value);
    const present = this.#headers[name];
    this.#headers[name] = present === undefined ? value : [present, value].flat().map(String);
  }

  /** Whatever was done to the response until then. */
  put(): void {
    const response = this.#response;
    const headers = this.#headers;
    if (!headers) return;
    if (response.statusCode !== this.#status) response.statusCode = this.#status as number;
    keepHeaders(response, Object.keys(headers));
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined && value !== response.getHeader(name)) response.setHeader(name, value);
    }
  }
}

/** Removes all headers but some. */
export function keepHeaders(response: NodeResponse, names: readonly string[]): void {
  for (const name of response.getHeaderNames()) if (!names.includes(name)) response.removeHeader(name);
}

/** Does what `writeHead` does, except for sending: its status and headers go over those that were set before. */
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
