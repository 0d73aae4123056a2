/** The kind that the Datastore store keeps records in, and what is to be made for it. */

import { checkKnown } from "../../core/contracts/known.ts";
import { bareNamesOf, checkName, type GoogleNames, gcloudCommands } from "../shared/google-record.ts";

/** Other names for the properties of an entity. */
export interface DatastoreProperties extends Omit<GoogleNames, "subject" | "version"> {
  /**
   * Text: the user of the session; null for an anonymous session. Default `"subject"`. With `null` there is no such
   * property and no `listBySubject`, for entities that other programs write without it.
   */
  readonly subject?: string | null | undefined;
  /** Text, new with every write, which updates compare. Default `"version"`. With `null` updates compare the payload. */
  readonly version?: string | null | undefined;
}

/**
 * The `gcloud` command to run once. It creates the TTL policy, by which Datastore removes ended sessions.
 *
 * @param options The database, default `"(default)"`, and the store's `kind` and `properties`.
 * @throws TypeError when an option is of the wrong type.
 * @example
 * ```ts
 * import { datastoreSchema } from "sojourn/stores/datastore";
 *
 * process.stdout.write(datastoreSchema({ kind: "WebSession" }));
 * ```
 */
export function datastoreSchema(
  options: { kind?: string; properties?: DatastoreProperties; database?: string } = {},
): string {
  checkKnown("datastoreSchema", options, ["kind", "properties", "database"]);
  const { kind = defaultKind, properties = {}, database = "(default)" } = options;
  const names = bareNamesOf("properties", properties);
  checkKind(kind);
  checkName("database", database, "the name of a database");
  return gcloudCommands(kind, database, names, []);
}

export const defaultKind = "sojourn_sessions";

/** Throws a `TypeError` for what cannot be the name of a kind. */
export function checkKind(kind: unknown): asserts kind is string {
  checkName("kind", kind, "the name of a kind");
}
