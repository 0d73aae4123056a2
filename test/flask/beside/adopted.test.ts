/** Sessions of the real Flask become ours for good: from its own cookie, and from the records of Flask-Session. */

import { createClient } from "redis";
import { describe, expect, test } from "vitest";
import { adoptFlask } from "../../../src/adopt/flask.ts";
import { adopter } from "../../../src/adopt.ts";
import { flaskFormat, flaskIds, flaskRedis } from "../../../src/flask.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { adopting, seen, visit } from "../../adopt/visits.ts";
import { type FlaskServer, flaskVersion, Jar, noFlask, startFlask } from "../../support/flask.ts";
import { noRedis, redisProgram, startRedis } from "../../support/redis-servers.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";

const missing = noFlask ?? (redisProgram ? undefined : noRedis);
if (missing === undefined) reportBackend({ backend: "adopted from Flask", server: flaskVersion });
else reportMissing("adopted from Flask", missing);

/** A session of Flask with a cart, and somebody logged in. */
async function begin(flask: FlaskServer): Promise<string> {
  const jar = new Jar();
  await flask.do(jar, ["set", "'cart'", "['pen', 'ink']"], ["set", "'_user_id'", "'ada'"]);
  return jar.header as string;
}

describe.skipIf(missing !== undefined)("moving from Flask for good", { timeout: 60_000 }, () => {
  test("Flask's own cookie is adopted once; a changed one, or one signed with another key, is not", async () => {
    const flask = await startFlask({ backend: { type: "cookie" }, config: { SECRET_KEY: "the key of Flask" } });
    try {
      const cookie = await begin(flask);
      const of = (secretKey: string) => adoptFlask({ secretKey, subjectKey: "_user_id" });
      const { sessions, clock } = adopting({ adopt: [of("the key of Flask")], cookie: { name: "shop" } });
      const first = await visit(sessions, cookie, seen);
      expect(first.value).toMatchObject({ data: { cart: ["pen", "ink"] }, subject: "ada" });
      expect(first.cookie).toMatch(/^__Host-shop=[\w-]{43}$/);
      expect(await sessions.list("ada")).toHaveLength(1);
      await visit(sessions, first.cookie, (session) => session.destroy());
      clock.now += 20 * 86_400_000;
      expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
      for (const [key, header] of [
        ["another key", cookie],
        ["the key of Flask", cookie.replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
        ["the key of Flask", cookie.replace("session=e", "session=f")],
      ] as const) {
        const other = adopting({ adopt: [of(key)], cookie: { name: "shop" } });
        expect((await visit(other.sessions, header, seen)).value.subject).toBeUndefined();
      }
    } finally {
      await flask.stop();
    }
  });

  test("a record of Flask-Session is adopted once and removed, with the adopter of the guide", async () => {
    const redis = await startRedis();
    const client = createClient({ url: redis.url });
    await client.connect();
    const flask = await startFlask({ backend: { type: "redis", url: redis.url } });
    try {
      const cookie = await begin(flask);
      const old = redisStore({ client, layout: flaskRedis() });
      const format = flaskFormat({ subjectKey: "_user_id" });
      const ids = flaskIds();
      const guide = adopter({
        name: "Flask-Session",
        cookie: { name: "session" },
        read(cookies) {
          const id = cookies("session");
          if (id === undefined || !ids.accepts(id)) return null;
          return {
            credential: id,
            async open() {
              const key = await ids.keyOf(id);
              const record = await old.read(key);
              if (!record) return null;
              const { data, meta } = format.decode(record.payload);
              return { data, subject: meta.subject, expiresAt: record.expiresAt };
            },
            end: async () => old.delete(await ids.keyOf(id)),
          };
        },
      });
      const { sessions } = adopting({ adopt: [guide], cookie: { name: "shop" } });
      expect(await redis.ask("KEYS", "session:*")).toHaveLength(1);
      const first = await visit(sessions, cookie, seen);
      expect(first.value).toMatchObject({ data: { cart: ["pen", "ink"] }, subject: "ada" });
      expect(await redis.ask("KEYS", "session:*")).toEqual([]);
      expect((await visit(sessions, first.cookie, seen)).value.subject).toBe("ada");
    } finally {
      await flask.stop();
      client.destroy();
      await redis.stop();
    }
  });
});
