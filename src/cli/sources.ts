/** Finds the stores: from the SESSION_* keys, or from a module of the application. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import type { Store } from "../core/contracts/store.ts";
import { sessionsFromConfig } from "../flask/config.ts";
import type { Environment, Settings } from "./settings.ts";

/** Stores, and how to close their clients. */
interface Found {
  readonly stores: readonly Store[];
  close(): Promise<void>;
}

/** The environment; keys of a file count where the environment has none. */
export function readEnv({ env, cwd }: Environment, file: string | undefined): Environment["env"] {
  if (file === undefined) return env;
  return { ...parseEnv(readFileSync(resolve(cwd, file), "utf8")), ...env };
}

/** Opens them; creates nothing. */
export async function loadStores(settings: Settings, { env, cwd, stderr }: Environment): Promise<Found> {
  const { from, prefix, records } = settings;
  if (from !== undefined) return storesOf(from, (await import(pathToFileURL(resolve(cwd, from)).href)) as object);
  const warn = (message: string): void => {
    stderr.write(`${message}\n`);
  };
  const { sessions, close } = await sessionsFromConfig(env, { prefix, records, setup: false, warn });
  return { stores: sessions.stores, close };
}

function storesOf(from: string, module: object): Found {
  const { default: standard, ...named } = module as Record<string, unknown>;
  const exported = { ...(typeof standard === "object" ? standard : undefined), standard, ...named } as Record<
    string,
    unknown
  >;
  const { sessions, store, stores, close } = exported;
  const found = [sessions, store, stores, standard].flatMap((one) => {
    const { stores: inner = one } = Object(one) as { stores?: unknown };
    return Array.isArray(inner) ? inner : [inner];
  });
  const all = [...new Set(found)].filter(isStore);
  if (all.length === 0)
    throw new TypeError(
      `${from} must export sessions of createSessions(), a store, or stores in an array; it exports ${namesIn(named, standard)}`,
    );
  return {
    stores: all,
    async close() {
      if (typeof close === "function") await close();
    },
  };
}

function isStore(one: unknown): one is Store {
  const { read, capabilities } = Object(one) as Partial<Store>;
  return typeof read === "function" && typeof capabilities === "object";
}

function namesIn(named: object, standard: unknown): string {
  const names = [...Object.keys(named), ...(standard === undefined ? [] : ["default"])];
  return names.length === 0 ? "nothing" : names.slice(0, 10).join(", ");
}
