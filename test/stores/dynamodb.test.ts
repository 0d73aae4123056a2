/** The DynamoDB store on Amazon's own local server: the whole suite, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
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
  describeProcesses(dynamodbProcesses(() => server));
});
