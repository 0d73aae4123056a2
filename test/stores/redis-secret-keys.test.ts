/** Real Redis clients that fail over keys that are ids: what they say of it, commands and all, is not passed on. */

import { inspect } from "node:util";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flaskSession } from "../../src/flask.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { request } from "../support/requests.ts";

const missing = redisIsMissing("redis", ["redis", "ioredis"]);
const id = "SECRETSECRETSECRETSECRETSECRETSECRETSECRET1";

let server: RedisServer;
beforeAll(async () => {
  if (!missing) server = await startRedis();
});
afterAll(() => server?.stop());

describe.skipIf(missing)("a command that the server refuses", () => {
  test.each<[string, () => Promise<{ client: RedisClient; close: () => void }>]>([
    [
      "ioredis",
      async () => {
        const client = new Redis(server.port, server.host);
        return { client, close: () => client.disconnect() };
      },
    ],
    [
      "node-redis",
      async () => {
        const client = await createClient({ url: server.url }).connect();
        return { client, close: () => client.destroy() };
      },
    ],
  ])("over %s is a 503 in which the id shows nowhere", async (_, connect) => {
    const { client, close } = await connect();
    try {
      await server.ask("ACL", "SETUSER", "default", "-get");
      const store = redisStore({ client, prefix: "" });
      const raw = await store.read(`session:${id}`).catch((error: unknown) => error);
      const sessions = new Sessions({ ...flaskSession({ cookie: { secure: false } }), store, storeTimeout: "30s" });
      const said: unknown[] = [];
      sessions.on((event) => said.push(event));
      const { error } = await request(sessions, `session=${id}`, ({ data }) => data);
      expect(error).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 });
      expect((error as Error).cause).toMatchObject({ message: expect.stringContaining("NOPERM") });
      said.push(error, (error as Error).cause, (error as Error).stack);
      const shown = inspect(said, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null });
      expect(shown).not.toContain("SECRET");
      expect(shown).toContain("store_unavailable");
      // What ioredis itself says holds the command, and with it the id.
      if (client instanceof Redis) expect(inspect(raw, { depth: 20, showHidden: true })).toContain("SECRET");
    } finally {
      await server.ask("ACL", "SETUSER", "default", "+get");
      close();
    }
  });
});
