/** The family's sessions in DynamoDB: an item each. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { DynamodbLayout } from "../../stores/dynamodb.ts";
import { localClock } from "./local-time.ts";

/** The options of {@link flaskDynamodb}. */
export interface FlaskDynamodbOptions {
  /** `SESSION_DYNAMODB_TABLE`. Default `"Sessions"`. */
  readonly table?: string | undefined;
  /**
   * The time zone of the machine on which Flask runs, such as `"Europe/Paris"`, if it is not UTC. Default `"UTC"`.
   * Flask-Session 0.8 treats UTC as local time when it records the end of a session, so the recorded end is off by the
   * difference.
   */
  readonly timeZone?: string | undefined;
}

/**
 * The `layout` of a `dynamodbStore` that shares its sessions with Flask-Session (`SESSION_TYPE = "dynamodb"`).
 *
 * An item has no room for a subject, so sessions cannot be listed by user. A save compares `val` with the value that
 * was read, so it detects a write by Flask in between. Ended sessions are not returned here, although Flask 0.8 returns
 * them forever; `await store.setup()` lets DynamoDB remove them. Pass the time zone of Flask's machine if it is not
 * UTC. Otherwise Flask's sessions end hours too late or too early here; east of Greenwich, short ones have already
 * ended when they begin.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskDynamodb, flaskSession } from "sojourn/flask";
 * import { type DynamodbClient, dynamodbStore } from "sojourn/stores/dynamodb";
 *
 * export function sessionsBesideFlask(client: DynamodbClient) {
 *   return createSessions({ ...flaskSession(), store: dynamodbStore({ client, layout: flaskDynamodb() }) });
 * }
 * ```
 */
export function flaskDynamodb(options: FlaskDynamodbOptions = {}): DynamodbLayout {
  checkKnown("flaskDynamodb", options, ["table", "timeZone"]);
  const table = tableOf(options.table ?? "Sessions");
  const attributes = { key: "id", payload: "val", expiresAt: "expiration" };
  const { timeZone = "UTC" } = options;
  const clock = timeZone === "UTC" ? {} : { clock: localClock(timeZone) };
  return { name: "flask-session", table, attributes, payload: "bytes", ...clock };
}

/** The options of {@link flask2Dynamodb}. */
export interface Flask2DynamodbOptions {
  /** `SESSION_DYNAMODB_TABLE`. Default `"sessions"`. */
  readonly table?: string | undefined;
}

/**
 * The `layout` of a `dynamodbStore` over the table of Flask-Session2 (`SESSION_TYPE = "dynamodb"`), whose sessions are
 * JSON: `createSessions({ ...flaskSession({ format: "json", ids: "uuid" }), store })`.
 *
 * Flask-Session2 stores no expiry. Sessions that are written here get one in the extra attribute `expiration`, until
 * Flask-Session2 writes them again. `await store.setup()` lets DynamoDB remove expired ones by that attribute.
 *
 * @throws `TypeError` when `table` is no name.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flask2Dynamodb, flaskSession } from "sojourn/flask";
 * import { type DynamodbClient, dynamodbStore } from "sojourn/stores/dynamodb";
 *
 * export function sessionsBesideFlask(client: DynamodbClient) {
 *   const store = dynamodbStore({ client, layout: flask2Dynamodb() });
 *   return createSessions({ ...flaskSession({ format: "json", ids: "uuid" }), store });
 * }
 * ```
 */
export function flask2Dynamodb(options: Flask2DynamodbOptions = {}): DynamodbLayout {
  checkKnown("flask2Dynamodb", options, ["table"]);
  const table = tableOf(options.table ?? "sessions");
  const attributes = { key: "SessionId", payload: "Session", expiresAt: "expiration" };
  return { name: "flask-session2", table, attributes, payload: "text" };
}

function tableOf(table: unknown): string {
  if (typeof table !== "string" || table === "") throw wrongArgument("table", "the name of a table", table);
  return table;
}
