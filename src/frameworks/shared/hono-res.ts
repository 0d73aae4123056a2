/** The response of Hono's context: it varies by the cookie at once, and is replaced. */

import { varyByCookie } from "../../core/client/headers.ts";

/** The part of the context that is used here. */
interface Context {
  get res(): Response;
  set res(response: Response | undefined);
  readonly finalized: boolean;
}

/** A context's `res`: as its class has it, and one that varies by the cookie. */
interface Res {
  readonly of: object;
  readonly set: (response: Response | undefined) => void;
  readonly varying: PropertyDescriptor;
}
/** That of the context before: nearly always the same, Hono's. */
let last: Res | undefined;

/**
 * Sets `Vary: Cookie` on a response as soon as it is assigned: Hono's own middleware cache() stores the response before
 * ours completes it.
 */
export function varyEarly(c: Context): void {
  const prototype = Object.getPrototypeOf(c);
  if (last?.of !== prototype) last = resOf(prototype);
  if (!last) return;
  Object.defineProperty(c, "res", last.varying);
  if (c.finalized) vary(c, last.set);
}

function resOf(prototype: object): Res | undefined {
  const { get, set } = Object.getOwnPropertyDescriptor(prototype, "res") ?? {};
  if (!get || !set) return undefined;
  const varying: PropertyDescriptor & ThisType<Context> = {
    configurable: true,
    get,
    set(response: Response | undefined) {
      set.call(this, response);
      if (response) vary(this, set);
    },
  };
  return { of: prototype, set, varying };
}

function vary(c: Context, set: Res["set"]): void {
  const response = c.res;
  try {
    varyByCookie(response.headers);
  } catch {
    // It was fetched, and its headers are closed.
    const copy = new Response(response.body, response);
    varyByCookie(copy.headers);
    set.call(c, undefined);
    set.call(c, copy);
  }
}

/** Hono puts the headers of the response that was there on a new one, unless there is none. */
export function replace(c: Context, response: Response): void {
  c.res = undefined;
  c.res = response;
}
