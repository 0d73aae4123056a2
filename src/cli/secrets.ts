/** `sojourn secrets`: says which secret still opens something, so that one knows when an old one can go. */

import type { Format } from "../core/contracts/format.ts";
import type { Store } from "../core/contracts/store.ts";
import type { Config } from "../core/options/options.ts";
import { isCookieStore } from "../core/record/cookie-store.ts";
import { StoreFailure } from "./cleanup.ts";
import type { Call, Command } from "./command.ts";
import { count, jsonLine, Progress } from "./terminal.ts";

export const secretsCommand: Command = {
  name: "secrets",
  about: "show which secret still opens something",
  run: secrets,
};

/** How many records each secret opens. */
interface Opened {
  readonly store: string;
  readonly part?: string | undefined;
  /** By the place of the secret: the first seals. */
  readonly opens: readonly number[];
  /** Not encrypted, or sealed with a secret that is not there. */
  readonly none: number;
}

/** Looks at every record of the sessions that a module exports. Changes nothing. */
async function secrets({ json, stdout, stderr, load }: Call): Promise<void> {
  const { sessions } = await load();
  const kinds = sessions.flatMap((one) => one.kept.kinds);
  if (kinds.length === 0)
    throw new TypeError("secrets needs --from <file>, a module that exports the sessions of createSessions()");
  const all: Opened[] = [];
  const advice: string[] = [];
  for (const { part, config } of kinds) {
    const { store, format } = config;
    const where = part === undefined ? store.name : `${store.name} (part ${part})`;
    const { openedBy } = format;
    if (isCookieStore(store) || !openedBy || !store.list) {
      advice.push(`${where}: ${unknown(config)}`);
      continue;
    }
    const opened = await look(store, format, config.ids.prefix, json ? undefined : new Progress(stderr, where));
    all.push({ ...opened, store: store.name, part });
    if (!json) stdout.write(asText(where, opened));
  }
  if (json) stdout.write(jsonLine({ stores: all, unknown: advice }));
  else for (const line of advice) stdout.write(`${line}\n`);
}

async function look(
  store: Store,
  format: Format,
  prefix: string,
  progress: Progress | undefined,
): Promise<Pick<Opened, "opens" | "none">> {
  const opens: number[] = [];
  let [none, seen] = [0, 0];
  try {
    for await (const { key, payload } of store.list!()) {
      if (!key.startsWith(prefix)) continue;
      const { at, of } = await format.openedBy!(payload, key);
      while (opens.length < of) opens.push(0);
      if (at === null) none += 1;
      else opens[at] = (opens[at] ?? 0) + 1;
      seen += 1;
      progress?.show(`${count(seen)} records`);
    }
  } catch (error) {
    throw new StoreFailure(`${store.name}: could not be read`, { cause: error });
  } finally {
    progress?.end();
  }
  return { opens, none };
}

/** What no store can tell: which secret sealed the cookies that clients hold. */
function unknown({ store, timeouts, format }: Config): string {
  // A session in use is sealed again with the first; one whose responses were lost has its absolute timeout.
  const longest = Number.isFinite(timeouts.absolute) ? timeouts.absolute : timeouts.idle;
  const days = `${count(Math.ceil(longest / 3_600_000))} hours`;
  if (isCookieStore(store))
    return `sessions are in cookies, which clients hold: an old secret can go ${days} after the new one seals everywhere`;
  if (format.openedBy) return "this store cannot list its records";
  return `records are not encrypted. Secrets of the token: an old one can go ${days} after the new one seals everywhere`;
}

function asText(where: string, { opens, none }: Pick<Opened, "opens" | "none">): string {
  if (opens.length === 0) return `${where}: there is no record, so the first secret alone will do\n`;
  const lines = opens.map((number, at) => {
    const what = at === 0 ? "the first secret, which seals" : `secret ${at + 1}`;
    const advice = at === 0 ? "" : number === 0 ? ": opens nothing, and can go" : ": still needed";
    return `  ${what.padEnd(30)} ${count(number).padStart(12)}${advice}`;
  });
  if (none > 0) lines.push(`  ${"none of them".padEnd(30)} ${count(none).padStart(12)}`);
  return `${where}\n${lines.join("\n")}\n`;
}
