/**
 * Sessions that session-file-store keeps, a JSON file each.
 *
 * @module
 */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { PruneOptions, PruneResult, Store, StoreRecord } from "../core/contracts/store.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import { locked } from "../flask/files/lock.ts";
import { entriesIn } from "./json-entries.ts";

/** The options of {@link sessionFileStore}. */
export interface SessionFileStoreOptions {
  /** `path` of session-file-store: its directory. Default `"./sessions"`, from the working directory at this call. */
  readonly directory?: string | undefined;
  /** `ttl`: how long sessions without `cookie.maxAge` live when they are not used. Default `"1h"`. */
  readonly ttl?: Duration | undefined;
  /** `fileExtension`. Default `".json"`. */
  readonly extension?: string | undefined;
  /** The mode of new files. Default `0o600`. */
  readonly mode?: number | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`; tests pass their own. */
  readonly now?: (() => number) | undefined;
}

/** A {@link Store} that can `prune`. */
export type SessionFileStore = Store & Required<Pick<Store, "prune">>;

interface FileRecord {
  /** The session's JSON, without when it was last used. */
  readonly payload: string;
  readonly expiresAt: number;
}

const lastAccess = "__lastAccess";

/**
 * Keeps sessions in the directory of an application that uses session-file-store without its option `secret`. Give
 * `expressSession` the same `ttl`.
 *
 * Between processes that use this library, no update is lost. session-file-store has no locks: if it writes a file in
 * the few microseconds between our last look at it and its replacement, its write is lost. Expired sessions are
 * ignored; `prune()` removes them, or session-file-store's reaper.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { expressSession } from "sojourn/express-session";
 * import { sessionFileStore } from "sojourn/express-session/files";
 *
 * export const sessionsBesideExpress = (secret: string) =>
 *   createSessions({ ...expressSession({ secret, ttl: "1h" }), store: sessionFileStore({ directory: "./sessions" }) });
 * ```
 */
export function sessionFileStore(options: SessionFileStoreOptions = {}): SessionFileStore {
  checkKnown("sessionFileStore", options, ["directory", "ttl", "extension", "mode", "now"]);
  const { directory = "./sessions", ttl = "1h", extension = ".json", mode = 0o600, now = Date.now } = options;
  if (typeof directory !== "string" || directory === "" || directory.includes("\0"))
    throw wrongArgument("directory", "the path of a directory", directory);
  if (typeof extension !== "string" || !/^[.\w-]{0,20}$/.test(extension))
    throw wrongArgument("extension", 'the end of a file\'s name, such as ".json"', extension);
  if (!Number.isInteger(mode) || mode < 0o400 || mode > 0o777)
    throw wrongArgument("mode", "the mode of a file that its owner can read, such as 0o600", mode);
  if (typeof now !== "function") throw wrongArgument("now", "a function that returns epoch milliseconds", now);
  const base = resolve(directory);
  const lasts = durationOption("ttl", ttl, 1000, 400 * 86_400_000);
  let counter = 0;
  const nonce = (): string => `.sojourn-${process.pid}-${++counter}-${Math.random().toString(36).slice(2)}`;
  const lockPath = join(base, ".sojourn-lock");

  const pathOf = (key: string): string => {
    // Ids of a genid may be anything, and a file is to stay in its directory.
    const name = key.replace(/[^\w.~-]|^\./g, (one) => `%${one.charCodeAt(0).toString(16)}`);
    return join(base, name + extension);
  };
  const lifetime = (payload: string): number => {
    const { originalMaxAge } = (JSON.parse(payload) as { cookie?: { originalMaxAge?: unknown } }).cookie ?? {};
    return typeof originalMaxAge === "number" && originalMaxAge > 0 ? originalMaxAge : lasts;
  };
  const decode = (text: string): FileRecord | null => {
    try {
      const entries = entriesIn(text);
      const used = Number(entries.get(lastAccess));
      entries.delete(lastAccess);
      const payload = `{${Array.from(entries, ([key, raw]) => `${JSON.stringify(key)}:${raw}`).join()}}`;
      const expiresAt = used + lifetime(payload);
      return expiresAt > now() ? { payload, expiresAt } : null;
    } catch {
      // What cannot be read, its process removes.
      return null;
    }
  };
  const look = (key: string): FileRecord | null => {
    try {
      return decode(readFileSync(pathOf(key), "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  };
  const put = (key: string, { payload, expiresAt }: StoreRecord, isMine: () => boolean): string => {
    const text = typeof payload === "string" ? payload : new TextDecoder().decode(payload);
    const used = Math.ceil(expiresAt - lifetime(text));
    const scratch = join(base, nonce());
    writeFileSync(scratch, `${text.slice(0, -1)},"${lastAccess}":${used}}`, { mode });
    if (!isMine()) {
      rmSync(scratch, { force: true });
      throw new Error("the process slept while it wrote a session; nothing was saved");
    }
    renameSync(scratch, pathOf(key));
    return text;
  };
  const step = async <T>(work: (isMine: () => boolean) => T): Promise<T> => {
    mkdirSync(base, { recursive: true, mode: 0o700 });
    return locked(lockPath, nonce, work);
  };

  return {
    name: "session-file-store",
    space: "own",
    foreign: "",
    capabilities: {
      compareAndSwap: "atomic",
      nativeExpiry: false,
      expiryGranularity: 1,
      clock: "ours",
      atomicRename: false,
      list: false,
      bySubject: false,
      shared: true,
      maxPayloadBytes: undefined,
    },
    async read(key) {
      const text = await readFile(pathOf(key), "utf8").catch((error) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
      const found = text === undefined ? null : decode(text);
      return found && { ...found, version: found.payload };
    },
    create: (key, record) => step((isMine) => (look(key) ? null : put(key, record, isMine))),
    update: (key, record, version) =>
      step((isMine) => (look(key)?.payload === version ? put(key, record, isMine) : null)),
    touch: (key, expiresAt) =>
      step((isMine) => {
        const found = look(key);
        if (found && expiresAt > found.expiresAt) put(key, { ...found, expiresAt }, isMine);
        return found !== null;
      }),
    rename: (from, to, record, version) =>
      step((isMine) => {
        if (from === to || look(from)?.payload !== version || look(to)) return null;
        const made = put(to, record, isMine);
        rmSync(pathOf(from), { force: true });
        return made;
      }),
    delete: (key) => step(() => rmSync(pathOf(key), { force: true })),
    async prune({ limit = 1000, cursor = "" }: PruneOptions = {}): Promise<PruneResult> {
      const names = await step(() => readdirSync(base).filter((name) => name.endsWith(extension) && name > cursor));
      const some = names.sort().slice(0, limit);
      let removed = 0;
      for (const name of some) {
        removed += await step(() => {
          const path = join(base, name);
          if (name.startsWith(".") || decode(readFileSync(path, "utf8"))) return 0;
          rmSync(path, { force: true });
          return 1;
        }).catch(() => 0);
      }
      return { removed, cursor: names.length > some.length ? some.at(-1) : undefined };
    },
  };
}
