/** Writes to the response of h3's event: what it is made of, and the answer to an error. */

import type { HeaderAccess } from "../../core/client/headers.ts";
import { isError } from "../../core/contracts/errors.ts";
import type { Outcome } from "../../core/request/exchange.ts";
import { type Saves, sealFailure } from "./fetch-response.ts";
import { answerOf } from "./h3-answer.ts";

/** The part of h3's event that is used here. */
export interface H3EventLike {
  readonly req: Request;
  readonly res: {
    status?: number | undefined;
    readonly headers: Headers;
    /** Release candidates do not have it. */
    readonly errHeaders?: Headers | undefined;
  };
  readonly url: URL;
  readonly context: Record<string, unknown>;
}

/** Of a handler that failed. */
export const failure: Outcome = { failed: true };

/**
 * Writes both to the headers of a normal response and to those of an error response, because h3 decides too late which
 * of them it sends. Both override the headers of a `Response` that the handler returned.
 */
export async function write(event: H3EventLike, exchange: Saves, result: unknown, outcome?: Outcome): Promise<void> {
  if (!exchange.used) return exchange.headLeft();
  const { headers, errHeaders } = event.res;
  const own = answerOf(result)?.headers;
  const over = (prepared: Headers): HeaderAccess => ({
    get: (name) => prepared.get(name) ?? own?.get(name),
    set: (name, value) => prepared.set(name, value),
    append: (name, value) => prepared.append(name, value),
  });
  await exchange.commit(over(headers), outcome);
  if (errHeaders) await exchange.commit(over(errHeaders), failure);
}

/** The answer to the error gets nothing of the handler's response, but the cookies of sessions that were saved for it. */
export async function startOver(event: H3EventLike, error: unknown): Promise<void> {
  const { res } = event;
  const { headers: due } = await sealFailure(event, new Response());
  for (const name of [...res.headers.keys()]) res.headers.delete(name);
  res.status = (error as { status?: number }).status;
  for (const headers of [res.headers, res.errHeaders]) {
    if (!headers) continue;
    const present = headers.getSetCookie();
    for (const [name, value] of due) {
      if (name !== "set-cookie") headers.set(name, value);
      else if (!present.includes(value)) headers.append(name, value);
    }
  }
}

/** Whether what a handler gave is an error, or has the status of one. */
export function hasFailed(event: H3EventLike, exchange: Saves, result: unknown): boolean {
  if (isError(result)) return true;
  return (answerOf(result)?.status ?? (exchange.used ? event.res.status : undefined) ?? 200) >= 500;
}
