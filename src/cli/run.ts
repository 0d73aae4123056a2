/** Parses the command line and runs one command. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isError } from "../core/contracts/errors.ts";
import { nearest } from "../core/contracts/known.ts";
import { type Command, type Environment, type Found, type Options, UsageError, type Values } from "./command.ts";
import { commands } from "./commands.ts";
import { textOf } from "./errors.ts";
import { common, generalHelp, helpOf, sources } from "./help.ts";
import { loadSessions, readEnv, recordsOption } from "./sources.ts";
import { printable } from "./terminal.ts";

/** Runs one command. Answers the exit code; never rejects. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const { stdout, stderr } = environment;
  try {
    const { values, positionals } = parse(args);
    const [name, argument, ...others] = positionals;
    if (values["version"] === true) stdout.write(`${version()}\n`);
    else if (name === "help")
      stdout.write(argument === undefined ? generalHelp(commands) : helpOf(commandOf(argument)));
    else if (values["help"] === true)
      stdout.write(name === undefined ? generalHelp(commands) : helpOf(commandOf(name)));
    else if (args.length === 0) stdout.write(generalHelp(commands));
    else return await runCommand(commandOf(name), values, [argument, ...others], environment);
    return 0;
  } catch (error) {
    const isUsage = isError(error, "UsageError");
    const hint = isUsage ? "\nRun sojourn --help." : "";
    stderr.write(`sojourn: ${printable(textOf(error))}${hint}\n`);
    return isUsage || isError(error, "TypeError") ? 2 : 1;
  }
}

async function runCommand(
  command: Command,
  values: Values,
  [argument, ...others]: readonly (string | undefined)[],
  environment: Environment,
): Promise<number> {
  const unknown = command.argument ? others[0] : argument;
  if (unknown !== undefined) throw new UsageError(`${command.name} takes no ${JSON.stringify(unknown)}`);
  if (command.argument?.needed && argument === undefined)
    throw new UsageError(
      `${command.name} needs a ${command.argument.name}: sojourn ${command.name} <${command.argument.name}>`,
    );
  checkOptions(command, values);
  recordsOption(values);
  let found: Found | undefined;
  const env = readEnv(environment, values);
  const call = {
    ...environment,
    env,
    values,
    argument,
    json: values["json"] === true,
    commands,
    async load() {
      found ??= await loadSessions(values, { ...environment, env });
      return found;
    },
  };
  try {
    const code = await command.run(call);
    return typeof code === "number" ? code : 0;
  } finally {
    await found?.close();
  }
}

function commandOf(name: string | undefined): Command {
  const names = commands.map((command) => command.name);
  if (name === undefined) throw new UsageError(`name a command: ${names.join(", ")}`);
  const command = commands.find((one) => one.name === name);
  if (command) return command;
  const near = nearest(name, names);
  throw new UsageError(
    `there is no command ${JSON.stringify(name)}${near === undefined ? "" : `; did you mean ${near}?`}`,
  );
}

/** An option of another command is a mistake, and often a dangerous one. */
function checkOptions(command: Command, values: Values): void {
  const known = optionsOf(command);
  for (const name of Object.keys(values)) {
    if (Object.hasOwn(known, name)) continue;
    const whose = commands.filter((one) => Object.hasOwn(optionsOf(one), name)).map((one) => one.name);
    throw new UsageError(`${command.name} takes no --${name}; it is for ${whose.join(", ")}`);
  }
}

function optionsOf(command: Command): Options {
  return { ...(command.opens === false ? {} : sources), ...common, ...command.options };
}

function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  const all: Options = Object.assign({}, ...commands.map(optionsOf));
  const options = Object.fromEntries(
    Object.entries(all).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
  );
  try {
    const { values, positionals } = parseArgs({ args: withHandles(args, options), allowPositionals: true, options });
    return { values: values as Values, positionals };
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

/** A handle may begin with a dash, and is no option then. */
function withHandles(args: readonly string[], options: object): string[] {
  const isHandle = (text: string): boolean => /^-[\w-]{11}$/.test(text) && !Object.hasOwn(options, text.slice(2));
  const before = args.map((text, at) =>
    text === "--handle" && isHandle(args[at + 1] ?? "") ? `--handle=${args[at + 1]}` : text,
  );
  const rest = before.filter((text, at) => !(isHandle(text) && args[at - 1] === "--handle"));
  const handles = rest.filter(isHandle);
  return handles.length === 0 ? rest : [...rest.filter((text) => !isHandle(text)), "--", ...handles];
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return String(version);
}
