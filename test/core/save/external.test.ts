/** Logouts from an identity provider: which sessions end, also those whose login is under way, and when the store fails. */

import { describe, expect, test } from "vitest";
import { isSessionError } from "../../../src/core/contracts/errors.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import { createSessions, type ExternalLogin, type SessionOptions } from "../../../src/index.ts";
import { cachedStore } from "../../../src/stores/cached.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { nullStore } from "../../../src/stores/null.ts";
import { explore } from "../../../src/testing/explore.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

const issuer = "https://id.example";
const secrets = "a secret of at least 32 characters";
const login =
  (external: ExternalLogin | undefined, subject = "ada") =>
  (session: Session): void =>
    session.login(subject, external && { external });
const subject = (session: Session): string | undefined => session.subject;

function begin(store: SessionOptions["store"], options: Partial<SessionOptions> = {}) {
  return createSessions({ store, warn: false, wait: () => Promise.resolve(), ...options });
}

const kinds: Record<string, (inner: Store) => SessionOptions["store"]> = {
  "a store": (inner) => inner,
  "a store behind a cache": (inner) => cachedStore(inner, { staleness: "1m" }),
  "cookies with revocations": (revocations) => cookieStore({ secrets, revocations }),
};

for (const [kind, storeOver] of Object.entries(kinds)) {
  describe(`sessions in ${kind}`, () => {
    test("sid ends the session that logged in with it, and no other", async () => {
      const inner = memoryStore();
      const [here, there] = [begin(storeOver(inner)), begin(storeOver(inner))];
      const one = await request(here, undefined, login({ issuer, sid: "s1" }));
      const two = await request(here, undefined, login({ issuer, sid: "s2" }));
      const local = await request(here, undefined, login(undefined));
      const other = await request(here, undefined, login({ issuer: "https://other.example", sid: "s1" }, "bob"));
      await there.revokeExternal({ issuer, sid: "s1" });
      const live = [one, two, local, other].map(async ({ cookie }) => (await request(here, cookie, subject)).value);
      expect(await Promise.all(live)).toEqual([undefined, "ada", "ada", "bob"]);
    });

    test("subject ends all sessions of the provider's user, whatever the user's name here", async () => {
      const sessions = begin(storeOver(memoryStore()));
      const theirs = { issuer, subject: "sub-1" };
      const one = await request(sessions, undefined, login({ ...theirs, sid: "s1" }));
      const two = await request(sessions, undefined, login(theirs));
      const local = await request(sessions, undefined, login(undefined));
      await sessions.revokeExternal({ issuer, subject: "ada" });
      expect((await request(sessions, two.cookie, subject)).value).toBe("ada");
      await sessions.revokeExternal({ issuer, subject: "sub-1" });
      const live = [one, two, local].map(async ({ cookie }) => (await request(sessions, cookie, subject)).value);
      expect(await Promise.all(live)).toEqual([undefined, undefined, "ada"]);
    });

    test("a session whose id changed since ends as well; repeating the call ends none", async () => {
      const sessions = begin(storeOver(memoryStore()));
      const { cookie } = await request(sessions, undefined, login({ issuer, sid: "s1" }));
      const moved = await request(sessions, cookie, (session) => session.regenerate());
      const ended = await sessions.revokeExternal({ issuer, sid: "s1" });
      expect(ended).toBe(kind.startsWith("cookies") ? 0 : 1);
      expect(await sessions.revokeExternal({ issuer, sid: "s1" })).toBe(0);
      expect((await request(sessions, moved.cookie, subject)).value).toBeUndefined();
    });
  });
}

describe("a login in flight", () => {
  test("ends when the provider logs it out during it, in random orders", async () => {
    await explore(
      async (gate) => {
        const inner = memoryStore();
        const store = gate.store(inner);
        const called: string[] = [];
        let cookie: string | undefined;
        return {
          tasks: [
            async () => {
              const answer = await request(begin(store), undefined, (session) => {
                called.push("login");
                login({ issuer, sid: "s1" })(session);
              });
              if (answer.error) throw answer.error;
              cookie = answer.setCookie && answer.cookie;
            },
            async () => {
              await gate.point("the provider asks");
              called.push("logout");
              await begin(store).revokeExternal({ issuer, sid: "s1" });
            },
          ],
          async check() {
            expect(called).toEqual(["login", "logout"]);
            if (cookie) expect((await request(begin(inner), cookie, subject)).value).toBeUndefined();
            expect(await begin(inner).list("ada")).toEqual([]);
          },
        };
      },
      { sample: 600 },
    );
  });

  test("beside another with the same sid: both are linked", async () => {
    await explore(
      async (gate) => {
        const inner = memoryStore();
        const store = gate.store(inner);
        const enter = async (): Promise<void> => {
          const { error } = await request(begin(store), undefined, login({ issuer, sid: "s1" }));
          if (error) throw error;
        };
        return {
          tasks: [enter, enter],
          async check() {
            expect(await begin(inner).revokeExternal({ issuer, sid: "s1" })).toBe(2);
          },
        };
      },
      { sample: 300 },
    );
  });
});

