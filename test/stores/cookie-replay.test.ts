/** Cookies that are put back, and handles that are none. */

import { describe, expect, test } from "vitest";
import { createSessions, type Session } from "../../src/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { request } from "../support/requests.ts";

const secrets = "s".repeat(40);

function setUp(latestOnly: boolean) {
  const clock = { now: 1_800_000_000_000 };
  const revocations = memoryStore({ now: () => clock.now });
  const store = cookieStore({ secrets, revocations, latestOnly });
  return { clock, revocations, sessions: createSessions({ store, now: () => clock.now, warn() {} }) };
}

describe("with latestOnly", () => {
  const attempt = (session: Session): string => {
    if (session.subject !== "ada" || (session.data.attempts as number) >= 3) return "locked";
    session.update("attempts", (n) => (n as number) + 1);
    return "tried";
  };

  test("three attempts are three, even if the client puts the first cookie back", async () => {
    const { sessions, clock } = setUp(true);
    const first = await request(sessions, undefined, (session) => {
      session.login("ada");
      session.data.attempts = 0;
    });
    let tried = 0;
    for (let i = 0; i < 100; i++) {
      clock.now += i;
      if ((await request(sessions, first.cookie, attempt)).value === "tried") tried += 1;
    }
    expect(tried).toBe(1);
    let { cookie } = first;
    // The honest client, which was sent the second cookie, has two more.
    const again = setUp(true);
    ({ cookie } = await request(again.sessions, undefined, (session) => {
      session.login("ada");
      session.data.attempts = 0;
    }));
    const answers: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      const answer = await request(again.sessions, cookie, attempt);
      answers.push(answer.value);
      cookie = answer.cookie;
    }
    expect(answers).toEqual(["tried", "tried", "tried", "locked", "locked"]);
  });

  test("a value that is taken once is taken once", async () => {
    const { sessions } = setUp(true);
    const { cookie } = await request(sessions, undefined, (session) => {
      session.login("ada");
      session.data.code = "123456";
    });
    const taken: unknown[] = [];
    for (let i = 0; i < 10; i++) taken.push((await request(sessions, cookie, (session) => session.take("code"))).value);
    expect(taken.filter((one) => one !== undefined)).toEqual(["123456"]);
  });

  test("a slow request with the previous cookie saves nothing, and ends no session", async () => {
    const { sessions } = setUp(true);
    const first = await request(sessions, undefined, (session) => session.login("ada"));
    const second = await request(sessions, first.cookie, ({ data }) => {
      data.n = 1;
    });
    const slow = await request(sessions, first.cookie, ({ data }) => {
      data.n = 2;
    });
    expect(slow.setCookie).toBeUndefined();
    expect((await request(sessions, second.cookie, ({ data, subject }) => [data.n, subject])).value).toEqual([
      1,
      "ada",
    ]);
  });

  test("it needs revocations, and is true or false", () => {
    expect(() => cookieStore({ secrets, latestOnly: true })).toThrow("revocations must be a store");
    expect(() => cookieStore({ secrets, latestOnly: 1 as never })).toThrow("latestOnly must be true or false");
  });
});

describe("the revocation record of a subject", () => {
  const size = async ({ revocations }: ReturnType<typeof setUp>): Promise<number> => {
    let octets = 0;
    for await (const { payload } of revocations.list!()) octets += payload.length;
    return octets;
  };

  test("does not grow with texts that are no handles", async () => {
    const scene = setUp(false);
    const mallory = await request(scene.sessions, undefined, (session) => session.login("mallory"));
    const before = await size(scene);
    for (let i = 0; i < 20; i++) {
      expect(await scene.sessions.revoke("mallory", { handle: `h${i}${"x".repeat(99_000)}` })).toBe(0);
    }
    await scene.sessions.revoke("mallory", { except: "y".repeat(99_000) });
    expect((await size(scene)) - before).toBeLessThan(200);
    expect((await request(scene.sessions, mallory.cookie, (session) => session.isNew)).value).toBe(true);
  });

  test("is bounded also with made-up handles: then all sessions of the subject end", async () => {
    const scene = setUp(false);
    const mallory = await request(scene.sessions, undefined, (session) => session.login("mallory"));
    const isOver = (session: Session): boolean => session.isNew;
    for (let i = 0; i < 200; i++) await scene.sessions.revoke("mallory", { handle: `h${String(i).padStart(11, "0")}` });
    expect((await request(scene.sessions, mallory.cookie, isOver)).value).toBe(false);
    await scene.sessions.revoke("mallory", { handle: "one-too-many" });
    expect((await request(scene.sessions, mallory.cookie, isOver)).value).toBe(true);
    expect(await size(scene)).toBeLessThan(200);
    const anew = await request(scene.sessions, undefined, (session) => session.login("mallory"));
    expect((await request(scene.sessions, anew.cookie, isOver)).value).toBe(false);
  });

  test("does not grow when all other devices are logged out repeatedly", async () => {
    const scene = setUp(false);
    const ada = await request(scene.sessions, undefined, (session) => {
      session.login("ada");
      return session.handle;
    });
    for (let i = 0; i < 300; i++) await scene.sessions.revoke("ada", { except: ada.value as string });
    expect(await size(scene)).toBeLessThan(6_000);
  });
});
