/** The request at hand, through `AsyncLocalStorage`: Node, Bun and Deno. The twin of `context.ts`. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Context } from "./context.ts";

/** A context that follows promises and callbacks. */
export function makeContext<T>(): Context<T> {
  return new AsyncLocalStorage<T>();
}
