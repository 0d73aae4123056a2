/** The way to a client that may not be there yet, and to an answer when others are in the way. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { type Lazy, lazily } from "../shared/lazy.ts";
import type { SqlConnection } from "./clients.ts";
import { connectionOf } from "./connection.ts";
import { isInTheWay, rulesOf, type SqlDialect } from "./dialect.ts";

/** A client, or the promise of one. */
export interface SqlLink {
  readonly dialect: SqlDialect;
  /** Other processes can reach the same database, as far as is known before it is used. */
  readonly shared: boolean;
  /** The most bytes of a payload, as far as is known before it is used. */
  readonly maxPayloadBytes?: number | undefined;
  readonly connect: Lazy<SqlConnection>;
}

/** A client or a function that returns one. The function is called once, again only if it failed. */
export function linkTo(client: unknown, dialect: SqlDialect | undefined): SqlLink {
  if (dialect !== undefined) rulesOf(dialect);
  const connection = (one: unknown): SqlConnection => {
    const found = connectionOf(one);
    if (dialect === undefined || (found.dialect ?? dialect) === dialect) return found;
    throw new TypeError(`dialect must be "${found.dialect}" for this client of ${found.kind}; received "${dialect}"`);
  };
  // postgres.js is a function too, and so is its package.
  if (typeof client !== "function" || "unsafe" in client || "toPascal" in client) {
    const known = connection(client);
    const spoken = known.dialect ?? dialect;
    if (spoken === undefined) throw wrongArgument("dialect", `given with a client ${known.kind}`, dialect);
    const { shared, maxPayloadBytes } = known;
    return { dialect: spoken, shared, maxPayloadBytes, connect: () => known };
  }
  if (typeof (client as { raw?: unknown }).raw === "function")
    throw new TypeError(
      "client must be a client of the database, not Knex; received an instance of Knex. Give sqlStore a pool of its driver, " +
        "such as new pg.Pool({ connectionString })",
    );
  if (dialect === undefined) throw wrongArgument("dialect", "given when client is a function", dialect);
  return { dialect, shared: true, connect: lazily(client, connection) };
}

/**
 * Runs a statement again, a little later each time, as long as it fails only because another was at work on the same
 * rows or the same file: for about a second. Then, and where the statement is not a transaction of its own, that
 * failure is the answer.
 */
export async function retryWhileBusy<Result>(alone: boolean, attempt: () => Promise<Result>): Promise<Result> {
  for (let pause = 1; ; pause *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (!alone || pause > 512 || !isInTheWay(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
  }
}
