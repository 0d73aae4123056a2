/** The time limit on store calls, and what becomes of the errors of stores. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SessionError } from "../../src/core/errors.ts";
import { Events, type SessionEvent } from "../../src/core/events.ts";
import { withTimeLimit } from "../../src/core/time-limit.ts";
import { memoryStore } from "../../src/stores/memory.ts";

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

const limited = <T>(call: () => Promise<T>): Promise<T> => withTimeLimit(call, store, 2000, events);
const reasons = (): unknown[] => heard.map(({ type, reason }) => [type, reason]);

test("an answer in time is the answer, and leaves no timer behind", async () => {
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
      cause: client,
    });
    expect(reasons()).toEqual([["store_unavailable", "ERR_SESSION_STORE_UNAVAILABLE"]]);
    expect(heard[0]?.error).toBe(error);
  });

  test("with a SessionError of the store's own keeps it, and is an event when it is an outage", async () => {
    const full = new SessionError("ERR_SESSION_STORE_FULL", "full");
    await expect(limited(() => Promise.reject(full))).rejects.toBe(full);
    expect(reasons()).toEqual([["store_unavailable", "ERR_SESSION_STORE_FULL"]]);
    const large = new SessionError("ERR_SESSION_TOO_LARGE", "too large");
    await expect(limited(() => Promise.reject(large))).rejects.toBe(large);
    expect(heard).toHaveLength(1);
  });

  test("with undefined is an error all the same", async () => {
    await expect(limited(() => Promise.reject(undefined))).rejects.toMatchObject({
      code: "ERR_SESSION_STORE_UNAVAILABLE",
    });
  });
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

  test("and answers late changes nothing any more", async () => {
    const answer = limited(() => new Promise((resolve) => setTimeout(resolve, 5000, 42)));
    answer.catch(() => {});
    await vi.advanceTimersByTimeAsync(6000);
    await expect(answer).rejects.toMatchObject(timeout);
    expect(heard).toHaveLength(1);
  });

  test("and failed late was a second event for one call", async () => {
    const answer = limited(() => new Promise((_, reject) => setTimeout(reject, 5000, new Error("late"))));
    answer.catch(() => {});
    await vi.advanceTimersByTimeAsync(6000);
    await expect(answer).rejects.toMatchObject(timeout);
    expect(heard).toHaveLength(1);
  });
});
