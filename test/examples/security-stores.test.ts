/** The claims of docs/security.md over stores of several kinds: in memory, files, SQL, Redis, and cookies with and without notes. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, type Session, type Store } from "../../src/index.ts";
import { type CookieStore, cookieStore } from "../../src/stores/cookie.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { sqlStore } from "../../src/stores/sql.ts";
import { type RedisServer, redisProgram, startRedis } from "../support/redis-servers.ts";
import { request } from "../support/requests.ts";

const secrets = "s".repeat(40);
const clock = { now: Date.now() };
const now = (): number => clock.now;
const directory = mkdtempSync(join(tmpdir(), "sojourn-security-"));
const database = new DatabaseSync(":memory:");
let server: RedisServer | undefined;
let client: Redis | undefined;

beforeAll(async () => {
  if (redisProgram === undefined) return;
  server = await startRedis();
  client = new Redis(server.port, server.host);
});
afterAll(async () => {
  client?.disconnect();
  await server?.stop();
  rmSync(directory, { recursive: true });
});

interface Kind {
  readonly open: () => Promise<{ store: Store | CookieStore }>;
  /** A token can be ended before its time. */
  readonly ends: boolean;
}

const over = async (store: Store): Promise<{ store: Store }> => {
  await store.setup?.();
  return { store };
};
const kinds: Record<string, Kind> = {
  memory: { open: () => over(memoryStore({ now })), ends: true },
  file: { open: () => over(fileStore({ directory, now })), ends: true },
  SQLite: { open: () => over(sqlStore({ client: database as never, now })), ends: true },
  ...(redisProgram !== undefined && {
    Redis: { open: () => over(redisStore({ client: () => client as Redis, now })), ends: true },
  }),
  "cookies with revocations": {
    open: async () => ({ store: cookieStore({ secrets, revocations: memoryStore({ now }) }) }),
    ends: true,
  },
  "cookies without revocations": { open: async () => ({ store: cookieStore({ secrets }) }), ends: false },
};

const login = (session: Session): void => session.login("ada");
const isAda = (session: Session): boolean => session.subject === "ada";

for (const [name, { open, ends }] of Object.entries(kinds)) {
  describe(name, () => {
    const begin = async (keyPrefix = "one:") => {
      const options = await open();
      const sessionsAt = (prefix: string) =>
        createSessions<Record<string, unknown>>({ ...options, now, keyPrefix: prefix, warn() {} });
      const sessions = sessionsAt(keyPrefix);
      const isLive = async (cookie: string | undefined, at = sessions): Promise<boolean> =>
        (await request(at, cookie, isAda)).value === true;
      return { sessions, sessionsAt, isLive };
    };

    test("an unknown, forged or ended token is no session", async () => {
      const { sessions, isLive } = await begin();
      const { cookie } = await request(sessions, undefined, login);
      expect(await isLive(cookie)).toBe(true);
      const [key, value = ""] = (cookie as string).split("=");
      expect(await isLive(`${key}=${"A".repeat(43)}`)).toBe(false);
      expect(await isLive(`${key}=${value.slice(0, 10)}${value[10] === "A" ? "B" : "A"}${value.slice(11)}`)).toBe(
        false,
      );
      await request(sessions, cookie, (session) => session.destroy());
      expect(await isLive(cookie)).toBe(!ends);
    });

    test("a login gives a new token and ends the old one", async () => {
      const { sessions, isLive } = await begin();
      const first = await request(sessions, undefined, login);
      const second = await request(sessions, first.cookie, login);
      expect(second.cookie).not.toBe(first.cookie);
      expect([await isLive(second.cookie), await isLive(first.cookie)]).toEqual([true, !ends]);
    });

    test("use does not extend the absolute timeout", async () => {
      const { sessions, isLive } = await begin();
      let { cookie } = await request(sessions, undefined, login);
      const end = clock.now + 24 * 3_600_000;
      for (; clock.now < end - 1_800_000; clock.now += 1_800_000) {
        ({ cookie } = await request(sessions, cookie, ({ data }) => {
          data.at = clock.now;
        }));
      }
      expect(await isLive(cookie)).toBe(true);
      clock.now = end;
      expect(await isLive(cookie)).toBe(false);
    });

    test("a logout ends every copy of the token", async () => {
      const { sessions, isLive } = await begin();
      const { cookie } = await request(sessions, undefined, login);
      const out = await request(sessions, cookie, (session) => session.destroy());
      expect(out.cookie).toBeUndefined();
      expect(await isLive(cookie)).toBe(!ends);
    });

    test("an administrator ends the sessions of one user, or of everybody", async () => {
      const { sessions, sessionsAt, isLive } = await begin();
      const [ada, bob] = [await request(sessions, undefined, login), await request(sessions, undefined, login)];
      if (ends) {
        await sessions.revoke("ada");
        expect([await isLive(ada.cookie), await isLive(bob.cookie)]).toEqual([false, false]);
      } else {
        await expect(sessions.revoke("ada")).rejects.toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
      }
      // Of everybody, those that were ended before too: none of them is live under another prefix.
      const later = await request(sessions, undefined, login);
      const others = sessionsAt("two:");
      for (const { cookie } of [ada, bob, later]) expect(await isLive(cookie, others)).toBe(false);
      const anew = await request(others, undefined, login);
      expect(await isLive(anew.cookie, others)).toBe(true);
    });
  });
}
