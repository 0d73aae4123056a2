/** The collection that the Firestore store keeps records in, and what is to be made for it. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { checkName, type GoogleNames, gcloudCommands, namesOf } from "../shared/google-record.ts";
import { checkLayout, type FirestoreLayout } from "./layout.ts";

/** Other names for the fields of a document. */
export type FirestoreFields = GoogleNames;

/**
 * The `gcloud` commands to run once. They create the TTL policy, by which Firestore removes ended sessions, and exclude
 * fields that no query uses from indexing.
 *
 * @param options The database, default `"(default)"`, and the store's `collection` and `fields` or `layout`.
 * @throws TypeError when an option is of the wrong type.
 * @example
 * ```ts
 * import { firestoreSchema } from "sojourn/stores/firestore";
 *
 * process.stdout.write(firestoreSchema({ collection: "web_sessions" }));
 * ```
 */
export function firestoreSchema(
  options: { collection?: string; fields?: FirestoreFields; layout?: FirestoreLayout; database?: string } = {},
): string {
  checkKnown("firestoreSchema", options, ["collection", "fields", "layout", "database"]);
  const { layout, fields = {}, database = "(default)" } = options;
  const names = namesOf("fields", fields);
  if (layout !== undefined) checkLayout(layout);
  const { collection = layout?.collection ?? defaultCollection } = options;
  checkCollection(collection);
  checkName("database", database, "the name of a database");
  const group = collection.slice(collection.lastIndexOf("/") + 1);
  return layout
    ? gcloudCommands(group, database, layout, layout.unindexed ?? [])
    : gcloudCommands(group, database, names, [names.payload, names.version]);
}

export const defaultCollection = "sojourn_sessions";

/** Throws a `TypeError` for what is no path of a collection. */
export function checkCollection(collection: unknown): asserts collection is string {
  const takes = "the path of a collection, such as sessions or apps/web/sessions";
  checkName("collection", collection, takes);
  if (collection.split("/").length % 2 === 0) throw wrongArgument("collection", takes, collection);
}
