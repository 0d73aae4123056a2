/** Revoking: which sessions end, whatever moves, begins or cannot be decoded meanwhile. */

import { describe, expect, test } from "vitest";
import { SessionError } from "../../../src/core/contracts/errors.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { ListedRecord, Store } from "../../../src/core/contracts/store.ts";
import { encrypted } from "../../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { createSessions, type SessionEvent } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

const login = (session: Session): string => {
  session.login("ada");
  return session.handle;
};
const isLive = (session: Session): boolean => !session.isNew;

describe("options of revoke", () => {
  const wrong: [string, unknown][] = [
    ["a handle that is undefined", { handle: undefined }],
    ["an exception that is undefined", { except: undefined }],
    ["a handle that is empty", { handle: "" }],
    ["a handle that is null", { handle: null }],
    ["a handle that is a list", { handle: ["h"] }],
    ["a key that does not exist", { exept: "h" }],
    ["null", null],
    ["a handle in place of the options", "h"],
  ];
  test.each(wrong)("%s is an error, and no session ends", async (_, options) => {
    const sessions = createSessions({ store: memoryStore() });
    const { cookie } = await request(sessions, undefined, login);
    await expect(sessions.revoke("ada", options as never)).rejects.toThrow(TypeError);
    expect((await request(sessions, cookie, isLive)).value).toBe(true);
  });

  test("the error suggests the key that was meant", async () => {
    const sessions = createSessions({ store: memoryStore() });
    await expect(sessions.revoke("ada", { exept: "h" } as never)).rejects.toThrow('did you mean "except"');
    await expect(sessions.revoke("ada", { handle: undefined } as never)).rejects.toThrow(
      "handle of revoke() must be the handle of a session; leave the key out to end all sessions; received undefined",
    );
  });
});

/** A store that does something between the rows of a listing by subject, and after it. */
function listingStore(inner: Store, hooks: { row?: () => Promise<unknown>; end?: () => Promise<unknown> }): Store {
  return {
    ...inner,
    async *listBySubject(subject) {
      for await (const row of inner.listBySubject!(subject)) {
        await hooks.row?.();
        yield row;
      }
      await hooks.end?.();
    },
  };
}

