/** Parses the command line and runs one command. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isError } from "../core/contracts/errors.ts";
import { audit } from "./audit.ts";
import { cleanup } from "./cleanup.ts";
import type { Environment, Settings } from "./settings.ts";
import { setup } from "./setup.ts";
import { showConfig } from "./show-config.ts";
import { loadStores, readEnv } from "./sources.ts";

/** A wrong command or option: exit code 2. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

const help = `Usage: sojourn <command> [options]

Commands
  cleanup   remove ended sessions, batch by batch, from stores that do not do so
            by themselves: SQL, files, Elasticsearch and others
  setup     create the tables, indexes and collections that are missing
  config    show what the SESSION_* keys mean, without opening anything
  audit     who was in when, and who ended it: --file audit.jsonl --subject ada

Where the stores are: the SESSION_* keys of the environment, or a module
  --from <file>       a module that exports sessions, store or stores,
                      and may export close
  --env-file <file>   keys from a file such as .env; the environment goes first
  --prefix <text>     what the keys begin with: FLASK_
  --records <kind>    flask (default) or native, as of sessionsFromConfig

Options
  --file <file>       audit: what auditFile() writes to
  --subject <text>    audit: whose sessions
  --since, --until    audit: from when, to when; 2026-11-30 or an instant
  --batch <n>         cleanup: how many sessions to remove at a time (1000)
  --json              one JSON object instead of text
  -h, --help          this
  -v, --version       the version

Exit codes: 0 done, 1 failed, 2 wrong options or configuration
`;

/** Runs one command. Answers the exit code; never rejects. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  const { stdout, stderr } = environment;
  const say = (line: string): void => {
    stdout.write(`${line}\n`);
  };
  try {
    const { values, positionals } = parse(args);
    if (values.version) say(version());
    else if (values.help || (positionals.length === 0 && args.length === 0)) stdout.write(help);
    else await command(positionals, values, environment);
    return 0;
  } catch (error) {
    const isUsage = isError(error, "UsageError");
    const isUserError = isUsage || isError(error, "TypeError");
    const hint = isUsage ? "\nRun sojourn --help." : "";
    stderr.write(`sojourn: ${textOf(error)}${hint}\n`);
    return isUserError ? 2 : 1;
  }
}

async function command(positionals: readonly string[], values: Values, environment: Environment): Promise<void> {
  const [name, ...others] = positionals;
  if (name === undefined) throw new UsageError("name a command: cleanup, setup, config or audit");
  if (!["cleanup", "setup", "config", "audit"].includes(name))
    throw new UsageError(`there is no command ${JSON.stringify(name)}`);
  if (others[0] !== undefined) throw new UsageError(`${name} takes no ${JSON.stringify(others[0])}`);
  if (name === "audit") {
    const { file, subject, since, until, json = false } = values;
    return audit({ file, subject, since, until, json }, environment.cwd, environment.stdout);
  }
  const settings = settingsOf(values);
  const env = readEnv(environment, values["env-file"]);
  if (name === "config") {
    if (settings.from !== undefined) throw new UsageError("config shows the SESSION_* keys; leave --from out");
    showConfig(settings, env, environment);
    return;
  }
  const { stores, close } = await loadStores(settings, { ...environment, env });
  try {
    await (name === "cleanup" ? cleanup : setup)(stores, settings, environment);
  } finally {
    await close();
  }
}

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: "string" },
        "env-file": { type: "string" },
        prefix: { type: "string" },
        records: { type: "string" },
        batch: { type: "string" },
        file: { type: "string" },
        subject: { type: "string" },
        since: { type: "string" },
        until: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "v" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

function settingsOf({ from, prefix, records, batch = "1000", json = false }: Values): Settings {
  if (records !== undefined && records !== "flask" && records !== "native")
    throw new UsageError(`--records must be flask or native; received ${JSON.stringify(records)}`);
  const size = /^\d{1,9}$/.test(batch) ? Number(batch) : 0;
  if (size < 1) throw new UsageError(`--batch must be a whole number of at least 1; received ${JSON.stringify(batch)}`);
  return { from, prefix, records, batch: size, json };
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return String(version);
}

/** The message with those of its causes: what a store's client says helps most. */
function textOf(error: unknown): string {
  if (!isError(error)) return String(error);
  const { message, name, cause = (error as Partial<AggregateError>).errors?.[0] } = error;
  const told = message || String((error as { code?: unknown }).code ?? name);
  return cause === undefined || told.includes(textOf(cause)) ? told : `${told}: ${textOf(cause)}`;
}
