/** Sessions in Cloudflare KV: near every visitor, and up to a minute behind what happened elsewhere. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store } from "../core/contracts/store.ts";
import { checkOptions } from "./shared/options.ts";
import { plainStore } from "./shared/plain.ts";
import { queueOf } from "./shared/queue.ts";

/** A namespace of KV, as far as it is used here: the binding a Worker finds in its `env`. */
export interface KvNamespaceClient {
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { prefix: string; limit?: number; cursor?: string }): Promise<{
    readonly keys: readonly { readonly name: string }[];
    readonly list_complete: boolean;
    readonly cursor?: string | undefined;
  }>;
}

/** The options of {@link cloudflareKvStore}. */
export interface CloudflareKvStoreOptions {
  /** The binding. */
  readonly namespace: KvNamespaceClient;
  /**
   * The prefix of all keys in the namespace: up to 50 printable ASCII characters without spaces. Default `"sojourn:"`.
   */
  readonly prefix?: string | undefined;
  /** The current time in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in Cloudflare KV. **Other locations may notice a logout up to a minute late, or undo it**: KV answers
 * from caches that are up to 60 seconds old, cannot compare and swap, and keeps the last of two writes. For logins use
 * `sojourn/stores/durable-objects`, or D1 through `sojourn/stores/sql`. KV is for data that may be lost, such as a
 * theme.
 *
 * KV removes ended sessions itself, at least a minute after they were written.
 *
 * @throws TypeError when `namespace` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cloudflareKvStore, type KvNamespaceClient } from "sojourn/stores/cloudflare-kv";
 *
 * export function sessionsOf(env: { SESSIONS: KvNamespaceClient }) {
 *   return createSessions({ name: "shop", store: cloudflareKvStore({ namespace: env.SESSIONS }) });
 * }
 * ```
 */
export function cloudflareKvStore(options: CloudflareKvStoreOptions): Store {
  checkOptions<CloudflareKvStoreOptions>(
    "cloudflareKvStore",
    options,
    { namespace: true, prefix: true, now: true },
    "cloudflareKvStore({ namespace: env.SESSIONS })",
  );
  const { namespace, prefix = "sojourn:", now = Date.now } = options;
  const methods = ["get", "put", "delete", "list"] as const;
  // Of Cloudflare's bindings R2 has these too, and cannot give a text.
  const isKv = methods.every((name) => typeof namespace?.[name] === "function") && !("head" in namespace);
  if (!isKv) throw wrongArgument("namespace", "a namespace of Cloudflare KV: a binding in env", namespace);
  if (typeof prefix !== "string" || !/^[!-~]{0,50}$/.test(prefix)) {
    throw wrongArgument("prefix", "at most 50 printable ASCII characters without spaces", prefix);
  }

  return plainStore(
    {
      get: (key) => namespace.get(key),
      // It takes whole seconds, 60 at least, and there is always more of it than the session lasts.
      set: (key, text, lifetime) =>
        namespace.put(key, text, { expirationTtl: Math.min(Math.ceil(lifetime / 1000), longest) }),
      remove: (key) => namespace.delete(key),
      async *keys() {
        for (let cursor: string | undefined = ""; cursor !== undefined; ) {
          const page = await namespace.list({ prefix, ...(cursor !== "" && { cursor }) });
          for (const { name } of page.keys) yield name;
          cursor = page.list_complete ? undefined : page.cursor;
        }
      },
      async pageOfKeys(start, limit, cursor) {
        const page = await namespace.list({ prefix: start, limit, ...(cursor !== undefined && { cursor }) });
        return { keys: page.keys.map(({ name }) => name), cursor: page.list_complete ? undefined : page.cursor };
      },
    },
    {
      name: "cloudflare-kv",
      space: options.prefix === undefined ? "common" : "own",
      queue: queueOf(namespace),
      now,
      shared: true,
      nativeExpiry: true,
      place: (key) => prefix + key,
    },
  );
}

/** Ten years, in seconds. KV takes no number above 2^31, which is soon over as an instant. */
const longest = 315_360_000;
