/** The file of one version of a record: one line of JSON, then the payload as it is. */

import { createHash } from "node:crypto";
import type { StoreRecord } from "../../core/contracts/store.ts";

/** What a record file says: a record without its expiry, which is in the name of its mark. */
export interface RecordFile {
  readonly key: string;
  readonly subject: string | undefined;
  readonly payload: string | Uint8Array;
}

type PayloadType = "text" | "utf16" | "bytes";

/** The bytes of the file for a record. */
export function encodeRecord(key: string, { payload, subject }: StoreRecord): Uint8Array {
  const [type, body] = bytesOf(payload);
  const header = JSON.stringify({ key, subject, type, size: body.length, sum: sumOf(body) });
  return Buffer.concat([Buffer.from(`${header}\n`), body]);
}

/**
 * The record in a file, or `undefined` when the file is not what was written: short, empty or full of zeros, as
 * a power cut may leave one that was not brought to disk.
 */
export function decodeRecord(content: Buffer): RecordFile | undefined {
  const end = content.indexOf(10);
  if (end === -1) return undefined;
  const header = parse(content.toString("utf8", 0, end));
  const body = content.subarray(end + 1);
  if (header?.size !== body.length || header.sum !== sumOf(body)) return undefined;
  const { key, subject, type } = header;
  if (typeof key !== "string" || (subject !== undefined && typeof subject !== "string")) return undefined;
  if (type === "bytes") return { key, subject, payload: new Uint8Array(body) };
  return { key, subject, payload: body.toString(type === "utf16" ? "utf16le" : "utf8") };
}

function bytesOf(payload: string | Uint8Array): [PayloadType, Uint8Array] {
  if (typeof payload !== "string") return ["bytes", payload];
  // A lone surrogate has no UTF-8 form, and the payload is to be given back exactly.
  return payload.isWellFormed() ? ["text", Buffer.from(payload)] : ["utf16", Buffer.from(payload, "utf16le")];
}

function sumOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 16);
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
