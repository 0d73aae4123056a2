/** The file store: sessions in a directory of this machine, shared by its processes, without a server or a daemon. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { Place } from "./file/place.ts";
import { type FileStore, filesIn } from "./file/store.ts";
import { checkOptions } from "./shared/options.ts";

export type { FileStore } from "./file/store.ts";

/** The options of {@link fileStore}. */
export interface FileStoreOptions {
  /**
   * Where the records are kept; a relative path is resolved against the working directory at this call. Created at
   * the first write, with mode 0700, if it does not exist. It must be on a file system of this machine: on a network
   * file system two machines can both win a compare-and-swap.
   */
  readonly directory: string;
  /**
   * Whether a write is on disk before it resolves. True costs a few flushes of the disk for every write. With false, a
   * write survives the end of the process, even `kill -9`. But a power cut or a crash of the system can undo the last
   * seconds: sessions written then may be lost, and ended ones may come back until they expire. Default: false.
   */
  readonly durable?: boolean | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`; tests pass their own. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in files, safe between any number of processes on one machine. There are no lock files, so a process
 * that dies blocks nothing: a record is the old one or the new one.
 *
 * Expired records are ignored, and removed by `prune()`: with the option `cleanupEvery`, or from a job. Errors of the
 * file system (`EACCES`, `ENOSPC`, `EROFS`) are passed on unchanged. The store refuses a directory that another user
 * could replace. So this directory and all above it must belong to this process's user or root, and others must not be
 * able to write in them, unless they are sticky, as `/tmp` is.
 *
 * @throws TypeError when an option is of the wrong type.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { fileStore } from "sojourn/stores/file";
 *
 * const store = fileStore({ directory: "/var/lib/shop/sessions" });
 * export const sessions = createSessions({ store, cleanupEvery: 1000 });
 * ```
 */
export function fileStore(options: FileStoreOptions): FileStore {
  checkOptions<FileStoreOptions>("fileStore", options, { directory: true, durable: true, now: true });
  const { directory, durable = false, now = Date.now } = options;
  if (typeof directory !== "string" || directory === "" || directory.includes("\0")) {
    throw wrongArgument("directory", "the path of a directory", directory);
  }
  if (typeof durable !== "boolean") throw wrongArgument("durable", "true or false", durable);
  return filesIn(new Place(directory), durable, now);
}
