/** A MongoDB collection by shape: what the store calls of the official driver's `Collection`. */

import { wrongArgument } from "../../core/contracts/errors.ts";

/** A filter, an update, a projection or an index, in the form MongoDB takes. */
export type MongodbDocument = Record<string, unknown>;

/** A collection of the official driver, `mongodb` 6 or 7. */
export interface MongodbCollection {
  readonly collectionName?: string | undefined;
  findOne(filter: MongodbDocument, options: MongodbDocument): Promise<MongodbDocument | null>;
  find(filter: MongodbDocument, options: MongodbDocument): MongodbCursor;
  updateOne(
    filter: MongodbDocument,
    update: MongodbDocument[],
    options: MongodbDocument,
  ): Promise<{ readonly matchedCount: number; readonly modifiedCount: number; readonly upsertedCount: number }>;
  deleteOne(filter: MongodbDocument, options: MongodbDocument): Promise<{ readonly deletedCount: number }>;
  deleteMany(filter: MongodbDocument, options: MongodbDocument): Promise<{ readonly deletedCount: number }>;
  /** For `count()`, which walks over the documents where it is missing. */
  countDocuments?(filter: MongodbDocument, options: MongodbDocument): Promise<number>;
  indexes(): Promise<readonly unknown[]>;
  createIndexes(indexes: { readonly key: Record<string, 1>; readonly name?: string }[]): Promise<unknown>;
}

/** What a query answers. */
export interface MongodbCursor {
  [Symbol.asyncIterator](): AsyncIterator<MongodbDocument>;
}

const methods = ["findOne", "find", "updateOne", "deleteOne", "deleteMany", "indexes", "createIndexes"];

/** Throws a `TypeError` for what is no collection, or one that does not tell what became of a write. */
export function collectionOf(collection: unknown): MongodbCollection {
  const fits =
    typeof collection === "object" &&
    collection !== null &&
    methods.every((method) => typeof (collection as MongodbDocument)[method] === "function");
  if (!fits) {
    const takes =
      "a collection of the mongodb driver, such as client.db().collection(name), or a function that returns one";
    throw wrongArgument("collection", takes, collection);
  }
  if ((collection as { writeConcern?: { w?: unknown } }).writeConcern?.w === 0) {
    throw new TypeError(
      "collection must be one whose writes are acknowledged; received one with a write concern of w: 0",
    );
  }
  return collection as MongodbCollection;
}
