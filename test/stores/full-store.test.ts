/** Stores that are full: what ends a session works all the same, and what could not be noted is said. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, type Session, type Sessions, type Store } from "../../src/index.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { type RedisServer, redisProgram, startRedis } from "../support/redis-servers.ts";
import { request } from "../support/requests.ts";

const [mount, unmount] = ["mount", "umount"] as const;

interface FullStore {
  readonly store: Store;
  fill(): Promise<unknown>;
  /** Makes a session's end enough to write again. */
  readonly deletingMakesRoom: boolean;
}

const login = (session: Session): void => session.login("ada");
const isLive = async (sessions: Sessions, cookie: string | undefined): Promise<boolean> =>
  cookie !== undefined && (await request(sessions, cookie, (session) => !session.isNew)).value === true;

function endsSessions(open: () => Promise<FullStore>): void {
  for (const renewAfter of [false, "10m"] as const) {
    test(`a logout ends the session, with renewAfter ${renewAfter}`, async () => {
      const { store, fill } = await open();
      const sessions = createSessions({ name: "full", store, renewAfter, warn() {} });
      const { cookie } = await request(sessions, undefined, login);
      await fill();
      const out = await request(sessions, cookie, (session) => session.destroy());
      expect(out.error).toBeUndefined();
      expect(out.cookie).toBeUndefined();
      expect(await isLive(sessions, cookie)).toBe(false);
      expect(await sessions.list("ada")).toEqual([]);
    });

    test(`revoke ends every session, and reports what it could not write, with renewAfter ${renewAfter}`, async () => {
      const { store, fill, deletingMakesRoom } = await open();
      const sessions = createSessions({ name: "full", store, renewAfter, warn() {} });
      const cookies: (string | undefined)[] = [];
      for (let i = 0; i < 3; i++) cookies.push((await request(sessions, undefined, login)).cookie);
      await fill();
      const answer: unknown = await sessions.revoke("ada").catch((error) => error);
      if (deletingMakesRoom) expect(answer).toBe(3);
      else {
        expect(answer).toMatchObject({ status: 503 });
        expect(String(answer)).toContain("3 sessions were ended");
        expect(String(answer)).toContain("Revoke again");
      }
      for (const cookie of cookies) expect(await isLive(sessions, cookie)).toBe(false);
      expect(await sessions.list("ada")).toEqual([]);
    });

    test(`ending one session by its handle works, with renewAfter ${renewAfter}`, async () => {
      const { store, fill } = await open();
      const sessions = createSessions({ name: "full", store, renewAfter, warn() {} });
      const [one, other] = [await request(sessions, undefined, login), await request(sessions, undefined, login)];
      const { value } = await request(sessions, one.cookie, (session) => session.handle);
      await fill();
      expect(await sessions.revoke("ada", { handle: value as string })).toBe(1);
      expect([await isLive(sessions, one.cookie), await isLive(sessions, other.cookie)]).toEqual([false, true]);
    });
  }
}

describe.skipIf(redisProgram === undefined)("Redis with maxmemory and noeviction", () => {
  let server: RedisServer;
  const clients: Redis[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server?.stop();
  });

  endsSessions(async () => {
    await server.ask("CONFIG", "SET", "maxmemory", "0");
    await server.ask("FLUSHALL");
    const client = new Redis(server.port, server.host);
    clients.push(client);
    return {
      store: redisStore({ client }),
      fill: () => server.ask("CONFIG", "SET", "maxmemory", "1kb"),
      deletingMakesRoom: false,
    };
  });
});

/** A small file system of its own, which only root can make. */
function mountSmall(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-full-"));
  try {
    execFileSync(mount, ["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", directory], {
      stdio: "ignore",
      timeout: 10_000,
    });
    return directory;
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
}

const small = mountSmall();
describe.skipIf(small === undefined)("files on a full disk", () => {
  const root = small as string;
  afterAll(() => {
    execFileSync(unmount, [root], { timeout: 10_000 });
    rmSync(root, { recursive: true });
  });
  let count = 0;
  const filling = (): string => join(root, `fill${count++}`);

  endsSessions(async () => {
    for (; count > 0; count--) rmSync(join(root, `fill${count - 1}`), { force: true });
    rmSync(join(root, "s"), { recursive: true, force: true });
    return {
      store: fileStore({ directory: join(root, "s") }),
      async fill() {
        try {
          while (count < 200) writeFileSync(filling(), Buffer.alloc(4096));
          throw new Error("the file system took more than its size");
        } catch (error) {
          expect(error).toMatchObject({ code: "ENOSPC" });
        }
      },
      deletingMakesRoom: true,
    };
  });
});

describe("memory with maxRecords", () => {
  endsSessions(async () => {
    const store = memoryStore({ maxRecords: 10 });
    return {
      store,
      async fill() {
        const record = { payload: "x", expiresAt: Date.now() + 60_000 };
        for (let i = 0; i < 10; i++) await store.create(`fill${i}`, record).catch(() => {});
      },
      deletingMakesRoom: true,
    };
  });
});
