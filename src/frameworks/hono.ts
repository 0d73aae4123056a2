/** Hono 4, on every runtime it runs on. */

import { isPromise } from "../core/bytes/bytes.ts";
import { isSessionError } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import type { FetchOptions } from "./fetch.ts";
import { attachBySet } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import {
  failureResponse,
  noteOpened,
  readerOf,
  runOpen,
  type Saves,
  sealFailure,
  sealResponse,
  type Waits,
  waiting,
} from "./shared/fetch-response.ts";
import { replace, varyEarly } from "./shared/hono-res.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { FetchOptions } from "./fetch.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link honoSessions}. */
export interface HonoOptions extends AccessOption<HonoContext>, Pick<FetchOptions, "secure" | "streaming"> {
  /**
   * Loads the session of every request before the handlers run, and sets it as a variable of the context under this
   * name: `c.get(name)`, `c.var`. Default: it is loaded when `sessions.get(c)` first asks for it, and a request that
   * never asks costs nothing.
   */
  readonly attach?: string | undefined;
}

/** The part of Hono's context that is used here. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  get res(): Response;
  set res(response: Response | undefined);
  readonly executionCtx?: unknown;
  /** Whether there is a response. */
  readonly finalized: boolean;
  /** What a handler threw and the error handler answered. */
  readonly error: Error | undefined;
  set(name: string, value: unknown): void;
}

/** A middleware of Hono. */
export type HonoMiddleware = (c: HonoContext, next: () => Promise<void>) => Promise<void>;

/**
 * Sessions for Hono. Mount it before the routes; in them, `sessions.get(c)` is the session. The response is sent once
 * the session is saved; an error of the store goes to `app.onError`, with `error.status` 503.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createSessions } from "sojourn";
 * import { honoSessions } from "sojourn/frameworks/hono";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const app = new Hono();
 * app.use(honoSessions(sessions));
 * app.get("/", async (c) => {
 *   const session = await sessions.get(c);
 *   return c.text(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 * });
 * ```
 */
export function honoSessions<Data extends object>(sessions: Sessions<Data>, options: HonoOptions = {}): HonoMiddleware {
  checkAdapter("honoSessions", sessions, options, ["attach", "access", "streaming", "secure"]);
  const { secure, streaming = false } = options;
  // Should the handler let the error pass, Hono's own error handler has it.
  const reader = readerOf((c: HonoContext) => c.req.raw, secure, { use: varyEarly, failed: answerable });
  const begin = beginning<Data, HonoContext, string>(sessions, options, attachBySet);

  return async (c, next) => {
    const begun = begin(c, sessions.isOpen(c) ? undefined : sessions.open(c, reader, c.req, c.req.raw));
    const exchange = isPromise(begun) ? await begun : begun;
    if (!exchange) return next();
    const answer = await runOpen(exchange, async () => {
      await next();
    });
    if (answer) c.res = answer;
    await seal(c, exchange, streaming);
  };
}

async function seal(c: HonoContext, exchange: Saves, streaming: boolean): Promise<void> {
  // Those of middleware inside are noted already, those outside are not: they seal the response this returns.
  noteOpened(c, exchange);
  try {
    const { res } = c;
    const sealing = sealResponse(exchange, res, streaming, c.error !== undefined, () => hostOf(c));
    const sealed = isPromise(sealing) ? await sealing : sealing;
    if (sealed !== res) replace(c, sealed);
  } catch (error) {
    // What is on the context's response when a middleware throws, Hono puts on the answer to the error.
    replace(c, await sealFailure(c, new Response()));
    answerable(error);
    throw error;
  }
}

/** Hono throws where there is none. */
function hostOf(c: HonoContext): Waits | undefined {
  try {
    return waiting([c.executionCtx]);
  } catch {
    return undefined;
  }
}

/** Adds `getResponse` to a `SessionError`: Hono's own error handler sends its result, and otherwise answers 500. */
function answerable(error: unknown): void {
  if (!isSessionError(error)) return;
  Object.defineProperty(error, "getResponse", { value: () => failureResponse(error), configurable: true });
}
