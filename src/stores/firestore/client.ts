/** A Firestore client by shape: what the store calls of it. */

import { wrongArgument } from "../../core/contracts/errors.ts";

/** What the store calls of a `Firestore` of `@google-cloud/firestore`, which is what `getFirestore()` of firebase-admin gives. */
export interface FirestoreClient {
  collection(path: string): FirestoreCollection;
  /** Several writes that are done together or not at all. */
  batch(): FirestoreBatch;
  /** Reads a document: a {@link FirestoreDocument}, then `{ fieldMask }` with the names of some fields. */
  getAll(...documentAndOptions: never[]): Promise<FirestoreSnapshot[]>;
}

/** A collection. */
export interface FirestoreCollection extends FirestoreQuery {
  doc(id: string): FirestoreDocument;
}

/** Some documents of a collection. */
export interface FirestoreQuery {
  where(field: string, operator: "==" | "<=" | "<" | ">", value: unknown): FirestoreQuery;
  orderBy(field: "__name__"): FirestoreQuery;
  /** For `count()`, which walks over the documents where it is missing. */
  count?(): { get(): Promise<{ data(): { readonly count: number } }> };
  select(...fields: string[]): FirestoreQuery;
  limit(count: number): FirestoreQuery;
  startAfter(id: string): FirestoreQuery;
  get(): Promise<{ readonly docs: readonly FirestoreSnapshot[] }>;
}

/** The address of a document. */
export interface FirestoreDocument {
  readonly id: string;
  get(): Promise<FirestoreSnapshot>;
  delete(): Promise<unknown>;
}

/** A document as it was at some moment. */
export interface FirestoreSnapshot {
  readonly ref: FirestoreDocument;
  /** A `Timestamp`; there if the document is. */
  readonly updateTime?: unknown;
  data(): Record<string, unknown> | undefined;
}

/** Writes, each on a condition. */
export interface FirestoreBatch {
  create(document: FirestoreDocument, fields: Record<string, unknown>): unknown;
  update(document: FirestoreDocument, fields: Record<string, unknown>, condition: FirestoreCondition): unknown;
  set(document: FirestoreDocument, fields: Record<string, unknown>): unknown;
  delete(document: FirestoreDocument, condition: FirestoreCondition): unknown;
  commit(): Promise<readonly { readonly writeTime: unknown }[]>;
}

/** The document has not been written since: what every write of the store asks for. */
export interface FirestoreCondition {
  readonly lastUpdateTime: never;
}

/** Throws a `TypeError` for what is no client. */
export function clientOf(client: unknown): FirestoreClient {
  const methods = ["collection", "batch", "getAll"];
  const has = (method: string): boolean => typeof (client as Record<string, unknown>)[method] === "function";
  if (typeof client === "object" && client !== null && methods.every(has)) return client as FirestoreClient;
  const takes = "a Firestore of @google-cloud/firestore or firebase-admin, or a function that returns one";
  throw wrongArgument("client", takes, client);
}
