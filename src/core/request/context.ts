/** The request at hand, where Node's modules cannot be imported: through `AsyncLocalStorage` if the runtime hands it out, as Cloudflare Workers do with `nodejs_compat`. The twin of `context.node.ts`. */

/** The part of an `AsyncLocalStorage` that is used here. */
export interface Context<T> {
  run<R>(value: T, next: () => R): R;
  getStore(): T | undefined;
}

interface Host {
  readonly process?: { getBuiltinModule?(name: string): { AsyncLocalStorage?: new <T>() => Context<T> } | undefined };
}

/** `undefined`: `sessions.current()` then says what to do instead. */
export function makeContext<T>(): Context<T> | undefined {
  const hooks = (globalThis as Host).process?.getBuiltinModule?.("node:async_hooks");
  return hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage<T>();
}
