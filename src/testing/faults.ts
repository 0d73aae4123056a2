/** Stores that misbehave on purpose: that fail, hang, dawdle, or count, around a store that does the work. */

import type { ListedRecord, Store } from "../core/contracts/store.ts";

/** The methods of a store that go to its backend. */
export type StoreMethod = Exclude<keyof Store, "name" | "capabilities">;

/** One call of a store, before it is made. */
export interface StoreCall {
  /** Which method was called. */
  readonly method: StoreMethod;
  /** 0 for the first call through this wrapper, whatever its method. */
  readonly index: number;
  /** What the caller passed: the key first, except for `list`, `listBySubject`, `page`, `count`, `prune`, `setup` and `close`. */
  readonly args: readonly unknown[];
}

/**
 * What happens to one call. `"before"`: the backend never hears of it. `"after"`: it takes effect, and only the
 * answer is lost, which is what a broken connection often means.
 *
 * - `"pass"`: nothing special.
 * - `"throw-before"`, `"throw-after"`: it rejects with an `Error` as a client would.
 * - `"hang-before"`, `"hang-after"`: it never answers.
 * - `{ late }`: it takes effect now and answers when the promise settles.
 */
export type Fault =
  | "pass"
  | "throw-before"
  | "throw-after"
  | "hang-before"
  | "hang-after"
  | { readonly late: Promise<unknown> };

/**
 * A store whose calls fail as `plan` says, to test what an application does in an outage.
 *
 * @param store Does the work for every call that gets through.
 * @param plan Called once per call of the store.
 * @example
 * ```ts
 * import { memoryStore } from "sojourn/stores/memory";
 * import { faultyStore } from "sojourn/testing";
 *
 * // Every update takes effect, but its answer is lost.
 * const store = faultyStore(memoryStore(), ({ method }) => (method === "update" ? "throw-after" : "pass"));
 * ```
 */
export function faultyStore(store: Store, plan: (call: StoreCall) => Fault): Store {
  const never = new Promise<never>(() => {});
  return aroundCalls(store, async (call, make) => {
    const fault = plan(call);
    if (fault === "throw-before") throw lost(call);
    if (fault === "hang-before") return never;
    const answer = await make();
    if (fault === "throw-after") throw lost(call);
    if (fault === "hang-after") return never;
    if (typeof fault === "object") await fault.late;
    return answer;
  });
}

/** A store that counts its calls. */
export interface CountedStore extends Store {
  /** Calls so far by method; a method that was not called is absent. */
  readonly calls: Readonly<Partial<Record<StoreMethod, number>>>;
  /** All calls so far. */
  readonly total: number;
  /** Starts again at 0. */
  reset(): void;
}

/**
 * A store that counts how often each of its methods is called, to test what a request costs.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn/stores/memory";
 * import { countedStore } from "sojourn/testing";
 *
 * const store = countedStore(memoryStore());
 * await store.read("key");
 * console.assert(store.total === 1 && store.calls.read === 1);
 * ```
 */
export function countedStore(store: Store): CountedStore {
  let calls: Partial<Record<StoreMethod, number>> = {};
  const counted = aroundCalls(store, ({ method }, make) => {
    calls[method] = (calls[method] ?? 0) + 1;
    return make();
  });
  return Object.defineProperties(counted as CountedStore, {
    calls: { get: () => calls },
    total: { get: () => Object.values(calls).reduce((sum, count) => sum + count, 0) },
    reset: {
      value: () => {
        calls = {};
      },
    },
  });
}

/**
 * A store that waits before each call: for a slow network, or to decide by hand which of several
 * calls goes first.
 *
 * @param wait Called before each call. If its promise resolves, the call is made; if it rejects, the call rejects.
 * @example
 * ```ts
 * import { memoryStore } from "sojourn/stores/memory";
 * import { delayedStore } from "sojourn/testing";
 *
 * const store = delayedStore(memoryStore(), () => new Promise((resolve) => setTimeout(resolve, 20)));
 * ```
 */
export function delayedStore(store: Store, wait: (call: StoreCall) => Promise<unknown>): Store {
  return aroundCalls(store, async (call, make) => {
    await wait(call);
    return make();
  });
}

type Around = (call: StoreCall, make: () => Promise<unknown>) => Promise<unknown>;

const single = [
  "read",
  "create",
  "update",
  "touch",
  "rename",
  "delete",
  "page",
  "count",
  "examine",
  "prune",
  "setup",
  "close",
] as const;
const many = ["list", "listBySubject"] as const;

/** The same store with `around` in place of each call. A listing counts as one call, made when its first row is asked for. */
function aroundCalls(store: Store, around: Around): Store {
  let index = 0;
  const methods: Record<string, unknown> = {};
  for (const method of single) {
    const original = store[method] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (!original) continue;
    methods[method] = async (...args: unknown[]) =>
      around({ method, index: index++, args }, () => original.apply(store, args));
  }
  for (const method of many) {
    const original = store[method] as ((...args: unknown[]) => AsyncIterable<ListedRecord>) | undefined;
    if (!original) continue;
    methods[method] = async function* (...args: unknown[]): AsyncIterable<ListedRecord> {
      const rows = await around({ method, index: index++, args }, async () => original.apply(store, args));
      yield* rows as AsyncIterable<ListedRecord>;
    };
  }
  return { name: store.name, space: store.space, capabilities: store.capabilities, ...methods } as unknown as Store;
}

/** What clients throw when a connection breaks. */
function lost({ method }: StoreCall): Error {
  return Object.assign(new Error(`the connection broke during ${method}`), { code: "ECONNRESET" });
}
