/** The Redis store behind Sentinels: the suite, and what happens when the master is killed. */

import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis.ts";
import { clientPackages } from "../support/redis-clients.ts";
import { redisHarness, redisIsMissing } from "../support/redis-harness.ts";
import { type RedisSentinels, startSentinel } from "../support/redis-servers.ts";
import { describeStore } from "../support/store-tests.ts";

const tested = ["redis", "redis5", "ioredis"];
const missing = redisIsMissing("redis sentinel", tested);

describe.skipIf(missing)("Redis behind Sentinels", () => {
  let sentinels: RedisSentinels;
  beforeAll(async () => {
    sentinels = await startSentinel();
  });
  afterAll(() => sentinels?.stop());

  const sample = new Redis({ lazyConnect: true });
  describeStore(redisHarness("ioredis 6", sample, () => clientPackages.ioredis!.sentinel!(sentinels)));
});

describe.skipIf(missing)("Redis behind Sentinels, after its master is killed", () => {
  test.concurrent.each(tested)(
    "writes through %s continue within ten seconds, with the earlier sessions",
    async (name) => {
      const sentinels = await startSentinel();
      const { client, close } = await clientPackages[name]!.sentinel!(sentinels);
      try {
        const store = redisStore({ client });
        const expiresAt = Date.now() + 600_000;
        const version = await store.create("before", { payload: "one", expiresAt, subject: "ada" });
        const old = await sentinels.master();
        await old.ask("WAIT", "1", "2000");
        await old.kill();
        const killed = Date.now();

        let written: unknown = null;
        while (written === null && Date.now() - killed < 10_000) {
          // A try that fails or hangs is what the application's users get a 503 for; the next request tries again.
          const tried = store.update("before", { payload: "two", expiresAt, subject: "ada" }, version!);
          const late = new Promise<null>((resolve) => setTimeout(resolve, 1000, null));
          written = await Promise.race([tried, late]).catch(() => null);
          if ((await Promise.race([store.read("before"), late]).catch(() => null))?.payload === "two") written ??= true;
        }

        expect(written, "an update within ten seconds").not.toBeNull();
        expect(await sentinels.master()).not.toBe(old);
        expect((await store.read("before"))?.payload).toBe("two");
        expect(await store.create("after", { payload: "new", expiresAt })).not.toBeNull();
      } finally {
        await close();
        await sentinels.stop();
      }
    },
  );
});
