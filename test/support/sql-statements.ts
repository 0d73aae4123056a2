/** What a SQL store sends, to look at how the database runs it. */

import { expect } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import type { SqlConnection } from "../../src/stores/sql/clients.ts";
import type { SqlRunner } from "../../src/stores/sql.ts";

/** Statements with the values they were last sent with. */
export type Statements = Map<string, unknown[]>;

/** A client that goes through another and writes down every statement. */
export function recorded(connection: SqlConnection): { readonly runner: SqlRunner; readonly statements: Statements } {
  const statements: Statements = new Map();
  const runner: SqlRunner = {
    async run(sql, values) {
      statements.set(sql, values);
      const { rows, count } = await connection.run(sql, values as never[]);
      return { rows: rows as unknown[][], count };
    },
  };
  return { runner, statements };
}

/** Everything an async iterable gives. */
export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** A record that lasts ten minutes unless told otherwise. */
export function record(payload: string, subject?: string, lasts = 600_000): StoreRecord {
  return { payload, expiresAt: Date.now() + lasts, subject };
}

/** Makes every call but `prune` once, and fails unless each answers as it should. */
export async function everyCall(store: Store): Promise<void> {
  const created = await store.create("a", record("1", "ada"));
  expect(created).not.toBeNull();
  expect(await store.create("a", record("2"))).toBeNull();
  const updated = await store.update("a", record("2", "ada"), created!);
  expect(await store.touch("a", Date.now() + 700_000)).toBe(true);
  expect(await store.touch("a", Date.now() + 600_000)).toBe(true);
  expect(await store.rename("a", "b", record("3", "ada"), updated!)).not.toBeNull();
  expect((await store.read("b"))?.payload).toBe("3");
  expect((await collect(store.listBySubject!("ada"))).map(({ key }) => key)).toEqual(["b"]);
  for await (const { key } of store.list!()) if (key === "b") break;
  await store.delete("b");
  expect(await store.read("b")).toBeNull();
}