describe("revoking during requests", () => {
  test("a session that renews its id between the listing and its removal is ended", async () => {
    let now = 1_800_000_000_000;
    const inner = memoryStore({ now: () => now });
    const options = { now: () => now, renewAfter: "10m", idleTimeout: "10h" } as const;
    const users = createSessions({ ...options, store: inner });
    const { cookie } = await request(users, undefined, login);
    now += 660_000;
    let renewed: string | undefined;
    const end = async (): Promise<void> => {
      if (renewed === undefined) renewed = (await request(users, cookie, isLive)).cookie;
    };
    const admin = createSessions({ ...options, store: listingStore(inner, { end }) });
    expect(await admin.revoke("ada")).toBe(1);
    expect(renewed).not.toBe(cookie);
    expect((await request(users, renewed, isLive)).value).toBe(false);
    expect((await request(users, cookie, isLive)).value).toBe(false);
  });

  test("a revocation finishes while logins keep coming, and ends none that began after it", async () => {
    const inner = memoryStore();
    const users = createSessions({ store: inner });
    const before = await Promise.all(Array.from({ length: 5 }, () => request(users, undefined, login)));
    const after: (string | undefined)[] = [];
    // With every row that is listed two more users log in: whoever waits for the end of the list waits for ever.
    const row = async (): Promise<void> => {
      if (after.length > 2_000) throw new Error("the revocation does not end");
      for (let i = 0; i < 2; i++) after.push((await request(users, undefined, login)).cookie);
    };
    const admin = createSessions({ store: listingStore(inner, { row }) });
    expect(await admin.revoke("ada")).toBe(5);
    expect(after.length).toBeGreaterThan(5);
    for (const { cookie } of before) expect((await request(users, cookie, isLive)).value).toBe(false);
    for (const cookie of after) expect((await request(users, cookie, isLive)).value).toBe(true);
    expect(await createSessions({ store: inner }).revoke("ada")).toBe(after.length);
  });

  test("a session exempt from one revocation ends with the next", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const [kept, other] = [await request(sessions, undefined, login), await request(sessions, undefined, login)];
    expect(await sessions.revoke("ada", { except: kept.value as string })).toBe(1);
    expect((await request(sessions, kept.cookie, isLive)).value).toBe(true);
    expect((await request(sessions, other.cookie, isLive)).value).toBe(false);
    expect(await sessions.revoke("ada")).toBe(1);
    expect((await request(sessions, kept.cookie, isLive)).value).toBe(false);
  });

  test("two parallel revocations end every earlier session", async () => {
    const sessions = createSessions({ store: memoryStore() });
    const cookies = await Promise.all(Array.from({ length: 20 }, () => request(sessions, undefined, login)));
    await Promise.all([sessions.revoke("ada"), sessions.revoke("ada"), sessions.revoke("ada")]);
    for (const { cookie } of cookies) expect((await request(sessions, cookie, isLive)).value).toBe(false);
  });

  test("a session found under another subject is not this subject's", async () => {
    // A database that compares subjects without case lists both.
    const inner = memoryStore();
    const sessions = createSessions({
      store: {
        ...inner,
        async *listBySubject(subject) {
          for (const one of new Set([subject, "adá", "ADA"])) yield* inner.listBySubject!(one);
        },
      },
    });
    const other = await request(sessions, undefined, (session) => session.login("ADA"));
    await request(sessions, undefined, login);
    expect(await sessions.list("ada")).toHaveLength(1);
    expect(await sessions.revoke("ada")).toBe(1);
    expect((await request(sessions, other.cookie, isLive)).value).toBe(true);
  });

  test("the time limit applies to each answer of the store, not to the walk over the index", async () => {
    const inner = memoryStore();
    let answers = 40;
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25));
    const store: Store = {
      ...inner,
      async *listBySubject(subject, answered): AsyncIterable<ListedRecord> {
        // Stale entries, a batch at a time: a second without a row.
        for (let at = 0; at < answers; at++) {
          await pause();
          answered?.();
        }
        yield* inner.listBySubject!(subject);
      },
    };
    const sessions = createSessions({ store, storeTimeout: "900ms" });
    await request(sessions, undefined, login);
    expect(await sessions.list("ada")).toHaveLength(1);
    answers = 1;
    expect(await sessions.revoke("ada")).toBe(1);
  });

  test("a store that goes silent in the middle of a walk is a time-out", async () => {
    const inner = memoryStore();
    const store: Store = {
      ...inner,
      async *listBySubject(_, answered): AsyncIterable<ListedRecord> {
        answered?.();
        await new Promise(() => {});
      },
    };
    const sessions = createSessions({ store, storeTimeout: "50ms" });
    await expect(sessions.list("ada")).rejects.toMatchObject({ code: "ERR_SESSION_STORE_TIMEOUT" });
  });
});

