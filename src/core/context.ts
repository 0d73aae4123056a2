/** The request at hand, where the runtime has no `AsyncLocalStorage`: none. The twin of `context.node.ts`. */

/** What is needed of an `AsyncLocalStorage`. */
export interface Context<T> {
  run<R>(value: T, next: () => R): R;
  getStore(): T | undefined;
}

/** `undefined`: `sessions.current()` then says what to do instead. */
export function makeContext<T>(): Context<T> | undefined {
  return undefined;
}
