/** `sojourn config`: prints what every key means, as text or JSON. */

import { type ExplainedKey, explainConfig } from "../flask/config.ts";
import { type Command, textOption, UsageError } from "./command.ts";
import { recordsOption } from "./sources.ts";
import { jsonLine } from "./terminal.ts";

export const configCommand: Command = {
  name: "config",
  about: "show what the SESSION_* keys mean; opens nothing",
  run({ values, env, json, stdout }) {
    if (values["from"] !== undefined) throw new UsageError("config shows the SESSION_* keys; leave --from out");
    const rows = explainConfig(env, { prefix: textOption(values, "prefix"), records: recordsOption(values) });
    stdout.write(json ? jsonLine({ keys: rows }) : asText(rows));
  },
};

function asText(rows: readonly ExplainedKey[]): string {
  let text = "";
  const width = Math.max(...rows.map(({ key }) => key.length));
  for (const from of ["given", "default", "ignored"] as const) {
    const some = rows.filter((row) => row.from === from);
    if (some.length === 0) continue;
    text += `${titles[from]}\n${some.map((row) => lineOf(row, width)).join("")}`;
  }
  return text;
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
