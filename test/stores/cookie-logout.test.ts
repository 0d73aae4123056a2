/** A logout of a session in a cookie ends what the session has become, in every order of the two requests. */

import { describe, expect, test } from "vitest";
import { createSessions, type Session, type SessionOptions } from "../../src/index.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { request } from "../support/requests.ts";

const secrets = "s".repeat(40);

function setUp(options: Partial<SessionOptions> = {}, latestOnly = false) {
  const clock = { now: 1_800_000_000_000 };
  const revocations = memoryStore({ now: () => clock.now });
  const store = cookieStore({ secrets, revocations, latestOnly });
  return { clock, sessions: createSessions({ ...options, store, now: () => clock.now, warn() {} }) };
}

const verbs: Record<string, (session: Session) => unknown> = {
  regenerate: (session) => session.regenerate(),
  "a login of the same user": (session) => session.login("ada"),
  "a login of another user": (session) => session.login("bob"),
  "two logins of others": async (session) => {
    session.login("bob");
    await session.save();
    session.login("carol");
  },
};
const who = ({ subject }: Session): string | undefined => subject;
const logout = (session: Session): void => session.destroy();

describe.each(Object.entries(verbs))("a logout beside %s", (_, verb) => {
  const begin = async (scene = setUp()) => {
    const first = await request(scene.sessions, undefined, (session) => session.login("ada"));
    return { ...scene, first };
  };

  test("loaded before and saved after it: both cookies are refused", async () => {
    const { sessions, first } = await begin();
    let moved: string | undefined;
    const answer = await request(sessions, first.cookie, async (session) => {
      moved = (await request(sessions, first.cookie, verb)).cookie;
      session.destroy();
    });
    expect(answer.error).toBeUndefined();
    expect(moved).not.toBe(first.cookie);
    expect((await request(sessions, moved, who)).value).toBeUndefined();
    expect((await request(sessions, first.cookie, who)).value).toBeUndefined();
  });

  test("saved before it: the logout is refused, and no cookie is valid", async () => {
    const { sessions, first } = await begin();
    const answer = await request(sessions, first.cookie, async (session) => {
      await verb(session);
      await request(sessions, first.cookie, logout);
    });
    expect((await request(sessions, answer.cookie, who)).value).toBeUndefined();
  });

  test("begun after it with the old cookie: the new one is refused, and the client's is removed", async () => {
    const { sessions, first, clock } = await begin();
    const moved = await request(sessions, first.cookie, verb);
    clock.now += 299_000;
    const answer = await request(sessions, first.cookie, logout);
    expect(answer.error).toBeUndefined();
    expect(answer.cookie).toBeUndefined();
    expect((await request(sessions, moved.cookie, who)).value).toBeUndefined();
  });

  test("begun after two of them with the first cookie: the newest one is refused", async () => {
    const { sessions, first } = await begin();
    const second = await request(sessions, first.cookie, verb);
    const third = await request(sessions, second.cookie, verb);
    expect((await request(sessions, third.cookie, who)).value).toBeDefined();
    await request(sessions, first.cookie, logout);
    expect((await request(sessions, third.cookie, who)).value).toBeUndefined();
  });

  test("with a schema that rejects empty data", async () => {
    const validate = (value: unknown) =>
      Object.keys(value as object).length > 0 ? { value: value as object } : { issues: [{ message: "empty" }] };
    const schema = { "~standard": { version: 1 as const, vendor: "test", validate } };
    const { sessions } = setUp({ schema } as never);
    const put = (session: Session): void => {
      session.data.n = 1;
    };
    const first = await request(sessions, undefined, (session) => {
      session.login("ada");
      put(session);
    });
    const moved = await request(sessions, first.cookie, async (session) => {
      await verb(session);
      put(session);
    });
    expect((await request(sessions, moved.cookie, who)).value).toBeDefined();
    await request(sessions, first.cookie, logout);
    expect((await request(sessions, moved.cookie, who)).value).toBeUndefined();
  });
});

test("with latestOnly, a logout with the previous cookie ends the session", async () => {
  const { sessions } = setUp({}, true);
  const first = await request(sessions, undefined, (session) => session.login("ada"));
  const second = await request(sessions, first.cookie, ({ data }) => {
    data.n = 1;
  });
  await request(sessions, first.cookie, logout);
  expect((await request(sessions, second.cookie, who)).value).toBeUndefined();
});

test("a cookie replaced by regenerate begins no session for 5 minutes, and then a new one", async () => {
  const { sessions, clock } = setUp();
  const first = await request(sessions, undefined, (session) => session.login("ada"));
  const moved = await request(sessions, first.cookie, (session) => session.regenerate());
  const put = ({ data }: Session): void => {
    data.n = 1;
  };
  clock.now += 299_000;
  expect((await request(sessions, first.cookie, put)).setCookie).toBeUndefined();
  clock.now += 2_000;
  expect((await request(sessions, first.cookie, put)).setCookie).toBeDefined();
  expect((await request(sessions, moved.cookie, who)).value).toBe("ada");
});