describe("a login that moves a session while it is being revoked", () => {
  type Point = "listed" | "ending";
  const formats = { "our own format": {}, "a foreign format": { format: { ...jsonFormat(), foreign: true } } };

  /** Ada has two devices; one of them logs in again as `subject` when the revocation of the other's is at `point`. */
  async function scene(point: Point, subject: string, options: object) {
    const inner = memoryStore();
    const users = createSessions({ ...options, store: inner });
    const here = await request(users, undefined, login);
    const device = await request(users, undefined, login);
    const moved: (string | undefined)[] = [];
    const move = async (at: Point): Promise<void> => {
      if (at === point && moved.length === 0) {
        moved.push(undefined);
        moved[0] = (await request(users, device.cookie, (session) => session.login(subject))).cookie;
      }
    };
    const store: Store = {
      ...listingStore(inner, { end: () => move("listed") }),
      async update(key, record, version) {
        if (key.startsWith("session:")) await move("ending");
        return inner.update(key, record, version);
      },
      async delete(key, of) {
        await move("ending");
        return inner.delete(key, of);
      },
    };
    const admin = createSessions({ ...options, store });
    const count = await admin.revoke("ada", { except: here.value as string });
    return { users, here, device, count, moved: () => moved[0] };
  }

  for (const [name, options] of Object.entries(formats)) {
    for (const point of ["listed", "ending"] as const) {
      for (const subject of ["ada", "bob"]) {
        test(`as ${subject}, ${point}, ${name}: a logout with the old cookie ends the session it became`, async () => {
          const { users, here, device, moved } = await scene(point, subject, options);
          const logout = await request(users, device.cookie, (session) => session.destroy());
          expect(logout.error).toBeUndefined();
          expect((await request(users, moved(), (session) => session.subject)).value).toBeUndefined();
          expect((await request(users, here.cookie, isLive)).value).toBe(true);
        });
      }
    }
  }

  test("on a store that is full, the session still ends", async () => {
    const inner = memoryStore();
    const users = createSessions({ store: inner });
    const { cookie } = await request(users, undefined, login);
    const store: Store = {
      ...inner,
      async update(key, record, version) {
        if (key.startsWith("session:")) throw new SessionError("ERR_SESSION_STORE_FULL", "full");
        return inner.update(key, record, version);
      },
    };
    expect(await createSessions({ store }).revoke("ada")).toBe(1);
    expect((await request(users, cookie, isLive)).value).toBe(false);
  });

  test("a session that logged in as the epoch was new stays, and is not counted", async () => {
    const { users, count, moved, device } = await scene("listed", "ada", {});
    expect(count).toBe(0);
    expect(moved()).not.toBe(device.cookie);
    expect((await request(users, moved(), isLive)).value).toBe(true);
  });

  test("a session saved between the listing and its end is ended", async () => {
    const inner = memoryStore();
    const users = createSessions({ store: inner });
    const { cookie } = await request(users, undefined, login);
    const save = () =>
      request(users, cookie, ({ data }) => {
        (data as { n?: number }).n = 1;
      });
    const admin = createSessions({ store: listingStore(inner, { end: save }) });
    expect(await admin.revoke("ada")).toBe(1);
    expect((await request(users, cookie, isLive)).value).toBe(false);
  });
});

test("a session of which a crash left two records is listed once, and revoke ends both", async () => {
  let now = 1_800_000_000_000;
  const inner = memoryStore({ now: () => now });
  const options = { now: () => now };
  const users = createSessions({ ...options, store: inner });
  const before = await request(users, undefined, login);
  now += 60_000;
  // The process dies between the two writes of the move.
  const crashing: Store = { ...inner, update: () => new Promise(() => {}), read: inner.read };
  const crashed = createSessions({ ...options, store: crashing, storeTimeout: "50ms" });
  await request(crashed, before.cookie, (session) => session.regenerate());
  const rows = async (): Promise<ListedRecord[]> => {
    const all: ListedRecord[] = [];
    for await (const row of inner.listBySubject!("ada")) all.push(row);
    return all;
  };
  const found = await rows();
  expect(found).toHaveLength(2);
  const expiresAt = Math.max(...found.map((row) => row.expiresAt));
  expect(await users.list("ada")).toMatchObject([{ handle: before.value, expiresAt }]);
  expect(await users.revoke("ada", { handle: before.value as string })).toBe(1);
  expect(await rows()).toEqual([]);
});

