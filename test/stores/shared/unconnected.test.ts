/** Clients that no code has connected, and what is taken for a client: the error says so, at once. */

import { DatabaseSync } from "node:sqlite";
import knex from "knex";
import { Client } from "pg";
import { createClient } from "redis";
import { redisStore } from "sojourn/stores/redis";
import { sqlStore } from "sojourn/stores/sql";
import { expect, test } from "vitest";

test("a Client of pg that is not connected is an error at once, where it would keep statements for good", async () => {
  const store = sqlStore({ client: new Client("postgres://app@127.0.0.1:1/none") });
  const message = /the pg Client is not connected: `await client\.connect\(\)` before its first use/;
  await expect(store.setup?.()).rejects.toThrow(message);
  await expect(store.read("a")).rejects.toThrow(message);
});

test("a client of node-redis that is not connected is an error that says how", async () => {
  const store = redisStore({ client: createClient({ url: "redis://127.0.0.1:1" }) });
  await expect(store.read("a")).rejects.toThrow(/the node-redis client is not open: `await client\.connect\(\)`/);
});

test("an instance of Knex in place of a client is named", () => {
  expect(() => sqlStore({ client: knex({ client: "pg" }) as never })).toThrow(/received an instance of Knex/);
  expect(() => sqlStore({ client: new DatabaseSync(":memory:") })).not.toThrow();
});
