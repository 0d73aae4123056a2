/** The indexes of a collection of sessions: what they are, how to make them, whether they are there. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { setupIncomplete } from "../shared/setup.ts";
import type { MongodbCollection, MongodbDocument } from "./collection.ts";
import { type Fields, fieldsOf, type MongodbLayout } from "./layout.ts";

/** Compares text octet by octet, whatever the collection's own collation. */
export const exactly: MongodbDocument = { collation: { locale: "simple" } };

/**
 * The commands for mongosh that create the indexes, as `store.setup()` does.
 *
 * @param options The collection's name, default `"sessions"`, and the store's `layout`.
 * @throws TypeError when an option is of the wrong type.
 * @example
 * ```ts
 * import { mongodbSchema } from "sojourn/stores/mongodb";
 *
 * process.stdout.write(mongodbSchema({ collection: "web_sessions" }));
 * ```
 */
export function mongodbSchema(options: { collection?: string; layout?: MongodbLayout } = {}): string {
  checkKnown("mongodbSchema", options, ["collection", "layout"]);
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
    ...(fields.key === "_id" ? [] : [{ key: { [fields.key]: 1 as const }, unique: true, ...exactly }]),
    { key: { [fields.expiresAt]: 1 }, expireAfterSeconds: 0 },
    ...(fields.subject === null ? [] : [{ key: { [fields.subject]: 1 as const }, sparse: true, ...exactly }]),
  ];
}

interface Index {
  readonly name?: string;
  readonly key?: object;
  readonly unique?: unknown;
  readonly expireAfterSeconds?: unknown;
  readonly collation?: { readonly locale?: unknown };
  readonly partialFilterExpression?: unknown;
}

/** Makes the indexes that are missing. One that does the same counts, whatever its name. */
export async function makeIndexes(collection: MongodbCollection, fields: Fields): Promise<void> {
  const there = await indexesOf(collection);
  for (const wanted of indexesFor(fields)) {
    if (there.some((one) => serves(one, wanted))) continue;
    // Two of one key have to differ in name and collation.
    const other = there.find((one) => hasKey(one, wanted));
    const name = `${Object.keys(wanted.key).join("_")}_1${other ? "_sojourn" : ""}`;
    await collection.createIndexes([{ ...wanted, name }]).catch((cause: unknown) => {
      const { code } = (cause ?? {}) as { code?: unknown };
      const isInTheWay = other !== undefined && (code === 85 || code === 86);
      if (!isInTheWay && code !== denied) throw cause;
      const { key, ...rest } = wanted;
      const create = `db.getCollection(${JSON.stringify(collection.collectionName)}).createIndex(${JSON.stringify(key)}, ${JSON.stringify(rest)})`;
      const why = isInTheWay
        ? `its index ${JSON.stringify(other.name)} on the same field is another one. Drop that, and run`
        : "this user may not create it. Run, as one who may,";
      const message = `The collection lacks the index that the MongoDB store needs on ${Object.keys(key).join()}: ${why} ${create}`;
      // Without the unique one no session can be created; the others are for speed and for removing what has ended.
      throw wanted["unique"] === true ? new Error(message, { cause }) : setupIncomplete(message, cause);
    });
  }
}

/** MongoDB's Unauthorized. */
const denied = 13;

function hasKey({ key = {} }: Index, wanted: { readonly key: object }): boolean {
  return Object.keys(key).join() === Object.keys(wanted.key).join();
}

/** Whether an index that is there does what one that is wanted does. */
export function serves(one: Index, wanted: ReturnType<typeof indexesFor>[number]): boolean {
  const { unique, collation, expireAfterSeconds, partialFilterExpression } = one;
  return (
    hasKey(one, wanted) &&
    partialFilterExpression === undefined &&
    (wanted["unique"] !== true || unique === true) &&
    (wanted["collation"] === undefined || (collation?.locale ?? "simple") === "simple") &&
    (wanted["expireAfterSeconds"] === undefined || expireAfterSeconds === 0)
  );
}

/** Whether no two documents can have one key. */
export async function hasUniqueKey(collection: MongodbCollection, fields: Fields): Promise<boolean> {
  // Every collection has that index.
  if (fields.key === "_id") return true;
  return (await indexesOf(collection)).some((one) => one.unique === true && hasKey(one, { key: { [fields.key]: 1 } }));
}

/** The indexes that are there; none where there is no collection. */
export async function indexesOf(collection: MongodbCollection): Promise<Index[]> {
  return (await collection.indexes().catch((error: unknown) => {
    if ((error as { codeName?: unknown }).codeName === "NamespaceNotFound") return [];
    throw error;
  })) as Index[];
}
