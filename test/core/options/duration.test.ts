/** Durations: what is one, and what is said about what is not. */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { durationOption, inWords, parseDuration } from "../../../src/core/options/duration.ts";

test.each([
  [0, 0],
  [1, 1000],
  [1.5, 1500],
  [0.0004, 0],
  [0.0005, 1],
  [86_400, 86_400_000],
  ["0s", 0],
  ["250ms", 250],
  ["1s", 1000],
  ["90s", 90_000],
  ["30m", 1_800_000],
  ["1.5h", 5_400_000],
  ["12h", 43_200_000],
  ["14d", 1_209_600_000],
  ["2w", 1_209_600_000],
  ["007s", 7000],
])("%j is %i ms", (value, ms) => {
  expect(parseDuration(value)).toBe(ms);
});

const notDurations: unknown[] = [
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "",
  "30",
  "m",
  "30 m",
  " 30m",
  "30m ",
  "30m\n",
  "-30m",
  "+30m",
  ".5h",
  "5.h",
  "1e3s",
  "0x10s",
  "30M",
  "30min",
  "1y",
  "1h30m",
  "Infinitys",
  "1234567890123s",
  "٣s",
  null,
  undefined,
  true,
  false,
  {},
  [],
  ["30m"],
  30n,
  new Date(0),
];

test.each(notDurations.map((value) => [inspect(value), value]))("%s is not a duration", (_, value) => {
  expect(parseDuration(value)).toBeNull();
});

test("a number of seconds too large to be milliseconds is refused by every option", () => {
  expect(() => durationOption("idleTimeout", Number.MAX_VALUE, 0, 1000)).toThrow(TypeError);
});

describe("a duration option", () => {
  test("accepts its limits, and not one millisecond beyond", () => {
    expect(durationOption("x", "1s", 1000, 2000)).toBe(1000);
    expect(durationOption("x", "2s", 1000, 2000)).toBe(2000);
    expect(() => durationOption("x", "999ms", 1000, 2000)).toThrow(TypeError);
    expect(() => durationOption("x", "2001ms", 1000, 2000)).toThrow(TypeError);
  });

  test.each([
    ["30 minutes", 'received "30 minutes"'],
    ["x".repeat(100), `received "${"x".repeat(40)}"`],
    [-5, "received -5"],
    [true, "received true"],
    [null, "received null"],
    [undefined, "received undefined"],
    [30n, "received 30n"],
    [{}, "received an object"],
    [[30], "received an array of 1"],
    [new Date(0), "received an instance of Date"],
    [() => 1, "received a function"],
  ])("says of %o what it accepts and what it got", (value, got) => {
    expect(() => durationOption("idleTimeout", value, 1000, 86_400_000)).toThrow(
      `idleTimeout must be a duration from 1s to 1d, as a number of seconds or a text like "30m"; ${got}`,
    );
  });
});

test.each([
  [0, "0ms"],
  [1, "1ms"],
  [999, "999ms"],
  [1000, "1s"],
  [1500, "1500ms"],
  [60_000, "1m"],
  [90_000, "90s"],
  [3_600_000, "1h"],
  [86_400_000, "1d"],
  [34_560_000_000, "400d"],
])("%i ms in words is %s", (ms, words) => {
  expect(inWords(ms)).toBe(words);
  expect(parseDuration(words)).toBe(ms);
});

test("given in milliseconds instead of seconds, the error shows how to write it", () => {
  expect(() => durationOption("staleness", 5000, 0, 60_000)).toThrow(
    'staleness must be a duration from 0ms to 1m, as a number of seconds or a text like "30m"; received 5000. If you mean milliseconds, write "5000ms"',
  );
  expect(() => durationOption("staleness", 100_000, 0, 60_000)).toThrow(/received 100000$/);
});
