/** The null store: an empty session for everybody, and an error for whoever wants to keep one. */

import { expect, test } from "vitest";
import type { Session } from "../../src/core/contracts/session.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { nullStore } from "../../src/stores/null.ts";
import { reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";

reportBackend({ backend: "null", server: "none" });

interface Data {
  n: number;
}

test("a request reads an empty session, with any cookie, and gets no cookie", async () => {
  const sessions = new Sessions<Data>({ store: nullStore() });
  for (const cookie of [undefined, `__Host-session=${"A".repeat(43)}`, "__Host-session=junk"]) {
    const answer = await request(sessions, cookie, (session) => [session.isNew, { ...session.data }]);
    expect(answer).toMatchObject({ value: [true, {}], error: undefined, setCookie: undefined });
  }
});

test.each<[string, (session: Session<Data>) => unknown]>([
  ["a value", (session) => Object.assign(session.data, { n: 1 })],
  ["a login", (session) => session.login("ada")],
])("a request that would have to save %s fails, and the message names the option to change", async (_, handler) => {
  const events: string[] = [];
  const sessions = new Sessions<Data>({ store: nullStore() });
  sessions.on(({ type }) => events.push(type));
  const { error, setCookie } = await request(sessions, undefined, handler);
  expect(error).toMatchObject({ code: "ERR_SESSION_READ_ONLY", status: 500 });
  expect(String(error)).toMatch(/nullStore.*give createSessions another store.*store: memoryStore\(\)/);
  expect(setCookie).toBeUndefined();
  expect(events).toEqual(["save_failed"]);
});

test("a value set and removed again needs no store", async () => {
  const sessions = new Sessions<Data>({ store: nullStore() });
  const { error, value } = await request(sessions, undefined, (session) => {
    session.flash("n", 1);
    return session.take("n");
  });
  expect([error, value]).toEqual([undefined, 1]);
});

test("destroy removes a cookie without a session, and needs no store", async () => {
  const sessions = new Sessions<Data>({ store: nullStore() });
  const { error, setCookie } = await request(sessions, `__Host-session=${"A".repeat(43)}`, (session) =>
    session.destroy(),
  );
  expect(error).toBeUndefined();
  expect(setCookie).toContain("Max-Age=0");
});

test("no method but create does anything", async () => {
  const store = nullStore();
  const record = { payload: "x", expiresAt: Date.now() + 1000 };
  await expect(store.create("k", record)).rejects.toMatchObject({ code: "ERR_SESSION_READ_ONLY" });
  expect(await store.read("k")).toBeNull();
  expect(await store.update("k", record, 1)).toBeNull();
  expect(await store.touch("k", record.expiresAt)).toBe(false);
  expect(await store.rename("k", "l", record, 1)).toBeNull();
  expect(await store.delete("k")).toBeUndefined();
});
