/** A user of DynamoDB whose index is full of what recent logins left: can be listed and revoked, each answer in its time. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { dynamodbStore } from "../../src/stores/dynamodb.ts";
import { clientAt, dynamodbIsMissing } from "../support/dynamodb-harness.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb-server.ts";
import { request } from "../support/requests.ts";

describe.skipIf(dynamodbIsMissing())("12,000 recent logins of one user", () => {
  let server: DynamodbServer;
  beforeAll(async () => {
    server = await startDynamodb();
  }, 90_000);
  afterAll(() => server?.stop());

  test("are listed and revoked, though the walk takes longer than storeTimeout", { timeout: 300_000 }, async () => {
    const client = clientAt(server.endpoint);
    const store = dynamodbStore({ client, table: "many" });
    await store.setup!();
    const ttl = { N: String(Math.ceil(Date.now() / 1000) + 600) };
    const entries = Array.from({ length: 12_000 }, (_, at) => ({
      PutRequest: { Item: { pk: { S: 'subject "ada"' }, sk: { S: `session:${at}` }, ttl } },
    }));
    for (let at = 0; at < entries.length; at += 250) {
      const batches = Array.from({ length: 10 }, (_, one) => entries.slice(at + one * 25, at + one * 25 + 25));
      await Promise.all(batches.map((many) => client.batchWriteItem({ RequestItems: { many } })));
    }
    const start = performance.now();
    const found = store.listBySubject!("ada")[Symbol.asyncIterator]();
    expect((await found.next()).done).toBe(true);
    // Half of what the whole walk takes on this machine.
    const storeTimeout = `${Math.ceil((performance.now() - start) / 2)}ms` as const;
    const sessions = createSessions({ name: "session", store, storeTimeout, warn() {} });
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    expect(await sessions.list("ada")).toHaveLength(1);
    expect(await sessions.revoke("ada")).toBe(1);
    expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(true);
    client.destroy();
  });
});
