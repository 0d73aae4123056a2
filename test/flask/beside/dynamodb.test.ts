/** Flask with Flask-Session and Node over one table of DynamoDB. */

import { describe } from "vitest";
import { flaskDynamodb, flaskSession } from "../../../src/flask.ts";
import { dynamodbStore } from "../../../src/stores/dynamodb.ts";
import { clientAt } from "../../support/dynamodb-harness.ts";
import { clientVersion } from "../../support/report.ts";
import { dynamodb, flaskIsMissing } from "./backends.ts";
import { common, flaskConformance } from "./suite.ts";

const missing = flaskIsMissing(dynamodb, [clientVersion("@aws-sdk/client-dynamodb")]);

describe.skipIf(missing)("Flask-Session and Node over DynamoDB", () => {
  flaskConformance("msgpack", { format: "msgpack", options: () => flaskSession(common) }, async () => {
    const backend = await dynamodb.start();
    const client = clientAt(backend.at.endpoint);
    const store = dynamodbStore({ client, layout: flaskDynamodb() });
    await store.setup!();
    return {
      ...backend,
      store,
      async stop() {
        client.destroy();
        await backend.stop();
      },
    };
  });
});
