/** Flask with Flask-Session and Node over one Redis. */

import { createClient, RESP_TYPES } from "redis";
import { afterAll, beforeAll, describe } from "vitest";
import { flaskRedis, flaskSession } from "../../../src/interop/flask-session.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { flaskVersion, noFlask } from "../../support/flask.ts";
import { noRedis, type RedisServer, redisProgram, redisVersion, startRedis } from "../../support/redis-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../../support/report.ts";
import { type Backend, flaskConformance, secretKey } from "./suite.ts";

const missing = why();
function why(): boolean {
  const absent = noFlask ?? (redisProgram ? undefined : noRedis);
  if (absent !== undefined) return reportMissing("flask: redis", absent);
  reportBackend({
    backend: "flask: redis",
    server: `${flaskVersion}, ${redisVersion}`,
    clients: [clientVersion("redis")],
  });
  return false;
}

describe.skipIf(missing)("Flask-Session and Node over Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  const open = async (prefix = "session:"): Promise<Backend> => {
    const client = await createClient({ url: server.url }).connect();
    const raw = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    return {
      flask: { type: "redis", url: server.url },
      store: redisStore({ client, layout: flaskRedis({ keyPrefix: prefix }) }),
      raw: (id) => raw.get(prefix + id),
      left: async (id) => (await client.pTTL(prefix + id)) / 1000,
      stop: async () => client.destroy(),
    };
  };
  const cookie = { secure: false };
  const common = { lifetime: "1h", subjectKey: "_user_id" } as const;

  flaskConformance("msgpack", { format: "msgpack", options: () => ({ ...flaskSession({ ...common, cookie }) }) }, () =>
    open(),
  );
  flaskConformance(
    "JSON, signed, another prefix, not permanent",
    {
      format: "json",
      signed: true,
      permanent: false,
      config: { SESSION_KEY_PREFIX: "app/" },
      options: () => ({
        ...flaskSession({
          ...common,
          cookie,
          format: "json",
          keyPrefix: "app/",
          signed: { secretKey },
          permanent: false,
        }),
      }),
    },
    () => open("app/"),
  );
});
