/** Flask with Flask-Session and Node over one Redis. */

import { createClient } from "redis";
import { describe } from "vitest";
import { flaskRedis, flaskSession } from "../../../src/interop/flask-session.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { clientVersion } from "../../support/report.ts";
import { flaskIsMissing, redis } from "./backends.ts";
import { type Backend, common, flaskConformance, secretKey } from "./suite.ts";

const missing = flaskIsMissing(redis, [clientVersion("redis")]);

async function open(prefix?: string): Promise<Backend> {
  const backend = await redis.start(prefix);
  const client = await createClient(backend.at).connect();
  return {
    ...backend,
    store: redisStore({ client, layout: flaskRedis({ keyPrefix: prefix }) }),
    async stop() {
      client.destroy();
      await backend.stop();
    },
  };
}

describe.skipIf(missing)("Flask-Session and Node over Redis", () => {
  flaskConformance("msgpack", { format: "msgpack", options: () => flaskSession(common) }, () => open());

  const other = { format: "json", keyPrefix: "app/", signed: { secretKey }, permanent: false } as const;
  flaskConformance(
    "JSON, signed, another prefix, not permanent",
    {
      format: "json",
      signed: true,
      permanent: false,
      config: { SESSION_KEY_PREFIX: "app/" },
      options: () => flaskSession({ ...common, ...other }),
    },
    () => open("app/"),
  );
});