describe("a store that fails", () => {
  test("at any call of a login: a 503 and no session, or a session that the provider can log out", async () => {
    for (let at = 0, calls = 1; at < calls; at++) {
      for (const kind of ["throw-before", "throw-after", "hang-before", "hang-after"] as const) {
        let seen = 0;
        const store = faultyStore(memoryStore(), () => (seen++ === at ? kind : "pass"));
        const sessions = begin(store, { storeTimeout: "5ms" });
        const answer = await request(sessions, undefined, login({ issuer, sid: "s1" }));
        calls = Math.max(calls, seen);
        seen = 1000;
        if (answer.error) expect(isSessionError(answer.error) && answer.error.status).toBe(503);
        if (answer.error) expect(answer.setCookie).toBeUndefined();
        await sessions.revokeExternal({ issuer, sid: "s1" });
        if (answer.cookie) expect((await request(sessions, answer.cookie, subject)).value).toBeUndefined();
      }
    }
  });

  test("at any call of a logout: a 503, and the next attempt ends what is left", async () => {
    for (let at = 0, calls = 1; at < calls; at++) {
      let fault: Fault = "pass";
      let seen = 0;
      const store = faultyStore(memoryStore(), () => (seen++ === at ? fault : "pass"));
      const sessions = begin(store);
      const { cookie } = await request(sessions, undefined, login({ issuer, sid: "s1" }));
      [fault, seen] = ["throw-after", 0];
      const failed = await sessions.revokeExternal({ issuer, sid: "s1" }).catch((error) => error);
      calls = Math.max(calls, seen);
      fault = "pass";
      if (typeof failed !== "number") expect(isSessionError(failed) && failed.status, `call ${at}`).toBe(503);
      await sessions.revokeExternal({ issuer, sid: "s1" });
      expect((await request(sessions, cookie, subject)).value, `call ${at}`).toBeUndefined();
    }
  });
});

describe("cost and wrong calls", () => {
  test("a login without external makes no extra call, and neither does a request", async () => {
    const store = countedStore(memoryStore());
    const sessions = begin(store);
    const { cookie } = await request(sessions, undefined, login(undefined));
    expect(store.calls).toEqual({ read: 2, create: 1 });
    const linked = await request(sessions, undefined, login({ issuer, sid: "s1" }));
    store.reset();
    await request(sessions, cookie, subject);
    await request(sessions, linked.cookie, subject);
    expect(store.calls).toEqual({ read: 2 });
  });

  test("links contain neither issuer nor sid, and expire with the session", async () => {
    let now = 1_800_000_000_000;
    const inner = memoryStore({ now: () => now });
    const sessions = begin(inner, { now: () => now });
    await request(sessions, undefined, login({ issuer, sid: "very-secret-sid", subject: "their-sub" }));
    const rows: string[] = [];
    for await (const row of inner.list?.() ?? []) rows.push(`${row.key} ${row.payload}`);
    expect(rows).toHaveLength(3);
    expect(rows.join("\n")).not.toMatch(/id\.example|very-secret-sid|their-sub/);
    now += 25 * 3_600_000;
    const left: string[] = [];
    for await (const row of inner.list?.() ?? []) left.push(row.key);
    expect(left).toEqual([]);
  });

  test.each([
    [{}, "issuer of"],
    [{ issuer: "" }, "issuer of"],
    [{ issuer, sid: 1 }, "sid of"],
    [{ issuer, sub: "x" }, 'there is no option "sub"'],
    [null, "an object of options"],
  ])("%j is refused", async (external, message) => {
    const sessions = begin(memoryStore());
    const { error } = await request(sessions, undefined, (session) => session.login("ada", { external } as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
    await expect(sessions.revokeExternal(external as never)).rejects.toThrow(TypeError);
  });

  test("a revocation that names no session is refused, and a store that cannot end one says so", async () => {
    await expect(begin(memoryStore()).revokeExternal({ issuer })).rejects.toThrow("needs sid or subject");
    for (const store of [nullStore(), cookieStore({ secrets })]) {
      const sessions = begin(store);
      await expect(sessions.revokeExternal({ issuer, sid: "s" })).rejects.toMatchObject({
        code: "ERR_SESSION_NOT_SUPPORTED",
      });
      const { error } = await request(sessions, undefined, login({ issuer, sid: "s" }));
      expect(error).toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
    }
  });
});
