/** The indexes of a collection of sessions: what they are, how to make them, whether they are there. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import type { MongodbCollection, MongodbDocument } from "./collection.ts";
import { type Fields, fieldsOf, type MongodbLayout } from "./layout.ts";

/** Compares text octet by octet, whatever the collection's own collation. */
export const exactly: MongodbDocument = { collation: { locale: "simple" } };

/**
 * The commands for mongosh that make the indexes: what `store.setup()` does.
 *
 * @param options The collection's name, default `"sessions"`, and the store's `layout`.
 * @throws TypeError when an option is of the wrong kind.
 * @example
 * ```ts
 * import { mongodbSchema } from "sojourn/stores/mongodb";
 *
 * process.stdout.write(mongodbSchema({ collection: "web_sessions" }));
 * ```
 */
export function mongodbSchema(options: { collection?: string; layout?: MongodbLayout } = {}): string {
  const { collection = "sessions", layout = {} } = options;
  if (typeof collection !== "string") throw wrongArgument("collection", "the name of a collection", collection);
  return indexesFor(fieldsOf(layout))
    .map(({ key, ...rest }) => [JSON.stringify(collection), JSON.stringify(key), JSON.stringify(rest)])
    .map(([name, key, rest]) => `db.getCollection(${name}).createIndex(${key}, ${rest});\n`)
    .join("");
}

/** The indexes a collection needs: each a document with `key` and what the key is like. */
export function indexesFor(fields: Fields): { readonly key: Record<string, 1>; readonly [option: string]: unknown }[] {
  return [
    { key: { [fields.key]: 1 }, unique: true, ...exactly },
    { key: { [fields.expiresAt]: 1 }, expireAfterSeconds: 0 },
    ...(fields.subject === null ? [] : [{ key: { [fields.subject]: 1 as const }, sparse: true, ...exactly }]),
  ];
}

/** Whether no two documents can have one key. */
export async function hasUniqueKey(collection: MongodbCollection, fields: Fields): Promise<boolean> {
  const indexes = await collection.indexes().catch((error: unknown) => {
    if ((error as { codeName?: unknown }).codeName === "NamespaceNotFound") return [];
    throw error;
  });
  return (indexes as { key?: object; unique?: unknown }[]).some(
    ({ key = {}, unique }) => unique === true && Object.keys(key).join() === fields.key,
  );
}
