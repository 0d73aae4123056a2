/** How the command says instants, numbers and texts from outside. */

import { styleText } from "node:util";
import type { Environment } from "./command.ts";
import { count, type Output, printable } from "./terminal.ts";

/** `3 sessions` */
export function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** A span in one or two units: `45s`, `12m`, `3h 5m`, `9d`. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 48) return seconds % 3600 < 60 ? `${hours}h` : `${hours}h ${Math.floor((seconds % 3600) / 60)}m`;
  return `${Math.floor(hours / 24)}d`;
}

/** `12m ago`, or a dash. */
export function ago(at: number | undefined, now: number): string {
  return at === undefined ? "–" : `${span(now - at)} ago`;
}

/** An instant in UTC: `2026-11-30 08:00:12Z`. */
export function instant(at: number | undefined): string | undefined {
  return at === undefined
    ? undefined
    : new Date(at)
        .toISOString()
        .replace("T", " ")
        .replace(/\.\d+Z$/, "Z");
}

/** A way to write a text. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow";

/** Colours, where the output is a terminal and `NO_COLOR` (no-color.org) does not say otherwise. */
export function painter(output: Output, env: Environment["env"]): (style: Style, text: string) => string {
  const { NO_COLOR = "", FORCE_COLOR = "", TERM } = env;
  const wanted = FORCE_COLOR !== "" && FORCE_COLOR !== "0" ? true : output.isTTY === true && TERM !== "dumb";
  if (NO_COLOR !== "" || !wanted) return (_, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}

/** A text of at most `most` characters that cannot steer the terminal. */
export function cell(text: string | undefined, most: number): string {
  const safe = printable(text ?? "–");
  return safe.length > most ? `${safe.slice(0, most - 1)}…` : safe;
}

/** Rows as columns that are as wide as their widest cell. */
export function columnsOf(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  return rows.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
