/** The DynamoDB store on Amazon's own local server: the whole suite, and from two processes. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamodbHarness, dynamodbIsMissing, dynamodbProcesses } from "../support/dynamodb-harness.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb-server.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

describe.skipIf(dynamodbIsMissing())("DynamoDB", () => {
  let server: DynamodbServer;
  beforeAll(async () => {
    server = await startDynamodb();
  }, 90_000);
  afterAll(() => server?.stop());

  describeStore(dynamodbHarness(() => server));

  // Half of a surrogate pair is kept as JSON, in which a quote takes two octets.
  test.each([undefined, "ada"])("an item too large once it is encoded is ERR_SESSION_TOO_LARGE", async (subject) => {
    const harness = dynamodbHarness(() => server);
    const store = await harness.open({ space: `large${subject}`, now: Date.now });
    const expiresAt = Date.now() + 600_000;
    const version = (await store.create("k", { payload: "small", expiresAt, subject }))!;
    const large = { payload: `\ud800${'"'.repeat(300_000)}`, expiresAt, subject };
    const refused = {
      code: "ERR_SESSION_TOO_LARGE",
      message: expect.stringContaining("DynamoDB keeps less in one item"),
    };
    await expect(store.create("l", large)).rejects.toMatchObject(refused);
    await expect(store.update("k", large, version)).rejects.toMatchObject(refused);
    await expect(store.rename("k", "l", large, version)).rejects.toMatchObject(refused);
    expect(await store.read("k")).toMatchObject({ payload: "small" });
    await harness.close?.(store);
  });

  describeProcesses(dynamodbProcesses(() => server));
});
