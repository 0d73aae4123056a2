/** What an operator is told on stderr where the application has no listener, and what not. */

import { expect, test, vi } from "vitest";
import { SessionError } from "../../src/core/contracts/errors.ts";
import { Events } from "../../src/core/contracts/events.ts";
import { createSessions, type Session, type SessionEvent } from "../../src/index.ts";
import { createPartsSessions } from "../../src/parts.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { visitor } from "./visitor.ts";

function make(): { events: Events; said: string[]; clock: { now: number } } {
  const said: string[] = [];
  const clock = { now: 1_000_000 };
  const say = (line: string): void => void said.push(line);
  return { events: new Events(() => clock.now, say, say), said, clock };
}

const refusal = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6379"), { code: "ECONNREFUSED" });
const outage = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "the redis store failed", refusal);

test("an outage is one line a minute, with its cause and the number of repetitions", () => {
  const { events, said, clock } = make();
  const fail = (): void => events.emit("store_unavailable", { reason: outage.code, error: outage });
  for (let times = 0; times < 5; times++) fail();
  expect(said).toEqual([
    "sojourn: ERR_SESSION_STORE_UNAVAILABLE: the redis store failed (ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:6379). " +
      "Requests that use their session get a 503; cookies stay as they are.",
  ]);
  clock.now += 59_999;
  fail();
  expect(said).toHaveLength(1);
  clock.now += 1;
  fail();
  expect(said[1]).toContain("127.0.0.1:6379) (and 5 more times before). ");
  clock.now += 60_000;
  fail();
  expect(said[2]).not.toContain("before");
});

test("errors that differ only in their numbers are of one kind", () => {
  const { events, said } = make();
  for (const slot of [9296, 7107, 5985]) {
    const cause = new Error(`MOVED ${slot} 127.0.0.1:${slot}`);
    const error = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "the redis store failed", cause);
    events.emit("store_unavailable", { reason: error.code, error });
  }
  expect(said).toHaveLength(1);
});

test("an ORM's error is shown by its reason and statement, without the values in it", () => {
  const { events, said } = make();
  const query = 'Failed query: insert into "sessions" values ($1, $2)\nparams: session:abc,{"data":{"card":"4111"}}';
  const error = new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "the drizzle store failed",
    new Error(query, { cause: refusal }),
  );
  events.emit("store_unavailable", { reason: error.code, error });
  expect(said[0]).toContain(
    'failed (ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:6379 (Failed query: insert into "sessions" values ($1, $2))). ',
  );
});

test("different kinds do not silence each other: another store, a timeout, a record", () => {
  const { events, said } = make();
  const timeout = new SessionError("ERR_SESSION_STORE_TIMEOUT", "the postgres store did not answer within 2000 ms");
  for (const error of [outage, timeout, outage]) events.emit("store_unavailable", { reason: error.code, error });
  events.emit("record_refused", { reason: "not a record of format json", error: new SyntaxError('"{"card":"4111') });
  expect(said).toHaveLength(3);
  expect(said[1]).toContain("the postgres store did not answer within 2000 ms. ");
  expect(said[2]).toContain("a record was refused: not a record of format json. ");
  expect(said[2]).not.toContain("4111");
});

test("an occasional refused save writes nothing; the fifth within a minute writes a line", () => {
  const { events, said, clock } = make();
  for (let minute = 0; minute < 3; minute++) {
    for (let times = 0; times < 4; times++)
      events.emit("save_refused", { reason: "the session ended during the request" });
    clock.now += 60_000;
  }
  expect(said).toEqual([]);
  for (let times = 0; times < 9; times++)
    events.emit("save_refused", { reason: "the session ended during the request" });
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("a save was refused 5 times within a minute. ");
});

test("a failed save is a line with its code, and no second one where the store is down", () => {
  const { events, said } = make();
  events.emit("save_failed", { reason: outage.code, error: outage });
  expect(said).toEqual([]);
  events.emit("save_failed", { error: new SessionError("ERR_SESSION_NOT_STORABLE", "data.f is a function") });
  expect(said).toEqual([
    "sojourn: a save failed with ERR_SESSION_NOT_STORABLE: data.f is a function. " +
      "Nothing of that request was saved; https://github.com/sojourn-js/sojourn/blob/main/docs/errors.md explains the code.",
  ]);
});

test("everyday events write no lines: logins, logouts, expired sessions, invalid tokens", () => {
  const { events, said } = make();
  for (const type of [
    "session_login",
    "session_logout",
    "session_expired",
    "token_refused",
    "session_created",
  ] as const)
    events.emit(type, { handle: "h" });
  expect(said).toEqual([]);
});

test("a listener replaces stderr until it stops", () => {
  const { events, said } = make();
  const heard: SessionEvent[] = [];
  const stop = events.add((event) => heard.push(event));
  events.emit("store_unavailable", { error: outage });
  expect([heard.length, said.length]).toEqual([1, 0]);
  stop();
  events.emit("store_unavailable", { error: outage });
  expect([heard.length, said.length]).toEqual([1, 1]);
});

test("a clock set back does not silence an outage", () => {
  const { events, said, clock } = make();
  events.emit("store_unavailable", { error: outage });
  clock.now -= 3_600_000;
  events.emit("store_unavailable", { error: outage });
  expect(said).toHaveLength(2);
});

test("the list of kinds is bounded", () => {
  const { events, said } = make();
  for (let at = 0; at < 250; at++)
    events.emit("store_unavailable", {
      error: new SessionError("ERR_SESSION_STORE_UNAVAILABLE", `the ${"s".repeat(at)} store failed`),
    });
  expect(said).toHaveLength(250);
});

test("`warn: false` silences everything, warnings about risky options too", async () => {
  const spy = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    const store = { ...memoryStore(), read: () => Promise.reject(refusal), create: () => Promise.reject(refusal) };
    const visit = visitor(createSessions({ store, warn: false }));
    await visit((session) => Object.assign(session.data, { n: 1 }));
    expect(spy.mock.calls).toEqual([]);
    const loud = visitor(createSessions({ store }));
    await loud((session) => Object.assign(session.data, { n: 1 }));
    expect(spy.mock.calls).toHaveLength(1);
    expect(String(spy.mock.calls[0])).toContain("the memory store failed (ECONNREFUSED: connect ECONNREFUSED");
  } finally {
    spy.mockRestore();
  }
});

test("the parts of one session share the line of their store", async () => {
  const said: string[] = [];
  const store = { ...memoryStore(), create: () => Promise.reject(refusal) };
  const sessions = createPartsSessions<{ a: number; b: number }>({
    parts: {
      one: { store, fields: ["a"], cookie: { name: "one", secure: false } },
      two: { store, fields: ["b"], cookie: { name: "two", secure: false } },
    },
    warn: (line) => said.push(line),
  });
  const visit = visitor(sessions as never);
  for (let times = 0; times < 3; times++)
    await visit((session: Session<{ a: number; b: number }>) => Object.assign(session.data, { a: 1, b: times }));
  expect(said).toHaveLength(1);
});
