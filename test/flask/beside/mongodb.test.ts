/** Flask with Flask-Session and Node over one collection of MongoDB. */

import { MongoClient } from "mongodb";
import { describe } from "vitest";
import { flaskMongodb, flaskSession } from "../../../src/flask.ts";
import { mongodbStore } from "../../../src/stores/mongodb.ts";
import { clientVersion } from "../../support/report.ts";
import { flaskIsMissing, mongodb } from "./backends.ts";
import { common, flaskConformance } from "./suite.ts";

describe.skipIf(flaskIsMissing(mongodb, [clientVersion("mongodb")]))("Flask-Session and Node over MongoDB", () => {
  flaskConformance("msgpack", { format: "msgpack", options: () => flaskSession(common) }, async () => {
    const backend = await mongodb.start();
    const client = new MongoClient(backend.at.url);
    const store = mongodbStore({
      collection: client.db("flask_session").collection("sessions"),
      layout: flaskMongodb(),
    });
    await store.setup();
    return {
      ...backend,
      store,
      async stop() {
        await client.close();
        await backend.stop();
      },
    };
  });
});