describe("sessions that this process cannot decode", () => {
  const [old, fresh] = ["o".repeat(40), "n".repeat(40)];

  function twoNodes() {
    const store = memoryStore();
    const node = (secrets: string[]) => createSessions({ store, format: encrypted(jsonFormat(), secrets) });
    const [updated, outdated] = [node([fresh, old]), node([old])];
    const events: SessionEvent[] = [];
    outdated.on((event) => events.push(event));
    return { store, updated, outdated, events };
  }

  test("end with all others of their subject, and are counted and reported", async () => {
    const { updated, outdated, events } = twoNodes();
    const ada = await request(updated, undefined, login);
    const here = await request(outdated, undefined, login);
    expect(await outdated.revoke("ada")).toBe(2);
    expect(events.filter(({ type }) => type === "session_revoked")).toHaveLength(2);
    for (const { cookie } of [ada, here]) expect((await request(updated, cookie, isLive)).value).toBe(false);
  });

  test("are listed, with a handle by which they can be ended", async () => {
    const { updated, outdated } = twoNodes();
    const ada = await request(updated, undefined, login);
    const [found, ...rest] = await outdated.list("ada");
    expect(rest).toEqual([]);
    expect(found).toMatchObject({ subject: "ada", createdAt: undefined, authenticatedAt: undefined });
    expect(await outdated.revoke("ada", { handle: found?.handle as string })).toBe(1);
    expect((await request(updated, ada.cookie, isLive)).value).toBe(false);
  });

  test("end when all but a session that is known here are revoked", async () => {
    const { updated, outdated } = twoNodes();
    const ada = await request(updated, undefined, login);
    const here = await request(outdated, undefined, login);
    expect(await outdated.revoke("ada", { except: here.value as string })).toBe(1);
    expect((await request(updated, ada.cookie, isLive)).value).toBe(false);
    expect((await request(updated, here.cookie, isLive)).value).toBe(true);
  });

  test("are an error when one of them may be the session that was named, and the known ones end", async () => {
    const { updated, outdated } = twoNodes();
    const ada = await request(updated, undefined, login);
    const here = await request(outdated, undefined, login);
    const error = { code: "ERR_SESSION_UNREADABLE", status: 503 };
    await expect(outdated.revoke("ada", { handle: ada.value as string })).rejects.toMatchObject(error);
    expect((await request(updated, here.cookie, isLive)).value).toBe(true);
    await expect(outdated.revoke("ada", { except: ada.value as string })).rejects.toMatchObject(error);
    expect((await request(updated, here.cookie, isLive)).value).toBe(false);
    expect((await request(updated, ada.cookie, isLive)).value).toBe(true);
  });

  test("end when their record is damaged, or of a newer version", async () => {
    const store = memoryStore();
    const sessions = createSessions({ store });
    await request(sessions, undefined, login);
    for await (const { key, expiresAt } of store.list!()) {
      const { version } = (await store.read(key))!;
      await store.update(key, { payload: '{"sojourn":2}', expiresAt, subject: "ada" }, version);
    }
    expect(await sessions.revoke("ada")).toBe(1);
    expect(await sessions.list("ada")).toEqual([]);
  });
});

describe("a login during a revocation, when the epoch cannot be read after it was saved", () => {
  /** Fails reads of epochs when told to. */
  function unsteady() {
    const inner = memoryStore();
    const state = { failures: 0, onSaved: async (): Promise<unknown> => undefined, saved: false };
    const store: Store = {
      ...inner,
      async read(key) {
        if (key.startsWith("epoch:") && state.saved && state.failures > 0) {
          state.failures -= 1;
          throw new Error("ECONNRESET");
        }
        return inner.read(key);
      },
      async create(key, record) {
        if (record.subject === "ada" && !state.saved) {
          await state.onSaved();
          state.saved = true;
        }
        return inner.create(key, record);
      },
    };
    return { inner, state, sessions: createSessions({ store, wait: () => Promise.resolve() } as never) };
  }
  const revoked = (inner: Store) => createSessions({ store: inner }).revoke("ada");

  for (const began of ["as a guest", "anew"] as const) {
    for (const failures of [1, 2]) {
      test(`begun ${began}, does not survive the revocation, with ${failures} failing reads`, async () => {
        const { inner, state, sessions } = unsteady();
        const guest = await request(sessions, undefined, ({ data }) => {
          if (began === "as a guest") data.cart = "tea";
        });
        state.onSaved = () => revoked(inner);
        state.failures = failures;
        const answer = await request(sessions, guest.cookie, login);
        expect(answer.setCookie).toBeUndefined();
        if (failures > 1) expect(answer.error).toMatchObject({ status: 503 });
        // The guest goes on under the id it has.
        const rows = async (): Promise<ListedRecord[]> => {
          const all: ListedRecord[] = [];
          for await (const row of inner.listBySubject!("ada")) all.push(row);
          return all;
        };
        await expect.poll(rows).toEqual([]);
        if (began === "as a guest" && failures > 1) {
          await expect
            .poll(async () => (await request(sessions, guest.cookie, ({ data }) => data.cart)).value)
            .toBe("tea");
        }
      });
    }
  }
});
