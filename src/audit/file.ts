/**
 * An audit in a file that is only ever appended to, and rotated by size.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { isError, wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { oneOf } from "../core/options/checks.ts";
import type { AuditSink } from "./queue.ts";

/** Options of {@link auditFile}. */
export interface AuditFileOptions {
  /**
   * The file. Its directory must exist. Rotated files are in the same directory:
   * `audit.20261130T050000123Z-1a2b3c4d.jsonl`.
   */
  readonly path: string;
  /** The maximum size of the file in bytes. A file that would exceed it is rotated first. Default 10,000,000. */
  readonly maxBytes?: number | undefined;
  /** How many rotated files are kept; older ones are removed. Default: all. */
  readonly keep?: number | undefined;
  /** Waits for the disk after each line, so that nothing is lost when the machine loses power. Default false. */
  readonly sync?: boolean | undefined;
}

/**
 * Appends lines to a file, each with one synchronous write, so that a killed process loses none. Several processes of
 * one machine may write to one file: lines do not mix, and rotation loses none. Do not use it on network file systems,
 * which do not append in one step. Only the file's owner can read it.
 *
 * A slow disk makes logins slow, since each line waits for its write (some ten microseconds on an ordinary disk).
 *
 * @throws `TypeError` when an option is wrong; the error of the file system when the file cannot be opened.
 * @example
 * ```ts
 * import { auditFile } from "sojourn/audit/file";
 *
 * const to = auditFile({ path: "/var/log/shop/audit.jsonl", maxBytes: 50_000_000, keep: 20 });
 * ```
 */
export function auditFile(options: AuditFileOptions): AuditSink {
  checkKnown("auditFile", options, ["path", "maxBytes", "keep", "sync"]);
  const { path, maxBytes = 10_000_000, keep } = options;
  if (typeof path !== "string" || path === "") throw wrongArgument("path", "the path of a file", path);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1000)
    throw wrongArgument("maxBytes", "a whole number of bytes, at least 1000", maxBytes);
  if (keep !== undefined && (!Number.isSafeInteger(keep) || keep < 1))
    throw wrongArgument("keep", "a whole number of files, at least 1", keep);
  const file = new AppendedFile(resolve(path), maxBytes, keep, oneOf("sync", options.sync, [false, true]));
  return Object.assign((line: string): void => file.append(line), { close: () => file.close() });
}

class AppendedFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #keep: number | undefined;
  readonly #sync: boolean;
  #opened: { readonly fd: number; readonly ino: number } | undefined;
  /** The last line is not whole. */
  #torn = false;
  /** That it cannot be rotated has been said. */
  #grows = false;

  constructor(path: string, maxBytes: number, keep: number | undefined, sync: boolean) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#keep = keep;
    this.#sync = sync;
    this.#opened = this.#open();
  }

  append(line: string): void {
    const octets = Buffer.byteLength(line) + 1;
    const there = statSync(this.#path, { throwIfNoEntry: false });
    // Another process has rotated it, or logrotate has.
    if (!there || there.ino !== this.#opened?.ino) this.close();
    else if (there.size > 0 && there.size + octets > this.#maxBytes) this.#rotate();
    this.#opened ??= this.#open();
    const { fd } = this.#opened;
    const bytes = Buffer.from(`${this.#torn ? "\n" : ""}${line}\n`);
    // On an error, or when less is written since the disk is full, part of the line may be there.
    this.#torn = true;
    let written = 0;
    while (written < bytes.length) written += writeSync(fd, bytes, written);
    this.#torn = false;
    if (this.#sync) fdatasyncSync(fd);
  }

  #open(): { fd: number; ino: number } {
    const fd = openSync(this.#path, "a+", 0o600);
    const { ino, size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    // What a loss of power, or a full disk, left behind.
    this.#torn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
    return { fd, ino };
  }

  close(): void {
    if (this.#opened) closeSync(this.#opened.fd);
    this.#opened = undefined;
  }

  /** Renaming removes nothing: of two processes that rotate at once, one makes a file that is smaller. */
  #rotate(): void {
    try {
      renameSync(this.#path, rotatedName(this.#path));
    } catch (error) {
      if (!isMissing(error)) {
        this.#growsOn(error);
        return;
      }
    }
    this.close();
    if (this.#keep === undefined) return;
    for (const old of rotatedFiles(this.#path).slice(0, -this.#keep)) rmSync(old, { force: true });
  }

  /** A file that is too large is better than lines that are lost. */
  #growsOn(error: unknown): void {
    if (this.#grows) return;
    this.#grows = true;
    const { code = "" } = error as NodeJS.ErrnoException;
    console.warn(
      `sojourn: the audit file cannot be rotated (${code}), and goes on growing. Let this process rename it.`,
    );
  }
}

function isMissing(error: unknown): boolean {
  return isError(error) && (error as NodeJS.ErrnoException).code === "ENOENT";
}

function rotatedName(path: string): string {
  const extension = extname(path);
  // Later than the last, also within one millisecond.
  const last = rotatedFiles(path)
    .at(-1)
    ?.match(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-[0-9a-f]{8}\.?[^.]*$/);
  const [, year, month, day, hour, minute, second, ms] = last ?? [];
  const after = last ? Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`) : 0;
  const stamp = new Date(Math.max(Date.now(), after + 1)).toISOString().replace(/[-:.]/g, "");
  const unique = randomBytes(4).toString("hex");
  return `${path.slice(0, path.length - extension.length)}.${stamp}-${unique}${extension}`;
}

/** The rotated files of a path, the oldest first. */
export function rotatedFiles(path: string): string[] {
  const extension = extname(path);
  const name = basename(path, extension);
  const directory = dirname(path);
  const isRotated = (file: string): boolean =>
    file.startsWith(`${name}.`) &&
    file.endsWith(extension) &&
    /^\d{8}T\d{9}Z-[0-9a-f]{8}$/.test(file.slice(name.length + 1, file.length - extension.length));
  return readdirSync(directory)
    .filter(isRotated)
    .sort()
    .map((file) => join(directory, file));
}
