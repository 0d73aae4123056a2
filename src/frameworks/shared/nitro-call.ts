/** Requests of Nitro 2, and the calls that it makes to itself while it handles one: those are part of that request. */

import type { NodeRequest, NodeResponse } from "./node-shapes.ts";

/** The part of the event of h3 1 that is used here. */
export interface NuxtEvent {
  readonly node: { readonly req: NodeRequest; readonly res: NodeResponse };
  readonly path: string;
  context: object;
}

const cached =
  "a session was asked for inside a cached handler (defineCachedEventHandler, a route rule with cache, swr or isr), " +
  "or after one, whose answer goes to every visitor. Ask for it before";

/** A request, or a call inside the server that is part of one. */
export interface Call {
  readonly event: NuxtEvent;
  /** What made the call, when it is part of a page's request. */
  readonly outer: Call | undefined;
  /** It threw. */
  failed: boolean;
  /** What was attached. */
  session?: object;
}

/** The `context` of an event, on which calls are noted under a symbol of the adapter's. */
export interface CallContext {
  readonly [slot: symbol]: Call | undefined;
}

/** The request object of Nitro's internal fetch. `__unenv__` is the `context` of the event whose handler called it. */
export interface InnerRequest extends NodeRequest {
  readonly __unenv__?: CallContext | undefined;
}

/** The page that a call is part of, or the request itself. */
export function pageOf(call: Call): Call {
  return call.outer ? pageOf(call.outer) : call;
}

/** Whether it threw, or is answered as a failure of the server. */
export function hasFailed({ failed, event }: Call): boolean {
  return failed || event.node.res.statusCode >= 500;
}

/** Whether two requests bring the same cookie and the same token. Nitro passes no empty headers on. */
export function isSameClient({ headers: one }: NodeRequest, { headers: other }: NodeRequest): boolean {
  const isSame = (name: string): boolean => (one[name] ?? "") === (other[name] ?? "");
  return isSame("cookie") && isSame("authorization");
}

/** A cached handler of Nitro notes itself in the context it shares with its request, and its answer goes to everybody. */
export function refuseCached({ context }: NuxtEvent): void {
  if ("cache" in context) throw new TypeError(cached);
}

/** The same for a call: what it answers may go into the answer of any that is around it. */
export function refuseWithin(call: Call | undefined): void {
  for (let at = call; at; at = at.outer) refuseCached(at.event);
}
