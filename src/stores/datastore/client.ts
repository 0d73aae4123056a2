/** A Datastore client by shape: what the store calls of it. */

import { wrongArgument } from "../../core/contracts/errors.ts";

/** What the store calls of a `Datastore` of `@google-cloud/datastore`. */
export interface DatastoreClient extends DatastoreReader {
  /** The symbol under which an entity has its key. */
  readonly KEY: symbol;
  key(path: string[]): DatastoreKey;
  key(options: { namespace: string; path: string[] }): DatastoreKey;
  insert(entity: DatastoreWrite): Promise<unknown>;
  delete(key: DatastoreKey): Promise<unknown>;
  createQuery(kind: string): DatastoreQuery;
  createQuery(namespace: string, kind: string): DatastoreQuery;
  runQuery(
    query: DatastoreQuery,
    options: { consistency: "strong" },
  ): Promise<[DatastoreEntity[], { readonly endCursor?: string }]>;
  /** For `count()`, which walks over the keys where it is missing or refused. */
  createAggregationQuery?(query: DatastoreQuery): { count(alias: string): DatastoreAggregation };
  runAggregationQuery?(
    query: DatastoreAggregation,
  ): Promise<readonly [readonly { readonly all?: unknown }[], ...unknown[]]>;
  transaction(): DatastoreTransaction;
}

/** What counts the entities of a query. */
export type DatastoreAggregation = object;

/** Reads the entities that are there, in no order. */
export interface DatastoreReader {
  /** Takes an array of {@link DatastoreKey}. */
  get(keys: never): Promise<[DatastoreEntity[]]>;
}

/** A transaction that reads and writes. */
export interface DatastoreTransaction extends DatastoreReader {
  /** Begins it. */
  run(): Promise<unknown>;
  save(entity: DatastoreWrite): void;
  delete(key: DatastoreKey): void;
  commit(): Promise<unknown>;
  rollback(): Promise<unknown>;
}

/** The address of an entity. */
export interface DatastoreKey {
  readonly name?: string;
}

/** The properties of an entity, and its key under `KEY` of the client. */
export interface DatastoreEntity {
  [property: string | symbol]: unknown;
}

/** An entity to store. */
export interface DatastoreWrite {
  readonly key: DatastoreKey;
  readonly data: DatastoreEntity;
  readonly excludeFromIndexes: string[];
}

/** A query over one kind. */
export interface DatastoreQuery {
  /** Conditions that are all to hold. The method for it says on the console that it would rather have a class. */
  readonly filters: { name: string; op: string; val: unknown }[];
  select(property: string): DatastoreQuery;
  limit(count: number): DatastoreQuery;
  start(cursor: string): DatastoreQuery;
}

/** Queries see every write that was answered. */
export const strongly = { consistency: "strong" } as const;

const methods = ["key", "get", "insert", "delete", "createQuery", "runQuery", "transaction"];

/** Throws a `TypeError` for what is no client. */
export function clientOf(client: unknown): DatastoreClient {
  const has = (method: string): boolean => typeof (client as Record<string, unknown>)[method] === "function";
  if (typeof client === "object" && client !== null && methods.every(has)) return client as DatastoreClient;
  throw wrongArgument("client", "a Datastore of @google-cloud/datastore, or a function that returns one", client);
}
