/** What a command of `sojourn` is. Each is a file of its own, and a line in `commands.ts`. */

import type { Store } from "../core/contracts/store.ts";
import type { Sessions } from "../core/request/sessions.ts";
import type { Terminal } from "./terminal.ts";

/** Where the command runs. */
export interface Environment extends Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Asks the person at the terminal. Absent where there is none. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
}

/** Sessions, their stores, and how to close their clients. */
export interface Found {
  /** Empty where a module exports stores only. */
  readonly sessions: readonly Sessions<Record<string, unknown>>[];
  /** Those of the sessions, and those that are exported beside them. */
  readonly stores: readonly Store[];
  close(): Promise<void>;
}

/** An option of a command. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What stands for its value in the help: `<n>`. */
  readonly value?: string;
  readonly about: string;
  /** It is taken, and not in the help. */
  readonly hidden?: boolean;
  /** Its value is the path of a file, for completion. */
  readonly file?: boolean;
}

/** By name, without the dashes. */
export type Options = Readonly<Record<string, Option>>;

/** The options as they were given. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

/** One run of a command. */
export interface Call extends Environment {
  readonly values: Values;
  /** What stands after the name of the command. */
  readonly argument: string | undefined;
  readonly json: boolean;
  /** Every command there is. */
  readonly commands: readonly Command[];
  /** Opens the sessions and stores that `--from` or the keys name; they are closed when the command is done. */
  load(): Promise<Found>;
}

/** A command. */
export interface Command {
  readonly name: string;
  /** What it does, in one line of at most 60 characters. */
  readonly about: string;
  /** What may stand after its name. */
  readonly argument?: { readonly name: string; readonly needed: boolean };
  readonly options?: Options;
  /** Whether it takes `--from` and the like. Default true. */
  readonly opens?: boolean;
  /** What it answers, or resolves to, is the exit code where it is a number, and otherwise 0. */
  run(call: Call): unknown;
}

/** A wrong command or option: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The text of an option, or `undefined`. */
export function textOption(values: Values, name: string): string | undefined {
  const value = values[name];
  if (value === "") throw new UsageError(`--${name} must not be empty`);
  return typeof value === "string" ? value : undefined;
}

/** A whole number of at least 1. */
export function numberOption(values: Values, name: string, standard: number, most = 999_999_999): number {
  const text = textOption(values, name) ?? String(standard);
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  const takes = most === 999_999_999 ? "a whole number of at least 1" : `a whole number from 1 to ${most}`;
  throw new UsageError(`--${name} must be ${takes}; received ${JSON.stringify(text)}`);
}

/** An instant such as `2026-11-30`, `2026-11-30T08:00Z` or how long ago: `2h`. In epoch milliseconds. */
export function instantOption(values: Values, name: string): number | undefined {
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const [, number, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const at = number === undefined ? Date.parse(text) : Date.now() - Number(number) * (units[unit] ?? 0);
  if (!Number.isNaN(at)) return at;
  const takes = "an instant such as 2026-11-30 or 2026-11-30T08:00Z, or how long ago: 2h";
  throw new UsageError(`--${name} must be ${takes}; received ${JSON.stringify(text)}`);
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
