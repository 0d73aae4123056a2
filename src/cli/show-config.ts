/** `sojourn config`: prints what every key means, as text or JSON. */

import { type ExplainedKey, explainConfig } from "../flask/config.ts";
import type { Settings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export function showConfig({ prefix, records, json }: Settings, env: object, { stdout }: Terminal): void {
  const rows = explainConfig(env as Readonly<Record<string, unknown>>, { prefix, records });
  if (json) {
    stdout.write(`${JSON.stringify({ keys: rows })}\n`);
    return;
  }
  const width = Math.max(...rows.map(({ key }) => key.length));
  for (const from of ["given", "default", "ignored"] as const) {
    const some = rows.filter((row) => row.from === from);
    if (some.length === 0) continue;
    stdout.write(`${titles[from]}\n${some.map((row) => lineOf(row, width)).join("")}`);
  }
}

const titles = { given: "Given", default: "By default", ignored: "Given, and ignored" };

function lineOf({ key, value, note }: ExplainedKey, width: number): string {
  return note === undefined ? `  ${key.padEnd(width)}  ${value}\n` : `  ${key}\n${wrapped(note, "      ")}`;
}

/** Lines of at most 80 columns. */
function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= 80) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(indent + word);
  }
  return lines.map((line) => `${line}\n`).join("");
}
