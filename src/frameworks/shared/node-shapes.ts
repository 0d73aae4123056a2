/**
 * The parts of Node's requests and responses that are used here, by shape: those of HTTP/1, HTTP/2 and frameworks fit.
 */

import type { OutgoingHttpHeaders } from "node:http";

/** The properties of a request that the adapter uses. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** The full URL, which Express and Connect keep if an application is mounted below a path. */
  readonly originalUrl?: string | undefined;
  readonly headers: { readonly cookie?: string | undefined; readonly [name: string]: string | string[] | undefined };
  readonly socket: object;
  /** Whether Express treats the connection as encrypted, by its setting "trust proxy". */
  readonly secure?: boolean | undefined;
  /** HTTP/2 has it. */
  readonly stream?: { readonly session?: { readonly encrypted?: boolean | undefined } | undefined } | undefined;
}

/** The part of a response that is used here. */
export interface NodeResponse {
  statusCode: number;
  statusMessage: string;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  /** True when the client has left. HTTP/2 has it on its stream. */
  readonly destroyed?: boolean | undefined;
  readonly socket?: object | null | undefined;
  /** HTTP/2 has it. */
  readonly stream?: { readonly destroyed?: boolean | undefined } | undefined;
  getHeaderNames(): string[];
  getHeader(name: string): number | string | string[] | undefined;
  getHeaders(): OutgoingHttpHeaders;
  setHeader(name: string, value: number | string | readonly string[]): unknown;
  appendHeader(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): void;
  end(text: string): unknown;
  destroy(error?: Error): unknown;
  on(event: "drain" | "close", listener: () => void): DrainSource;
  emit(event: "drain"): boolean;
  removeAllListeners(event: "drain"): unknown;
}

/** The emitter of `drain`, when there is room for more of a body: the response, or what a middleware put in its place. */
export interface DrainSource {
  emit(event: "drain"): boolean;
  removeListener(event: "drain", listener: () => void): unknown;
}
