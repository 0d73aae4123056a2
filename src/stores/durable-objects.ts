/** Sessions in a Cloudflare Durable Object: exact for all the Workers in the world, at one place of it. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type {
  ListedRecord,
  PageOptions,
  RecordPage,
  Store,
  StoreCapabilities,
  StoredRecord,
  StoreRecord,
  Version,
} from "../core/contracts/store.ts";
import { type Call, fromWire, toInstant, toWire, type WireRecord } from "./durable-objects/wire.ts";
import { countPrefix, everyPage, pageInOrder, pageOptions } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { refuseTooLarge } from "./shared/size.ts";

export { SessionsObject, type SessionsObjectState } from "./durable-objects/object.ts";

/** What an object answers, as far as it is used here. */
export interface DurableObjectResponse {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<unknown>;
  readonly body: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>; cancel(): Promise<void> };
  } | null;
}

/** A namespace of Durable Objects: the binding a Worker finds in its `env`. */
export interface DurableObjectNamespaceClient {
  idFromName(name: string): object;
  get(id: never): {
    fetch(url: string, init: { method: "POST"; body: string }): Promise<DurableObjectResponse>;
  };
}

/** The options of {@link durableObjectStore}. */
export interface DurableObjectStoreOptions {
  /** The binding of {@link SessionsObject}, or of a class that extends it. */
  readonly namespace: DurableObjectNamespaceClient;
  /**
   * The name of the object that keeps all these sessions. An object answers about a thousand requests a second, so give
   * each application its own, or each customer. Default `"sojourn"`.
   */
  readonly object?: string | undefined;
  /** The current time in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

const capabilities: StoreCapabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: true,
  list: true,
  bySubject: true,
  pages: true,
  count: "exact",
  shared: true,
  // A row has at most 2 MB, keys and subjects included.
  maxPayloadBytes: 1_980_000,
};

/**
 * Keeps sessions in the SQLite database of a Durable Object, for Workers all over the world. Each call is one
 * request to the object, which runs where it was first used. The object removes ended sessions itself.
 *
 * @throws TypeError when `namespace` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type DurableObjectNamespaceClient, durableObjectStore } from "sojourn/stores/durable-objects";
 *
 * export { SessionsObject } from "sojourn/stores/durable-objects";
 *
 * export function sessionsOf(env: { SESSIONS: DurableObjectNamespaceClient }) {
 *   return createSessions({ store: durableObjectStore({ namespace: env.SESSIONS }) });
 * }
 * ```
 */
export function durableObjectStore(options: DurableObjectStoreOptions): Store {
  checkOptions<DurableObjectStoreOptions>(
    "durableObjectStore",
    options,
    { namespace: true, object: true, now: true },
    "durableObjectStore({ namespace: env.SESSIONS })",
  );
  const { namespace, object = "sojourn", now = Date.now } = options;
  if (typeof namespace?.idFromName !== "function" || typeof namespace.get !== "function") {
    throw wrongArgument("namespace", "a namespace of Durable Objects: a binding in env", namespace);
  }
  if (typeof object !== "string" || object === "") throw wrongArgument("object", "the name of an object", object);

  async function send(call: Omit<Call, "now">): Promise<DurableObjectResponse> {
    const stub = namespace.get(namespace.idFromName(object) as never);
    const body = JSON.stringify({ ...call, now: now() });
    const response = await stub.fetch("https://sessions.internal/", { method: "POST", body });
    if (!response.ok) throw new Error(`the Durable Object answered ${response.status}`);
    return response;
  }
  const ask = async <Answer>(call: Omit<Call, "now">): Promise<Answer> => (await (await send(call)).json()) as Answer;
  const write = (call: Omit<Call, "now" | "record">, record: StoreRecord): Promise<Version | null> => {
    refuseTooLarge(record.payload, capabilities.maxPayloadBytes, "a Durable Object");
    return ask({ ...call, record: toWire(record) });
  };
  async function* list(call: Omit<Call, "now">): AsyncGenerator<ListedRecord> {
    for await (const line of linesOf(await send(call))) yield fromWire<ListedRecord>(JSON.parse(line) as WireRecord);
  }

  async function page(options?: PageOptions): Promise<RecordPage> {
    const { limit, cursor, subject, prefix } = pageOptions(options);
    const records: ListedRecord[] = [];
    const call = { method: "page", key: cursor ?? "", limit: limit + 1, subject, prefix } as const;
    for await (const record of list(call)) records.push(record);
    return pageInOrder(records, limit);
  }

  return {
    name: "durable-objects",
    space: "own",
    capabilities,
    async read(key) {
      const found = await ask<WireRecord | null>({ method: "read", key });
      if (!found) return null;
      const { key: _, ...record } = fromWire<ListedRecord>(found);
      return record satisfies StoredRecord;
    },
    create: async (key, record) => write({ method: "create", key }, record),
    update: async (key, record, version) => write({ method: "update", key, version }, record),
    touch: (key, expiresAt) => ask({ method: "touch", key, expiresAt: toInstant(expiresAt) }),
    rename: async (from, to, record, version) => write({ method: "rename", key: from, to, version }, record),
    async delete(key) {
      await ask({ method: "delete", key });
    },
    list: () => everyPage(page),
    page,
    count: async (options) => ({
      count: await ask<number>({ method: "count", prefix: countPrefix(options) }),
      estimate: false,
    }),
    listBySubject: (subject) => list({ method: "listBySubject", subject }),
  };
}

async function* linesOf({ body }: DurableObjectResponse): AsyncGenerator<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let begun = "";
  try {
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      const parts = (begun + decoder.decode(piece.value, { stream: true })).split("\n");
      begun = parts.pop() ?? "";
      yield* parts;
    }
    if (begun !== "") throw new Error("the listing of the Durable Object was cut off");
  } finally {
    await reader?.cancel();
  }
}
