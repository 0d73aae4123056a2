/** Sessions for those who run the application: counted, page by page, found and ended by their handles. */

import { describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { encrypted } from "../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";
import { createSessions } from "../../src/create.ts";
import { everybody } from "../../src/everybody.ts";
import { flaskSession } from "../../src/flask.ts";
import { allSessions, countSessions, endSession, findSession, pageSessions } from "../../src/manage.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { request } from "../support/requests.ts";

interface Data {
  note: string;
}

const secrets = ["a secret of thirty-two characters, or more"];

/** An application with so many sessions of ada and as many of nobody. */
async function application(store: Store, each: number, name = "shop") {
  const sessions = createSessions<Data>({ store, name });
  const cookies: string[] = [];
  for (let at = 0; at < each; at++) {
    for (const subject of ["ada", undefined]) {
      const { cookie } = await request(sessions, undefined, (session) => {
        if (subject) session.login(subject);
        session.data.note = `note ${at}`;
      });
      cookies.push(cookie!);
    }
  }
  return { sessions, cookies };
}

describe("sessions of an application", () => {
  test("are counted and listed without those of another one in the same store", async () => {
    const store = memoryStore();
    const { sessions } = await application(store, 15);
    await application(store, 3, "blog");
    expect(await countSessions(sessions)).toEqual({ count: 30, estimate: false });
    const handles = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await pageSessions(sessions, { limit: 7, cursor });
      for (const { handle } of page.sessions) handles.add(handle);
      cursor = page.cursor;
    } while (cursor);
    expect(handles.size).toBe(30);
    const theirs = await Array.fromAsync(allSessions(sessions, { subject: "ada" }));
    expect(theirs).toHaveLength(15);
    expect(theirs.every(({ subject, readable }) => subject === "ada" && readable)).toBe(true);
  });

  test("show their data only when asked", async () => {
    const { sessions } = await application(memoryStore(), 1);
    const [plain] = (await pageSessions(sessions)).sessions;
    expect(JSON.stringify(plain)).not.toContain("note");
    const [whole] = (await pageSessions(sessions, { data: true })).sessions;
    expect(whole?.data).toEqual({ note: "note 0" });
  });

  test("appear once after their id changed, without signposts and epochs", async () => {
    const { sessions, cookies } = await application(memoryStore(), 2);
    await request(sessions, cookies[0], (session) => session.regenerate());
    await request(sessions, cookies[1], (session) => session.login("eve"));
    await sessions.revoke("bob");
    const all = await Array.fromAsync(allSessions(sessions));
    expect(all.map(({ subject }) => subject ?? "-").sort()).toEqual(["-", "ada", "ada", "eve"]);
  });

  test.for(["ada", undefined])("end by their handle, also after a renewal, of %s", async (subject) => {
    const { sessions, cookies } = await application(memoryStore(), 2);
    const old = cookies[subject ? 0 : 1];
    const { value: handle, cookie } = await request(sessions, old, (session) => {
      session.regenerate();
      return session.handle!;
    });
    const told: string[] = [];
    sessions.on(({ type, handle }) => told.push(`${type} ${handle}`));
    expect(await findSession(sessions, handle!)).toMatchObject({ handle, subject });
    expect(await endSession(sessions, handle!)).toMatchObject({ handle, subject });
    expect(told).toContain(`session_revoked ${handle}`);
    for (const one of [old, cookie]) {
      const { value } = await request(sessions, one, (session) => session.data.note);
      expect(value).toBeUndefined();
    }
    expect(await findSession(sessions, handle!)).toBeUndefined();
    expect(await endSession(sessions, handle!)).toBeUndefined();
    expect((await countSessions(sessions)).count).toBeGreaterThanOrEqual(3);
  });

  test("that this process cannot decode are marked, and can be ended", async () => {
    const store = memoryStore();
    const theirs = createSessions<Data>({ store, name: "shop", format: encrypted(jsonFormat(), secrets) });
    await request(theirs, undefined, (session) => session.login("ada"));
    const ours = createSessions({ store, name: "shop", format: encrypted(jsonFormat(), ["x".repeat(40)]) });
    const [one] = (await pageSessions(ours, { data: true })).sessions;
    expect(one).toMatchObject({ readable: false, subject: "ada" });
    expect(one?.data).toBeUndefined();
    expect(await endSession(ours, one!.handle)).toMatchObject({ subject: "ada" });
    expect((await pageSessions(ours)).sessions).toEqual([]);
  });

  test("whose keys are ids show none, and their cursors are sealed", async () => {
    const sessions = createSessions<Data>({ ...flaskSession(), store: memoryStore() });
    const ids: string[] = [];
    for (let at = 0; at < 6; at++) {
      const { cookie } = await request(sessions, undefined, (session) => {
        session.data.note = "x";
      });
      ids.push(cookie!.slice(cookie!.indexOf("=") + 1));
    }
    const first = await pageSessions(sessions, { limit: 2 });
    const rest = await pageSessions(sessions, { limit: 10, cursor: first.cursor });
    expect(rest.sessions).toHaveLength(4);
    const shown = JSON.stringify([first, rest]);
    for (const id of ids) expect(shown).not.toContain(id);
    expect(first.cursor!.length).toBeGreaterThan(30);
    await expect(pageSessions(sessions, { cursor: "1" })).rejects.toThrow(/^cursor must be/);
  });

  test("ended with everybody's are in no list, and later ones are", async () => {
    const sessions = createSessions<Data>({
      store: memoryStore(),
      name: "shop",
      everybody: everybody({ within: "100ms" }),
      wait: async () => {},
    });
    const login = (subject: string) => request(sessions, undefined, (session) => session.login(subject));
    await login("ada");
    const [one] = (await pageSessions(sessions)).sessions;
    await sessions.revokeEverybody();
    expect((await pageSessions(sessions)).sessions).toEqual([]);
    expect(await findSession(sessions, one!.handle)).toBeUndefined();
    expect(await endSession(sessions, one!.handle)).toBeUndefined();
    await login("bob");
    expect((await pageSessions(sessions)).sessions.map(({ subject }) => subject)).toEqual(["bob"]);
  });

  test("in cookies cannot be listed, and a wrong argument is named", async () => {
    const inCookies = createSessions({ store: cookieStore({ secrets }) });
    await expect(countSessions(inCookies)).rejects.toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
    await expect(pageSessions({} as never)).rejects.toThrow(/^the first argument of pageSessions\(\)/);
    const { sessions } = await application(memoryStore(), 1);
    await expect(pageSessions(sessions, { page: 1 } as never)).rejects.toThrow(/there is no option "page"/);
    await expect(pageSessions(sessions, { limit: 0 })).rejects.toThrow(/^limit must be/);
    await expect(pageSessions(sessions, { cursor: "not a cursor" })).rejects.toThrow(/^cursor must be/);
    await expect(findSession(sessions, "")).rejects.toThrow(/^handle must be/);
  });
});
