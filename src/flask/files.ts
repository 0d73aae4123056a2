/**
 * Sessions that Flask-Session keeps in files (`SESSION_TYPE = "filesystem"`, or cachelib's `FileSystemCache`).
 *
 * @module
 */

import { createHash } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown, checkNow, pruneOptions } from "../core/contracts/known.ts";
import type {
  PruneOptions,
  PruneResult,
  Store,
  StoreCapabilities,
  StoredRecord,
  Version,
} from "../core/contracts/store.ts";
import { Directory, type Generation, type Held } from "./files/directory.ts";
import { decodeEntry, type Entry } from "./files/entry.ts";

/** The options of {@link flaskFiles}. */
export interface FlaskFilesOptions {
  /** `SESSION_FILE_DIR`, or the first argument of `FileSystemCache`. A relative path counts from the working directory at this call. */
  readonly directory: string;
  /**
   * The version of cachelib in Flask's environment: `pip show cachelib` prints it. Default `"0.16"`, for that and
   * later. It decides how new sessions are written; those of every version are read, and stay as they are.
   */
  readonly cachelib?: "0.16" | "0.7" | "0.5" | "0.1" | undefined;
  /** The mode of the files: `SESSION_FILE_MODE`. Default `0o600`. */
  readonly mode?: number | undefined;
  /**
   * The numeric id of the user that Flask runs as, if it differs from this process's: `id -u www-data` prints it. The
   * directory and those above it may then belong to that user, and a group that this process is in may write to the
   * directory. Default none: they belong to this process's user or root.
   */
  readonly owner?: number | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`; tests pass their own. */
  readonly now?: (() => number) | undefined;
}

/** A {@link Store} that can `prune`. */
export type FlaskFiles = Store & Required<Pick<Store, "prune">>;

const generations: Readonly<Record<string, Generation>> = {
  "0.16": { hash: "sha256", header: "packed" },
  "0.7": { hash: "md5", header: "packed" },
  "0.5": { hash: "md5", header: "pickled" },
  "0.1": { hash: "md5", header: "pickled1" },
};

const capabilities: StoreCapabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1000,
  clock: "ours",
  atomicRename: false,
  list: false,
  bySubject: false,
  shared: true,
  maxPayloadBytes: undefined,
};

/**
 * Keeps sessions in the directory of a Flask application, as cachelib does. They are pickles, which
 * `flaskSession({ format: "pickle" })` reads and writes.
 *
 * Between processes that use this library, no update is lost. cachelib has no locks: if Flask writes a file in the few
 * microseconds between our last look at it and its replacement, Flask's write is lost. The directory must be on a file
 * system of this machine that has hard links.
 *
 * Expired sessions are ignored, and `prune()` removes them: call it now and then, from one process.
 *
 * Anyone who can put files in the directory, or replace the directory, can log in as any user. So every call refuses a
 * directory that can be replaced by another user than this process's, root and {@link FlaskFilesOptions.owner}.
 *
 * @throws TypeError when an option is of the wrong type.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskFiles } from "sojourn/flask/files";
 * import { flaskSession } from "sojourn/flask";
 *
 * const store = flaskFiles({ directory: "/srv/app/flask_session" });
 * export const sessions = createSessions({ ...flaskSession({ format: "pickle" }), store });
 * ```
 */
export function flaskFiles(options: FlaskFilesOptions): FlaskFiles {
  checkKnown("flaskFiles", options, ["directory", "cachelib", "mode", "owner", "now"]);
  const { directory: path, cachelib = "0.16", mode = 0o600, owner, now = Date.now } = options;
  if (typeof path !== "string" || path === "" || path.includes("\0"))
    throw wrongArgument("directory", "the path of a directory", path);
  const generation =
    typeof cachelib === "string" && Object.hasOwn(generations, cachelib) ? generations[cachelib] : undefined;
  if (!generation) throw wrongArgument("cachelib", `one of ${Object.keys(generations).join(", ")} as a text`, cachelib);
  if (!Number.isInteger(mode) || mode < 0o400 || mode > 0o777)
    throw wrongArgument("mode", "the mode of a file that its owner can read, such as 0o600", mode);
  if (owner !== undefined && (!Number.isSafeInteger(owner) || owner < 0))
    throw wrongArgument("owner", "the number of a user, as `id -u` prints it", owner);
  checkNow(options.now);

  const base = resolve(path);
  const directory = new Directory(base, generation, mode, owner);
  const isLive = (entry: Entry | null | undefined): entry is Entry => !!entry && now() < entry.expiresAt;

  /** The live session of a key, held open while `step` runs. Whatever else there is of it can go if `clear` says so. */
  function withLive<T>(key: string, flags: "r" | "r+", step: (held: Held | undefined, entry?: Entry) => T): T {
    const [first, second] = directory.pathsOf(key);
    return directory.hold(first, flags, (held) => {
      if (isLive(held?.entry)) return step(held, held.entry);
      return directory.hold(second, flags, (other) =>
        isLive(other?.entry) ? step(other, other.entry) : step(undefined),
      );
    });
  }

  /** Adds a file unless the key has a live one. Returns by how many the number of files grew, or `null` if the key is taken. */
  function place(key: string, expiresAt: number, payload: Uint8Array): number | null {
    const removed = directory
      .pathsOf(key)
      .map((one) => directory.hold(one, "r", (held) => !!held && !isLive(held.entry) && directory.remove(held)));
    if (withLive(key, "r", (held) => held !== undefined)) return null;
    if (!directory.add(directory.pathsOf(key)[0], expiresAt, payload)) return null;
    return 1 - removed.filter(Boolean).length;
  }

  return {
    name: "flask-files",
    capabilities,

    async read(key) {
      if (!directory.exists()) return null;
      for (const one of directory.pathsOf(key)) {
        const bytes = await readFile(one).catch((error) => {
          if (error.code === "ENOENT") return undefined;
          throw error;
        });
        const entry = bytes && decodeEntry(bytes);
        if (isLive(entry)) return recordOf(entry);
      }
      return null;
    },

    async create(key, record) {
      const [payload, expiresAt] = [bytesOf(record.payload), instant(record.expiresAt)];
      return directory.locked(() => {
        const more = place(key, expiresAt, payload);
        if (more === null) return null;
        directory.count(more);
        return versionOf(payload);
      });
    },

    async update(key, record, version) {
      const [payload, expiresAt] = [bytesOf(record.payload), instant(record.expiresAt)];
      return directory.locked((isMine) =>
        withLive(key, "r", (held, entry) => {
          if (!held || !entry || versionOf(entry.payload) !== version) return null;
          return directory.replace(held, entry, expiresAt, payload, isMine) ? versionOf(payload) : null;
        }),
      );
    },

    async touch(key, expiresAt) {
      const later = instant(expiresAt);
      return directory.locked(() =>
        withLive(key, "r+", (held, entry) => {
          if (held && entry && later > entry.expiresAt) directory.prolong(held, later);
          return held !== undefined;
        }),
      );
    },

    async rename(from, to, record, version) {
      const [payload, expiresAt] = [bytesOf(record.payload), instant(record.expiresAt)];
      return directory.locked((isMine) =>
        withLive(from, "r", (held, entry) => {
          if (!held || !entry || versionOf(entry.payload) !== version || from === to) return null;
          const more = place(to, expiresAt, payload);
          if (more === null) return null;
          const moved = isMine() && directory.remove(held);
          if (!moved) directory.removeAny(directory.pathsOf(to)[0]);
          directory.count(more - 1);
          return moved ? versionOf(payload) : null;
        }),
      );
    },

    async delete(key) {
      await directory.locked(() => {
        const removed = directory.pathsOf(key).filter((one) => directory.removeAny(one));
        directory.count(-removed.length);
      });
    },

    async prune(options?: PruneOptions): Promise<PruneResult> {
      const { limit, cursor = "" } = pruneOptions(options);
      const names = directory.exists() ? (await readdir(base)).sort() : [];
      let [removed, seen] = [0, 0];
      for (const name of names) {
        if (directory.isDraft(name)) discard(join(base, name));
        if (name <= cursor || !directory.isSession(name)) continue;
        if (await hasEnded(join(base, name))) removed += await remove(join(base, name));
        seen += 1;
        if (removed === limit || seen === limit * 10) return { removed, cursor: name };
      }
      return { removed, cursor: undefined };
    },
  };

  async function hasEnded(path: string): Promise<boolean> {
    const bytes = await readFile(path).catch(() => undefined);
    const entry = bytes && decodeEntry(bytes);
    return !!entry && !isLive(entry);
  }

  /** Looks again, and removes it if it is still so. */
  function remove(path: string): Promise<number> {
    return directory.locked(() =>
      directory.hold(path, "r", (held) => {
        if (!held?.entry || isLive(held.entry) || !directory.remove(held)) return 0;
        directory.count(-1);
        return 1;
      }),
    );
  }
}

/** What is not finished within an hour was left by a process that died. */
function discard(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && found.mtimeMs < Date.now() - 3_600_000) rmSync(path, { force: true });
}

function recordOf({ payload, expiresAt }: Entry): StoredRecord {
  return { payload: Uint8Array.from(payload), expiresAt, version: versionOf(payload) };
}

/** Of what is stored, so that Flask takes part; not of when it ends, so that a touch is no change. */
function versionOf(payload: Uint8Array): Version {
  return createHash("sha256").update(payload).digest("base64");
}

function bytesOf(payload: string | Uint8Array): Uint8Array {
  if (typeof payload !== "string") return payload;
  throw new TypeError('The sessions must be pickles: flaskSession({ format: "pickle" }) writes them');
}

function instant(expiresAt: number): number {
  if (typeof expiresAt === "number" && !Number.isNaN(expiresAt)) return expiresAt;
  throw wrongArgument("expiresAt", "epoch milliseconds", expiresAt);
}
