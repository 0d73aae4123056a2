/** The time limit on store calls, and what becomes of the errors of stores. */

import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { randomIds } from "../../../src/core/client/id.ts";
import { SessionError } from "../../../src/core/contracts/errors.ts";
import { Events } from "../../../src/core/contracts/events.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import { withTimeLimit } from "../../../src/core/record/time-limit.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const store = memoryStore();
let heard: SessionEvent[];
let events: Events;

beforeEach(() => {
  vi.useFakeTimers();
  heard = [];
  events = new Events(
    () => 0,
    () => {},
  );
  events.add((event) => heard.push(event));
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const limited = <T>(call: () => Promise<T>): Promise<T> => withTimeLimit(call, store, { storeTimeout: 2000 }, events);
const reasons = (): unknown[] => heard.map(({ type, reason }) => [type, reason]);

test("an answer in time is returned, and leaves no timer behind", async () => {
  expect(await limited(async () => 42)).toBe(42);
  expect(heard).toEqual([]);
});

describe("a call that fails", () => {
  const client = new Error("ECONNREFUSED");

  test.each([
    ["by rejecting", () => Promise.reject(client)],
    [
      "by throwing",
      () => {
        throw client;
      },
    ],
  ])("%s is ERR_SESSION_STORE_UNAVAILABLE with the client's error as cause, and one event", async (_, call) => {
    const error = await limited(call).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toMatchObject({
      code: "ERR_SESSION_STORE_UNAVAILABLE",
      status: 503,
      message: "the memory store failed",
      cause: { name: client.name, message: client.message },
    });
    expect((error as Error).cause).not.toBe(client);
    expect(reasons()).toEqual([["store_unavailable", "ERR_SESSION_STORE_UNAVAILABLE"]]);
    expect(heard[0]?.error).toBe(error);
  });

  test("with a SessionError of the store keeps it, and is an event when it is an outage", async () => {
    const full = new SessionError("ERR_SESSION_STORE_FULL", "full");
    await expect(limited(() => Promise.reject(full))).rejects.toBe(full);
    expect(reasons()).toEqual([["store_unavailable", "ERR_SESSION_STORE_FULL"]]);
    const large = new SessionError("ERR_SESSION_TOO_LARGE", "too large");
    await expect(limited(() => Promise.reject(large))).rejects.toBe(large);
    expect(heard).toHaveLength(1);
  });

  test("with undefined is an error too", async () => {
    await expect(limited(() => Promise.reject(undefined))).rejects.toMatchObject({
      code: "ERR_SESSION_STORE_UNAVAILABLE",
    });
  });
});

describe("where keys are ids, a call that fails", () => {
  const id = "a".repeat(43);
  const ids = { ...randomIds("session:"), keyOf: (one: string) => `session:${one}`, secretKeys: true };
  const failing = (thrown: unknown): Promise<SessionError> =>
    withTimeLimit(() => Promise.reject(thrown), store, { storeTimeout: 2000 }, events, ids).then(
      () => Promise.reject(new Error("it did not fail")),
      (error: SessionError) => error,
    );

  test("reports name, code and message of the client's error, and no key", async () => {
    const inner = Object.assign(new Error("x", { cause: { id } }), { command: { args: [id] }, code: "WRONGTYPE" });
    inner.message = `WRONGTYPE of session:${id}`;
    inner.name = "ReplyError";
    const { cause, code } = await failing(inner);
    expect(code).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(cause).toMatchObject({ name: "ReplyError", message: "WRONGTYPE of session:…", code: "WRONGTYPE" });
    expect(inspect([cause, heard], { depth: 9, showHidden: true })).not.toContain("aaaa");
  });

  test("reports names and codes that are as long as an id", async () => {
    const wide = { ...ids, accepts: (text: string) => /^[\w-]{22,86}$/.test(text) };
    const [name, code] = ["ProvisionedThroughputExceededException", "ERR_SOCKET_CONNECTION_TIMEOUT"];
    const thrown = Object.assign(new Error(`at ${id}`), { name, code });
    const { cause } = await withTimeLimit(
      () => Promise.reject(thrown),
      store,
      { storeTimeout: 2000 },
      events,
      wide,
    ).catch((one) => one);
    expect(cause).toMatchObject({ name, code, message: "at …" });
    const odd = Object.assign(new Error("x"), { name: id, code: `${id}1` });
    const reduced = await withTimeLimit(() => Promise.reject(odd), store, { storeTimeout: 2000 }, events, wide).catch(
      (one) => one,
    );
    expect(reduced.cause).toMatchObject({ name: "…", code: "…" });
  });

  test("that is a SessionError keeps its code, and its cause is cleaned the same way", async () => {
    const cause = Object.assign(new Error(`no room for ${id}`), { code: 1114, id });
    const error = await failing(new SessionError("ERR_SESSION_STORE_FULL", `full at session:${id}`, cause));
    expect(error).toMatchObject({ code: "ERR_SESSION_STORE_FULL", message: "full at session:…" });
    expect(error.cause).toMatchObject({ message: "no room for …", code: 1114 });
    expect((await failing(new SessionError("ERR_SESSION_TOO_LARGE", "too large"))).cause).toBeUndefined();
    expect(inspect([error, heard], { depth: 9, showHidden: true })).not.toContain("aaaa");
  });

  test.each([undefined, null, 5, "a text", { message: 5, name: 5, code: {} }])(
    "with %j reports that",
    async (thrown) => {
      expect((await failing(thrown)).cause).toMatchObject({ message: `threw ${typeof thrown}` });
    },
  );
});

describe("a call that does not answer", () => {
  const timeout = { code: "ERR_SESSION_STORE_TIMEOUT", message: "the memory store did not answer within 2000 ms" };

  test("is an error when the limit is reached, not before", async () => {
    let error: unknown;
    limited(() => new Promise(() => {})).catch((thrown: unknown) => {
      error = thrown;
    });
    await vi.advanceTimersByTimeAsync(1999);
    expect(error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(error).toMatchObject(timeout);
    expect(reasons()).toEqual([["store_unavailable", "ERR_SESSION_STORE_TIMEOUT"]]);
  });

  test("and answers late changes nothing", async () => {
    const answer = limited(() => new Promise((resolve) => setTimeout(resolve, 5000, 42)));
    answer.catch(() => {});
    await vi.advanceTimersByTimeAsync(6000);
    await expect(answer).rejects.toMatchObject(timeout);
    expect(heard).toHaveLength(1);
  });

  test("and fails late is one event, not two", async () => {
    const answer = limited(() => new Promise((_, reject) => setTimeout(reject, 5000, new Error("late"))));
    answer.catch(() => {});
    await vi.advanceTimersByTimeAsync(6000);
    await expect(answer).rejects.toMatchObject(timeout);
    expect(heard).toHaveLength(1);
  });
});
