/** Finds the sessions and their stores: from the SESSION_* keys, or from a module of the application. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import type { Store } from "../core/contracts/store.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { sessionsFromConfig } from "../flask/config.ts";
import { type Environment, type Found, textOption, UsageError, type Values } from "./command.ts";

/** The environment; keys of a file count where the environment has none. */
export function readEnv({ env, cwd }: Pick<Environment, "env" | "cwd">, values: Values): Environment["env"] {
  const file = textOption(values, "env") ?? textOption(values, "env-file");
  if (file === undefined) return env;
  try {
    return { ...parseEnv(readFileSync(resolve(cwd, file), "utf8")), ...env };
  } catch (error) {
    const { code } = error as { code?: unknown };
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${String(code)})`;
    throw new UsageError(`--env ${file}: ${why}. The sessions of a module are found with --from ./sessions.ts`);
  }
}

/** What the records are, as it was given. */
export function recordsOption(values: Values): "flask" | "native" | undefined {
  const { records } = values;
  if (records === undefined || records === "flask" || records === "native") return records;
  throw new UsageError(`--records must be flask or native; received ${JSON.stringify(records)}`);
}

/** Opens them; creates nothing. */
export async function loadSessions(values: Values, { env, cwd, stderr }: Environment): Promise<Found> {
  const from = textOption(values, "from");
  if (from !== undefined) return foundIn(from, await moduleOf(from, resolve(cwd, from)));
  const prefix = typeof values["prefix"] === "string" ? values["prefix"] : undefined;
  if (!Object.keys(env).some((key) => key.startsWith(`${prefix ?? ""}SESSION_`))) {
    const message = `there are no ${prefix ?? ""}SESSION_* keys in the environment. Name the module that exports your sessions, --from ./sessions.ts, or a file with the keys, --env .env`;
    throw new UsageError(message);
  }
  const warn = (message: string): void => {
    stderr.write(`${message}\n`);
  };
  const { sessions, close } = await sessionsFromConfig(env, {
    prefix,
    records: recordsOption(values),
    setup: false,
    warn,
  });
  return { sessions: [sessions], stores: sessions.stores, close };
}

async function moduleOf(from: string, path: string): Promise<object> {
  try {
    return (await import(pathToFileURL(path).href)) as object;
  } catch (error) {
    const { code, url } = error as { code?: unknown; url?: unknown };
    const isMissing = code === "ERR_MODULE_NOT_FOUND" && (url === undefined || url === pathToFileURL(path).href);
    if (isMissing) throw new UsageError(`--from ${from}: there is no such file`);
    throw error;
  }
}

function foundIn(from: string, module: object): Found {
  const { default: standard, ...named } = module as Record<string, unknown>;
  const exported = { ...(typeof standard === "object" ? standard : undefined), standard, ...named } as Record<
    string,
    unknown
  >;
  const { sessions, store, stores, close } = exported;
  const given = [sessions, store, stores, standard].flat();
  const inner = given.flatMap((one) => (Object(one) as { stores?: readonly unknown[] }).stores ?? [one]);
  const all = [...new Set(inner)].filter(isStore);
  const managers = [...new Set(given)].filter(isSessions);
  if (all.length === 0 && managers.length === 0)
    throw new TypeError(
      `${from} must export sessions of createSessions(), a store, or stores in an array; it exports ${namesIn(named, standard)}`,
    );
  return {
    sessions: managers,
    stores: all,
    async close() {
      if (typeof close === "function") await close();
    },
  };
}

function isSessions(one: unknown): one is Sessions<Record<string, unknown>> {
  return ((Object(one) as Partial<Sessions>).kept?.kinds?.length ?? 0) > 0;
}

function isStore(one: unknown): one is Store {
  const { read, capabilities } = Object(one) as Partial<Store>;
  return typeof read === "function" && typeof capabilities === "object";
}

function namesIn(named: object, standard: unknown): string {
  const names = [...Object.keys(named), ...(standard === undefined ? [] : ["default"])];
  return names.length === 0 ? "nothing" : names.slice(0, 10).join(", ");
}
