/** What this process has seen of sessions while it explains: whose record is gone can still be told why. */

import type { Meta } from "../core/contracts/format.ts";
import type { SessionEvent } from "../core/contracts/session-event.ts";
import { endOf, type Timeouts } from "../core/record/expiry.ts";
import { type Reason, reason } from "./reasons.ts";

/** How many sessions are remembered. */
const most = 10_000;

/** A session as it was seen last. */
interface Seen {
  readonly meta: Meta;
  readonly expiresAt: number;
}

/** How sessions that were seen have ended. */
export class History {
  readonly #seen = new Map<string, Seen>();
  readonly #ended = new Map<string, SessionEvent>();

  /** For `sessions.on`. */
  readonly listener = (event: SessionEvent): void => {
    const { type, handle } = event;
    if (handle === undefined || (type !== "session_logout" && type !== "session_revoked")) return;
    if (!this.#ended.has(handle)) remember(this.#ended, handle, event);
  };

  /** A session was found under a key. */
  see(key: string, { handle, created, idle, absolute }: Meta, expiresAt: number): void {
    const meta = { handle, created, idle, absolute } as Meta;
    remember(this.#seen, key, { meta, expiresAt });
  }

  /** Why nothing is under a key any more; `undefined` when nothing is known of it. */
  why(key: string, now: number, timeouts: Timeouts): Reason | undefined {
    const seen = this.#seen.get(key);
    if (!seen) return undefined;
    const { meta, expiresAt } = seen;
    return this.ofHandle(meta.handle) ?? (now >= expiresAt ? expiryReason(meta, expiresAt, timeouts) : undefined);
  }

  /** How the session with this handle was ended. */
  ofHandle(handle: string | undefined): Reason | undefined {
    const event = handle === undefined ? undefined : this.#ended.get(handle);
    if (!event) return undefined;
    const when = `At ${new Date(event.at).toISOString()}${event.reason ? `: ${event.reason}` : ""}.`;
    return reason(event.type === "session_logout" ? "logged_out" : "revoked", when);
  }
}

/** Which limit a session has met that ended at `expiresAt`. */
export function expiryReason(meta: Meta, expiresAt: number, timeouts: Timeouts): Reason {
  const isAbsolute = meta.created !== undefined && endOf(expiresAt, meta, timeouts) <= expiresAt;
  const { idle = timeouts.idle, absolute = timeouts.absolute } = meta;
  const limit = Math.round((isAbsolute ? absolute : idle) / 1000);
  const more = Number.isFinite(limit) ? `That is ${limit} s.` : undefined;
  return reason(isAbsolute ? "expired_absolute" : "expired_idle", more);
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
