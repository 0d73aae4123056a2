/** The arithmetic of timeouts, to the millisecond. */

import { describe, expect, test } from "vitest";
import {
  expiryOf,
  isOver,
  isRenewalDue,
  isTouchDue,
  maxAgeOf,
  type Timeouts,
} from "../../../src/core/record/expiry.ts";

const now = 1_790_000_000_000;
const never = Number.POSITIVE_INFINITY;
const timeouts = (changes: Partial<Timeouts> = {}): Timeouts => ({
  idle: 60_000,
  absolute: 600_000,
  touchInterval: 3000,
  renewAfter: never,
  renewGrace: 0,
  ...changes,
});

describe("a session used now ends", () => {
  test("after the idle timeout", () => {
    expect(expiryOf(now, { created: now }, timeouts())).toBe(now + 60_000);
  });

  test("but not later than the absolute timeout after it began", () => {
    expect(expiryOf(now, { created: now - 540_000 }, timeouts())).toBe(now + 60_000);
    expect(expiryOf(now, { created: now - 540_001 }, timeouts())).toBe(now + 59_999);
    expect(expiryOf(now, { created: now - 600_000 }, timeouts())).toBe(now);
  });

  test("by age alone without an idle timeout, and by idleness alone without an absolute one", () => {
    expect(expiryOf(now, { created: now - 1 }, timeouts({ idle: never }))).toBe(now + 599_999);
    expect(expiryOf(now, { created: 0 }, timeouts({ absolute: never }))).toBe(now + 60_000);
  });

  test("as if it began now, when a foreign format does not say when it began", () => {
    expect(expiryOf(now, {}, timeouts())).toBe(now + 60_000);
    expect(expiryOf(now, {}, timeouts({ idle: never }))).toBe(now + 600_000);
  });
});

describe("a login with its own lifetimes", () => {
  const admin = { created: now, idle: 5000, absolute: 8000 };
  const remembered = { created: now, idle: 6_000_000, absolute: 90_000_000 };

  test("uses them in place of the configured ones, shorter or longer", () => {
    expect(expiryOf(now, admin, timeouts())).toBe(now + 5000);
    expect(expiryOf(now + 4000, admin, timeouts())).toBe(now + 8000);
    expect(expiryOf(now, remembered, timeouts())).toBe(now + 6_000_000);
    expect(isOver(now + 7999, admin, timeouts())).toBe(false);
    expect(isOver(now + 8000, admin, timeouts())).toBe(true);
    expect(isOver(now + 600_000, remembered, timeouts())).toBe(false);
  });

  test("gets touches in steps that fit them", () => {
    expect(isTouchDue(now + 249, admin, now + 5000, timeouts())).toBe(false);
    expect(isTouchDue(now + 250, admin, now + 5000, timeouts())).toBe(true);
    expect(isTouchDue(now + 3000, remembered, now + 6_000_000, timeouts())).toBe(true);
  });
});

describe("a session is over", () => {
  test("from the millisecond its absolute timeout ends", () => {
    expect(isOver(now, { created: now - 599_999 }, timeouts())).toBe(false);
    expect(isOver(now, { created: now - 600_000 }, timeouts())).toBe(true);
    expect(isOver(now, { created: now - 600_001 }, timeouts())).toBe(true);
  });

  test("never by age without an absolute timeout, or when its beginning is unknown", () => {
    expect(isOver(now, { created: 0 }, timeouts({ absolute: never }))).toBe(false);
    expect(isOver(now, {}, timeouts())).toBe(false);
  });

  test("not when it began in the future, by a clock that is ahead", () => {
    expect(isOver(now, { created: now + 5000 }, timeouts())).toBe(false);
  });
});

describe("a touch is due", () => {
  const due = (usedMsAgo: number, changes: Partial<Timeouts> = {}, age = 0): boolean =>
    isTouchDue(now, { created: now - age }, now - usedMsAgo + 60_000, timeouts(changes));

  test("from the millisecond the expiry lags behind by the interval", () => {
    expect(due(2999)).toBe(false);
    expect(due(3000)).toBe(true);
    expect(due(3001)).toBe(true);
  });

  test("not when the stored expiry is later than the new one", () => {
    expect(due(-5000)).toBe(false);
  });

  test("not when the absolute timeout prevents a later expiry", () => {
    const created = now - 599_000;
    expect(isTouchDue(now, { created }, created + 600_000, timeouts())).toBe(false);
  });

  test("every time with touchInterval 0, once a millisecond has passed", () => {
    expect(due(1, { touchInterval: 0 })).toBe(true);
  });

  test("not with touchInterval 0 when the expiry cannot move", () => {
    const created = now - 599_000;
    expect(due(0, { touchInterval: 0 })).toBe(false);
    expect(isTouchDue(now, { created }, created + 600_000, timeouts({ touchInterval: 0 }))).toBe(false);
    const noIdle = timeouts({ touchInterval: 0, idle: never });
    expect(isTouchDue(now, { created }, created + 600_000, noIdle)).toBe(false);
  });
});

describe("a renewal is due", () => {
  const renewing = timeouts({ renewAfter: 10_000 });

  test("from the millisecond the id is old enough", () => {
    expect(isRenewalDue(now, { created: 0, renewed: now - 9999 }, renewing)).toBe(false);
    expect(isRenewalDue(now, { created: 0, renewed: now - 10_000 }, renewing)).toBe(true);
  });

  test("counted from the session's beginning, when its id was never renewed", () => {
    expect(isRenewalDue(now, { created: now - 9999 }, renewing)).toBe(false);
    expect(isRenewalDue(now, { created: now - 10_000 }, renewing)).toBe(true);
  });

  test("never when it is off, or the age of the id is unknown", () => {
    expect(isRenewalDue(now, { created: 0 }, timeouts())).toBe(false);
    expect(isRenewalDue(now, {}, renewing)).toBe(false);
  });
});

test.each([
  [1, 1],
  [999, 1],
  [1000, 1],
  [1001, 2],
  [60_000, 60],
  [34_560_000_000, 34_560_000],
  [34_560_000_001, 34_560_000],
  [never, 34_560_000],
])("a cookie with a lifetime of %i ms gets Max-Age=%i", (ms, seconds) => {
  expect(maxAgeOf(now, now + ms)).toBe(seconds);
});
