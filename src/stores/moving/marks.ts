/** What stands where a record is on its way: a copy that does not count yet, and a tombstone. */

import { isBytes, utf8 } from "../../core/bytes/bytes.ts";
import type { StoreRecord, Version } from "../../core/contracts/store.ts";

type Payload = StoreRecord["payload"];

/** A copy in `to` that counts only when the original is replaced by {@link tombstone}. */
const pending = "sojourn-moving:";
/** Stands in `from` where a record has left: the copy in `to` is the record now. */
export const tombstone = "sojourn-moved";
const pendingBytes = utf8(pending);

/** The version of a record that is still in `from`. */
export class OldVersion {
  readonly #version: Version;
  constructor(version: Version) {
    this.#version = version;
  }

  /** The version that `from` knows; `undefined` for one of `to`. */
  static of(version: Version): Version | undefined {
    return typeof version === "object" && #version in version ? version.#version : undefined;
  }
}

/** Whether the record has moved to the other store. */
export function isTombstone({ payload }: Pick<StoreRecord, "payload">): boolean {
  return payload === tombstone;
}

/** Whether a payload is a copy that is not valid yet. */
export function isPending(payload: Payload): boolean {
  if (typeof payload === "string") return payload.startsWith(pending);
  return payload.length >= pendingBytes.length && pendingBytes.every((octet, at) => payload[at] === octet);
}

/** Marks a payload as a copy that is not valid yet. */
export function unsettled(payload: Payload): Payload {
  if (!isBytes(payload)) return pending + payload;
  const marked = new Uint8Array(pendingBytes.length + payload.length);
  marked.set(pendingBytes);
  marked.set(payload, pendingBytes.length);
  return marked;
}

/** Removes the mark that {@link unsettled} added. */
export function settled(payload: Payload): Payload {
  return typeof payload === "string" ? payload.slice(pending.length) : payload.slice(pendingBytes.length);
}
