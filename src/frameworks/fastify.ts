/** Fastify 5. */

import { STATUS_CODES } from "node:http";
import { wrongArgument } from "../core/errors.ts";
import type { Sessions } from "../core/sessions.ts";
import { markFailed } from "./shared/held-response.ts";
import { OpenedRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";

export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";

/** The options of {@link fastifySessions}. */
export interface FastifyOptions {
  /**
   * Loads the session of every request before the routes run, and decorates the request with it under this name.
   * Default: it is loaded when `sessions.get(request)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
}

/** What is needed of Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: NodeRequest;
  /** What Fastify makes of its option `trustProxy`. */
  readonly protocol: string;
  readonly log: { error(error: unknown): void };
}

/** What is needed of Fastify's reply. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse;
  readonly sent: boolean;
  getHeaders(): object;
  removeHeader(name: string): unknown;
  send(error: unknown): unknown;
}

/** What is needed of a Fastify application. */
export interface FastifyLike {
  decorateRequest(name: string, value: null): unknown;
  hasRequestDecorator(name: string): boolean;
  addHook(
    name: "onRequest" | "preValidation" | "onError",
    hook: (
      request: FastifyRequestLike,
      reply: FastifyReplyLike,
      ...rest: [done: (error?: Error) => void] | [error: Error, done: () => void]
    ) => void,
  ): unknown;
}

/** A plugin for `app.register`. */
export type FastifySessionsPlugin = (app: FastifyLike, options: unknown, done: (error?: Error) => void) => void;
