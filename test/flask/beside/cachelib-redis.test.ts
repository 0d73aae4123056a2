/** Flask with Flask-Session's type cachelib over a RedisCache, and Node over the same Redis: a mark, and a pickle behind it. */

import { createClient } from "redis";
import { describe } from "vitest";
import { flaskRedis, flaskSession } from "../../../src/flask.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { clientVersion } from "../../support/report.ts";
import { flaskIsMissing, redis } from "./backends.ts";
import { common, flaskConformance } from "./suite.ts";

const missing = flaskIsMissing(redis, [clientVersion("redis")]);

describe.skipIf(missing)("Flask-Session over cachelib's RedisCache, and Node", () => {
  const options = () => flaskSession({ ...common, format: "pickle" });
  flaskConformance("SESSION_TYPE cachelib", { format: "pickle", options }, async () => {
    const backend = await redis.start();
    const client = await createClient(backend.at).connect();
    const { hostname, port } = new URL(backend.at.url);
    return {
      ...backend,
      flask: { type: "cachelib", cache: "redis", options: { host: hostname, port: Number(port) } },
      store: redisStore({ client, layout: { ...flaskRedis(), mark: "!" } }),
      async stop() {
        client.destroy();
        await backend.stop();
      },
    };
  });
});
