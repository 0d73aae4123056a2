/** What was meant: option names that do not exist, and milliseconds where numbers are seconds. */

import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { createPartsSessions } from "sojourn/parts";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { durationOption } from "../../../src/core/options/duration.ts";

const store = memoryStore();

test.each<[() => unknown, string]>([
  [
    () => createSessions({ idletimeout: 1 } as never),
    'createSessions: there is no option "idletimeout"; did you mean "idleTimeout"?',
  ],
  [
    () => createSessions({ store, cookie: { sameSight: "lax" } as never }),
    'cookie: there is no option "sameSight"; did you mean "sameSite"?',
  ],
  [
    () => createPartsSessions({ parts: {}, idelTimeout: 1 } as never),
    'createPartsSessions: there is no option "idelTimeout"; did you mean "idleTimeout"?',
  ],
  [
    () => createPartsSessions({ parts: { a: { store, fields: "rest", persistant: true } } } as never),
    'parts.a: there is no option "persistant"; did you mean "persistent"?',
  ],
  [
    () => createPartsSessions({ parts: { a: { store, fields: "rest", cookie: { naem: "a" } } } } as never),
    'parts.a.cookie: there is no option "naem"; did you mean "name"?',
  ],
])("an unknown option is refused with the one that was meant: %s", (call, message) => {
  expect(call).toThrow(TypeError);
  expect(call).toThrow(message);
});

test("login refuses an option that it does not have, in one record and in parts", async () => {
  const one = createSessions({ store, warn() {} });
  const parts = createPartsSessions({ parts: { a: { store, fields: "rest", keyPrefix: "a:" } }, warn() {} });
  for (const sessions of [one, parts]) {
    let said = "";
    await fetchSessions(sessions)(async (request) => {
      const session = await sessions.get(request);
      try {
        session.login("ada", { persistant: true } as never);
      } catch (error) {
        said = String(error);
      }
      expect(session.subject).toBeUndefined();
      return new Response();
    })(new Request("https://shop.test/"));
    expect(said).toContain('session.login: there is no option "persistant"; did you mean "persistent"?');
  }
});

describe("milliseconds given as seconds", () => {
  const day = 86_400_000;
  test.each([60_000, 300_000, 900_000, 3_600_000, 1_800_000, 86_400_000, 21_600_000, 2_592_000_000])(
    "%d is an error that shows the text to write",
    (value) => {
      expect(() => durationOption("idleTimeout", value, 1000, 400 * day)).toThrow(
        `received ${value}. If you mean milliseconds, write "${value}ms"`,
      );
    },
  );

  test("are refused also for a short limit", () => {
    expect(() => durationOption("storeTimeout", 2000, 1, 600_000)).toThrow('write "2000ms"');
  });

  test.each([
    1800,
    3600,
    28_800,
    43_200,
    86_400,
    180_000,
    604_800,
    14 * 86_400,
    25 * 86_400,
    30 * 86_400,
    100 * 86_400,
    365 * 86_400,
    400 * 86_400,
  ])("%d is accepted as seconds", (value) => {
    expect(durationOption("idleTimeout", value, 1000, 400 * day)).toBe(value * 1000);
  });
});
