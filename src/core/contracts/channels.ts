/** `diagnostics_channel` where Node's modules cannot be imported: if the runtime hands it out, as Cloudflare Workers do with `nodejs_compat`. The twin of `channels.node.ts`. */

/** The part of one channel that is used here. */
export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
  subscribe(onMessage: (message: unknown) => void): void;
  unsubscribe(onMessage: (message: unknown) => void): boolean;
  /** What it runs with `runStores` has the transformed message as the value of the store. */
  bindStore(store: object, transform: (message: unknown) => unknown): void;
  unbindStore(store: object): boolean;
  runStores<R>(message: unknown, call: () => R): R;
}

/** The five channels of one operation: around its beginning, and around its end. */
export interface TracingChannel {
  readonly hasSubscribers: boolean;
  readonly start: Channel;
  readonly end: Channel;
  readonly asyncStart: Channel;
  readonly asyncEnd: Channel;
  readonly error: Channel;
}

/** The part of the runtime that is used here. */
export interface Diagnostics {
  channel(name: string): Channel;
  /** `hasSubscribers` is absent in Bun. */
  tracingChannel(name: string): Omit<TracingChannel, "hasSubscribers"> & { readonly hasSubscribers?: boolean };
  /** A value that follows promises and callbacks. */
  scope<T>(): { run<R>(value: T, call: () => R): R; getStore(): T | undefined };
}

interface Modules {
  "node:diagnostics_channel": Pick<Diagnostics, "channel" | "tracingChannel">;
  "node:async_hooks": { AsyncLocalStorage: new () => never };
}

interface Host {
  readonly process?: { getBuiltinModule?<Name extends keyof Modules>(name: Name): Partial<Modules[Name]> | undefined };
}

/** `undefined` where the runtime has none: then nothing is traced. */
export const diagnostics: Diagnostics | undefined = fromHost((globalThis as Host).process);

function fromHost(host: Host["process"]): Diagnostics | undefined {
  const { channel, tracingChannel } = host?.getBuiltinModule?.("node:diagnostics_channel") ?? {};
  const { AsyncLocalStorage } = host?.getBuiltinModule?.("node:async_hooks") ?? {};
  if (!channel || !tracingChannel || !AsyncLocalStorage) return undefined;
  return { channel, tracingChannel, scope: () => new AsyncLocalStorage() };
}
