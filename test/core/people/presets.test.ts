/** Lifetimes of standards: their numbers, and that they hold for a configuration and for a login. */

import { createSessions } from "sojourn";
import { nist, owasp } from "sojourn/presets";
import { memoryStore } from "sojourn/stores/memory";
import { expect, test } from "vitest";
import { request } from "../../support/requests.ts";

const minute = 60_000;
const hour = 60 * minute;
const all = [
  [nist("aal1"), 30 * 24 * hour, 30 * 24 * hour],
  [nist("aal2"), hour, 24 * hour],
  [nist("aal3"), 15 * minute, 12 * hour],
  [owasp("high-value"), 5 * minute, 4 * hour],
  [owasp("low-risk"), 30 * minute, 8 * hour],
] as const;

test.each(all)("%j ends a session by both clocks, as options or at login", async (lifetimes, idle, absolute) => {
  const clock = { now: 1_800_000_000_000 };
  const now = () => clock.now;
  const store = memoryStore({ now });
  for (const configured of [true, false]) {
    const start = clock.now;
    const sessions = createSessions({ store, now, ...(configured && lifetimes) });
    const { cookie } = await request(sessions, undefined, (s) => s.login("ada", configured ? {} : lifetimes));
    const { value } = await request(sessions, cookie, ({ expiresAt, endsAt }) => [expiresAt, endsAt]);
    expect(value).toEqual([start + idle, start + absolute]);
    clock.now += absolute;
  }
});

test("an unknown name is a TypeError that lists the known ones", () => {
  expect(() => nist("aal4" as never)).toThrow('the level given to nist must be "aal1", "aal2" or "aal3"');
  expect(() => nist("toString" as never)).toThrow(TypeError);
  expect(() => owasp(undefined as never)).toThrow('the risk given to owasp must be "high-value" or "low-risk"');
});

test("each access returns a copy", () => {
  expect(nist("aal2")).not.toBe(nist("aal2"));
});
