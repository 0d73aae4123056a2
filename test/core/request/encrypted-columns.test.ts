/** Encrypted sessions beside a writer to the store who has no secret: subject and expiry are those that were sealed. */

import { DatabaseSync } from "node:sqlite";
import { createSessions, encrypted, jsonFormat, type SessionEvent } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { sqlStore } from "sojourn/stores/sql";
import { beforeEach, expect, test } from "vitest";

const clock = { now: 1_800_000_000_000 };
let db: DatabaseSync;
let visit: (cookie?: string) => Promise<{ subject: string | undefined; cookie: string }>;
let events: SessionEvent[];
let ends: () => number;

beforeEach(async () => {
  db = new DatabaseSync(":memory:");
  const store = sqlStore({ client: db, now: () => clock.now });
  await store.setup?.();
  const format = encrypted(jsonFormat(), "a secret of at least 32 characters");
  const sessions = createSessions({
    store,
    format,
    now: () => clock.now,
    idleTimeout: "10m",
    absoluteTimeout: "30d",
    warn() {},
  });
  events = [];
  sessions.on((event) => void events.push(event));
  let subject: string | undefined;
  const handler = fetchSessions(sessions)(async (request) => {
    const session = await sessions.get(request);
    if (request.url.endsWith("/login")) session.login("ada");
    subject = session.subject;
    return new Response();
  });
  visit = async (cookie) => {
    const headers = cookie === undefined ? {} : { cookie };
    const answer = await handler(new Request(`https://shop.test/${cookie === undefined ? "login" : ""}`, { headers }));
    return { subject, cookie: answer.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  ends = () => Number((db.prepare("SELECT expires_at AS at FROM sojourn_sessions").get() as { at: number }).at);
});

test.each([
  ["without its subject", "subject = NULL"],
  ["under another subject", "subject = 'eve'"],
  ["with a later end", "expires_at = 9000000000000"],
])("a record %s is no session, with an event", async (_what, change) => {
  const { cookie } = await visit();
  expect((await visit(cookie)).subject).toBe("ada");
  db.exec(`UPDATE sojourn_sessions SET ${change}`);
  expect((await visit(cookie)).subject).toBeUndefined();
  expect(events.at(-1)).toMatchObject({ type: "record_refused" });
});

test("a session in use stays alive, and its new expiry is sealed again", async () => {
  const { cookie } = await visit();
  for (let use = 0; use < 10; use++) {
    clock.now += 5 * 60_000;
    expect((await visit(cookie)).subject).toBe("ada");
    expect(ends()).toBe(clock.now + 600_000);
  }
  clock.now += 11 * 60_000;
  expect((await visit(cookie)).subject).toBeUndefined();
});
