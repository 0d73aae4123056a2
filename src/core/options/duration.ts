/** Durations as people write them: `"30m"`, `"12h"`, or a number of seconds. */

import { wrongArgument } from "../contracts/errors.ts";

/** A length of time: seconds as a number, or a text such as `"250ms"`, `"90s"`, `"30m"`, `"12h"`, `"14d"`, `"2w"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const milliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A duration in milliseconds, or `null` when it is not one. */
export function parseDuration(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.round(value * 1000) : null;
  const match = typeof value === "string" ? /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d|w)$/.exec(value) : null;
  return match ? Math.round(Number(match[1]) * (milliseconds[match[2] as string] as number)) : null;
}

/** The same for an option: throws a `TypeError` that names it when it is not a duration within the limits. */
export function durationOption(name: string, value: unknown, least: number, most: number): number {
  const ms = parseDuration(value);
  const isMeant = typeof value === "number" && isMilliseconds(value, least, most);
  if (ms !== null && ms >= least && ms <= most && !isMeant) return ms;
  const takes = `a duration from ${inWords(least)} to ${inWords(most)}, as a number of seconds or a text like "30m"`;
  if (isMeant)
    throw new TypeError(`${name} must be ${takes}; received ${value}. If you mean milliseconds, write "${value}ms"`);
  throw typeof value === "string"
    ? new TypeError(`${name} must be ${takes}; received ${JSON.stringify(value.slice(0, 40))}`)
    : wrongArgument(name, takes, value);
}

/**
 * Whether a number of seconds looks like one of milliseconds: too long as the one and fitting as the other, or whole
 * minutes when it is divided by 1000, but no whole number of hours, from a week on of days.
 */
function isMilliseconds(value: number, least: number, most: number): boolean {
  if (!Number.isInteger(value) || value < least || value > most) return false;
  if (value * 1000 > most) return true;
  if (value < 60_000) return false;
  return value % 3_600_000 === 0 || (value % 60_000 === 0 && value % (value >= 600_000 ? 86_400 : 3600) !== 0);
}

/** Milliseconds as a short text: `"30m"`. */
export function inWords(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = milliseconds[unit] as number;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** Throws a `TypeError` when a session would end by age before it can be unused for so long. */
export function checkOrder(name: string, idle: number, absolute: number): void {
  if (idle <= absolute) return;
  const longest = inWords(absolute);
  throw new TypeError(
    `${name} must not be longer than absoluteTimeout, which ends the session anyway; received ${inWords(idle)}, and ` +
      `absoluteTimeout is ${longest}. Give absoluteTimeout too, such as absoluteTimeout: "${inWords(idle)}"`,
  );
}
