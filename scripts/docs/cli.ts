/** The page of the command's options, made from the commands themselves. */

import type { Command, Options } from "../../src/cli/command.ts";
import { run } from "../lib.ts";
import { table } from "./table.ts";

/** Prints the commands as JSON: in a process of its own, since src runs with the condition `sojourn-source` only. */
const print = `
const [{ commands }, { common, sources }] = await Promise.all([import("./src/cli/commands.ts"), import("./src/cli/help.ts")]);
console.log(JSON.stringify({ commands, common, sources }));
`;

interface Help {
  readonly commands: readonly Command[];
  readonly common: Options;
  readonly sources: Options;
}

/** The parts of the page below its heading. */
export async function cliPage(root: string): Promise<string[]> {
  const { code, output } = await run("node", ["--conditions=sojourn-source", "--input-type=module", "--eval", print], {
    cwd: root,
  });
  if (code !== 0) throw new Error(output);
  const { commands, common, sources } = JSON.parse(output) as Help;
  return [
    "Every command and option. [The command sojourn](../cli.md) shows what they are for.",
    ...commands.flatMap(({ name, about, argument, options = {} }) => {
      const after = argument === undefined ? "" : argument.needed ? ` <${argument.name}>` : ` [${argument.name}]`;
      return [`## sojourn ${name}`, `\`sojourn ${name}${after}\`: ${about}.`, optionsTable(name, options)];
    }),
    "## Where the sessions are",
    "Of all commands that open them.",
    optionsTable("sources", sources),
    "## All commands",
    optionsTable("all", common),
  ];
}

function optionsTable(command: string, options: Options): string {
  const rows = Object.entries(options).flatMap(([name, { value, short, about, hidden }]) => {
    const shown = `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
    return hidden ? [] : [[`<a id="${command}--${name}"></a>\`${shown}\``, about.replaceAll("|", "\\|")]];
  });
  return rows.length === 0 ? "" : table(["option", "what it does"], rows);
}
