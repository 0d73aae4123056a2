/** Flask-Session-Plus's sessions in Redis and Memcached: TaggedJSON under the prefix without a colon, ids that are UUIDs. */

import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../../src/core/contracts/store.ts";
import { flaskMemcached, flaskRedis, flaskSession, taggedJsonFormat } from "../../../src/flask.ts";
import { createSessions } from "../../../src/index.ts";
import { memcachedClient } from "../../../src/stores/memcached/client.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { memcachedProgram, memcachedVersion, noMemcached, startMemcached } from "../../support/memcached-servers.ts";
import { noRedis, redisProgram, redisVersion, startRedis } from "../../support/redis-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../../support/report.ts";
import { request } from "../../support/requests.ts";

/** A store, and a look at it by a client of its own. */
interface Place {
  readonly store: Store;
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<string | null>;
  stop(): Promise<void>;
}

const places = {
  redis: async (): Promise<Place> => {
    const server = await startRedis();
    const client = await createClient({ url: server.url }).connect();
    return {
      store: redisStore({ client, layout: flaskRedis({ keyPrefix: "session" }) }),
      set: (key, value) => client.set(key, value, { EX: 3600 }),
      get: (key) => client.get(key),
      async stop() {
        client.destroy();
        await server.stop();
      },
    };
  },
  memcached: async (): Promise<Place> => {
    const server = await startMemcached();
    const client = memcachedClient({ server: server.address });
    return {
      store: memcachedStore({ client, layout: flaskMemcached() }),
      // As python-memcached writes text.
      set: (key, value) => client.set(key, value, { lifetime: 3600, flags: 16 }),
      get: async (key) => {
        const item = await client.item(key);
        return item ? new TextDecoder().decode(item.value) : null;
      },
      async stop() {
        client.close();
        await server.stop();
      },
    };
  },
} as const;

if (redisProgram)
  reportBackend({ backend: "redis", server: redisVersion, clients: [clientVersion("redis")], within: "in redis" });
if (memcachedProgram) {
  const clients = ["sojourn/stores/memcached/client"];
  reportBackend({ backend: "memcached", server: memcachedVersion, clients, within: "in memcached" });
}
const missing = {
  redis: !redisProgram && reportMissing("redis", noRedis),
  memcached: !memcachedProgram && reportMissing("memcached", noMemcached),
};

const id = "0f0e0d0c-0b0a-4908-8706-050403020100";
const text = '{"_permanent":false,"t":{" t":[1,2]},"user_id":5}';

for (const name of ["redis", "memcached"] as const) {
  describe.skipIf(missing[name])(`in ${name}`, () => {
    let place: Place;
    beforeAll(async () => {
      place = await places[name]();
    });
    afterAll(() => place?.stop());

    const sessions = () =>
      createSessions<Record<string, unknown>>({
        ...flaskSession({ keyPrefix: "session", ids: "uuid", lifetime: "1d", permanent: false }),
        format: taggedJsonFormat(),
        store: place.store,
        storeTimeout: "30s",
      });

    test("a session is read, changed and ended; unchanged values keep their bytes", async () => {
      await place.set(`session${id}`, text);
      const { value } = await request(sessions(), `session=${id}`, (session) => {
        const found = { ...session.data, persistent: session.persistent };
        session.data.user_id = 6;
        return found;
      });
      expect(value).toEqual({ t: [1, 2], user_id: 5, persistent: false });
      expect(await place.get(`session${id}`)).toBe('{"_permanent":false,"t":{" t":[1,2]},"user_id":6}');
      await request(sessions(), `session=${id}`, (session) => session.destroy());
      expect(await place.get(`session${id}`)).toBeNull();
    });

    test("a change it writes during a request is kept", async () => {
      await place.set(`session${id}`, text);
      await request(sessions(), `session=${id}`, async ({ data }) => {
        const { user_id } = data;
        await place.set(`session${id}`, text.replace("5", "7"));
        data.seen = user_id;
      });
      expect(await place.get(`session${id}`)).toBe('{"_permanent":false,"seen":5,"t":{" t":[1,2]},"user_id":7}');
    });

    test("a new session is in its form: a UUID, its encoding, and a lifetime of one day", async () => {
      const { cookie } = await request(sessions(), undefined, ({ data }) => Object.assign(data, { k: "é" }));
      const made = cookie!.slice("session=".length);
      expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      expect(await place.get(`session${made}`)).toBe('{"k":"\\u00e9"}');
      const left = (await place.store.read(`session${made}`))!.expiresAt - Date.now();
      expect(Math.abs(left - 86_400_000)).toBeLessThan(60_000);
    });
  });
}
