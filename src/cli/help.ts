/** What `sojourn help` says, made from the commands. */

import type { Command, Options } from "./command.ts";

/** Options of every command that opens stores. */
export const sources: Options = {
  from: {
    type: "string",
    value: "<file>",
    file: true,
    about: "a module that exports sessions, store or stores, and perhaps close",
  },
  env: {
    type: "string",
    value: "<file>",
    file: true,
    about: "SESSION_* keys from a file such as .env; the environment wins",
  },
  // Node itself answers to this one where the file is missing, before this program runs.
  "env-file": { type: "string", file: true, hidden: true, about: "" },
  prefix: { type: "string", value: "<text>", about: "the prefix of the keys: FLASK_" },
  records: { type: "string", value: "<kind>", about: "flask (default) or native, as of sessionsFromConfig" },
};

/** Options of every command. */
export const common: Options = {
  json: { type: "boolean", about: "one JSON object instead of text" },
  help: { type: "boolean", short: "h", about: "this" },
  version: { type: "boolean", short: "v", about: "the version" },
};

const codes = "Exit codes: 0 done, 1 failed or not found, 2 wrong options or configuration\n";

/** The output of `sojourn --help`: all commands and common options. */
export function generalHelp(commands: readonly Command[]): string {
  const rows = commands.map((command) => [synopsisOf(command), command.about] as const);
  return `Usage: sojourn <command> [options]

Commands
${table(rows)}
Where the sessions are: the SESSION_* keys of the environment, or a module
${optionTable(sources)}
Options of all commands
${optionTable(common)}
sojourn help <command> tells the options of one.

${codes}`;
}

/** One command. */
export function helpOf(command: Command): string {
  const own = Object.keys(command.options ?? {}).length === 0 ? "" : `\nOptions\n${optionTable(command.options ?? {})}`;
  const opens = command.opens === false ? "" : `\nWhere the sessions are\n${optionTable(sources)}`;
  return `Usage: sojourn ${synopsisOf(command)} [options]

${command.about[0]?.toUpperCase()}${command.about.slice(1)}.
${own}${opens}
Options of all commands
${optionTable(common)}
${codes}`;
}

function synopsisOf({ name, argument }: Command): string {
  if (!argument) return name;
  return `${name} ${argument.needed ? `<${argument.name}>` : `[${argument.name}]`}`;
}

function optionTable(options: Options): string {
  return table(
    Object.entries(options)
      .filter(([, { hidden }]) => hidden !== true)
      .map(([name, { short, value, about }]) => {
        const flags = short === undefined ? `--${name}` : `-${short}, --${name}`;
        return [value === undefined ? flags : `${flags} ${value}`, about] as const;
      }),
  );
}

const width = 21;
const columns = 80;

/** Two columns, in lines of at most 80 characters. */
function table(rows: readonly (readonly [string, string])[]): string {
  return rows
    .flatMap(([left, right]) => {
      const lines: string[] = [];
      for (const word of right.split(" ")) {
        const last = lines.at(-1);
        if (last !== undefined && width + 2 + last.length + 1 + word.length <= columns)
          lines[lines.length - 1] = `${last} ${word}`;
        else lines.push(word);
      }
      const [first = "", ...others] = lines;
      const head =
        left.length > width - 3
          ? [`  ${left}`, `${" ".repeat(width + 2)}${first}`]
          : [`  ${left.padEnd(width)}${first}`];
      return [...head, ...others.map((line) => `${" ".repeat(width + 2)}${line}`)];
    })
    .map((line) => `${line}\n`)
    .join("");
}
