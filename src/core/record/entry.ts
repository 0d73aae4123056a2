/** Reads what a listing found under a key: the session, as far as this process can decode it. */

import { handleOf } from "../client/id.ts";
import type { Content, Format } from "../contracts/format.ts";
import type { DeviceFields } from "../contracts/session-options.ts";
import type { ListedRecord } from "../contracts/store.ts";
import { lastUseOf, type Timeouts } from "./expiry.ts";
import { labelOf } from "./meta.ts";
import type { Entry } from "./revoke.ts";
import { isSignpost } from "./signposts.ts";

/**
 * The session in a listed record; `undefined` for a signpost. The subject of an anonymous session is `""`.
 *
 * @param refused Called when this process cannot decode the record: the entry then has no data, and a handle of its own.
 */
export async function entryOf(
  { format, timeouts }: { readonly format: Format; readonly timeouts: Timeouts },
  { key, payload, expiresAt, version, subject = "" }: ListedRecord,
  refused: (error: unknown) => void,
): Promise<Entry | undefined> {
  let content: Content | undefined;
  try {
    const own = (await format.unwrap?.(payload, key)) ?? payload;
    if (isSignpost(own)) return undefined;
    content = format.decode(own);
  } catch (error) {
    refused(error);
  }
  const meta = content?.meta ?? {};
  const { created: createdAt, authenticated: authenticatedAt, epoch, era, persistent = false } = meta;
  const handle = meta.handle ?? (await handleOf(key));
  const lastSeenAt = content && lastUseOf(meta, expiresAt, timeouts);
  const [label, device] = [labelOf(meta), meta.device as DeviceFields | undefined];
  const about = { handle, subject, current: false, label, device, persistent, actor: meta.actor?.subject };
  return {
    key,
    version,
    data: content?.data,
    epoch,
    era,
    order: meta.order ?? 0,
    info: { ...about, createdAt, authenticatedAt, lastSeenAt, expiresAt },
  };
}
