/** Instants as a Python program has them that takes UTC for its local time: `datetime.utcnow().timestamp()`. */

import { wrongArgument } from "../../core/contracts/errors.ts";

/** Both ways, in epoch milliseconds. */
export interface LocalClock {
  /** The number that the store has for an instant. */
  stored(instant: number): number;
  /** The instant of a number in the store. */
  instant(stored: number): number;
}

/** The clock of a program whose local time is that of a zone. Throws a `TypeError` when there is no such zone. */
export function localClock(timeZone: unknown): LocalClock {
  const format = formatIn(timeZone);
  // How far the zone is ahead of UTC at an instant.
  const offset = (ms: number): number => {
    const whole = Math.floor(ms / 1000) * 1000;
    const parts = Object.fromEntries(format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
  };
  const within = (ms: number): boolean => Math.abs(ms) < 253_402_300_800_000;
  return {
    stored(instant) {
      if (!within(instant)) return instant;
      const near = instant - offset(instant);
      // Once more: summer time may have begun or ended in between.
      return instant - offset(near);
    },
    instant: (stored) => (within(stored) ? stored + offset(stored) : stored),
  };
}

function formatIn(timeZone: unknown): Intl.DateTimeFormat {
  try {
    if (typeof timeZone === "string" && timeZone !== "") {
      const field = "numeric";
      return new Intl.DateTimeFormat("en-US", {
        ...{ timeZone, calendar: "gregory", hourCycle: "h23" },
        ...{ year: field, month: field, day: field, hour: field, minute: field, second: field },
      });
    }
  } catch {
    // Said below.
  }
  throw wrongArgument("timeZone", 'the time zone of the process of Flask, such as "Europe/Paris"', timeZone);
}
