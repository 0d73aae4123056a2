/** The arithmetic of timeouts, on plain numbers: epoch milliseconds and milliseconds. */

import type { Meta } from "../contracts/format.ts";

/** The timeouts of a configuration in milliseconds; `Infinity` where one is off. */
export interface Timeouts {
  /** A session ends when it was not used for this long. */
  readonly idle: number;
  /** A session ends this long after it began, however busy it is. */
  readonly absolute: number;
  /** An unchanged session's expiry is moved at most this often. */
  readonly touchInterval: number;
  /** A session gets a new id when its id is older than this. */
  readonly renewAfter: number;
  /** How long the old id goes on working once the new one has been seen. */
  readonly renewGrace: number;
}

/** When a session ends in any case. */
export function endOf(now: number, meta: Meta, timeouts: Timeouts): number {
  return (meta.created ?? now) + (meta.absolute ?? timeouts.absolute);
}

/** When a session ends if it is used now. */
export function expiryOf(now: number, meta: Meta, timeouts: Timeouts): number {
  return Math.min(now + (meta.idle ?? timeouts.idle), endOf(now, meta, timeouts));
}

/**
 * When a session was last used, by when it ends: to within the steps in which that moves. In the last idle timeout of its
 * life it does not move any more. `undefined` where it never does.
 */
export function lastUseOf(meta: Meta, expiresAt: number, timeouts: Timeouts): number | undefined {
  const { idle = timeouts.idle, created = 0, authenticated = 0, renewed = 0 } = meta;
  return idle === Number.POSITIVE_INFINITY ? undefined : Math.max(expiresAt - idle, created, authenticated, renewed);
}

/** Whether a session has outlived its absolute timeout. */
export function isOver(now: number, meta: Meta, timeouts: Timeouts): boolean {
  return meta.created !== undefined && now >= endOf(now, meta, timeouts);
}

/** Whether the expiry has fallen behind by enough to be moved. */
export function isTouchDue(now: number, meta: Meta, expiresAt: number, timeouts: Timeouts): boolean {
  const behind = expiryOf(now, meta, timeouts) - expiresAt;
  return behind > 0 && behind >= Math.min(timeouts.touchInterval, (meta.idle ?? Number.POSITIVE_INFINITY) / 20);
}

/**
 * Whether a session would outlive what is configured, because it was saved when that was longer. Less than a fifth of
 * the idle timeout, at most 5 minutes, is what clocks of several nodes differ by.
 */
export function isShortened(expected: number, meta: Meta, expiresAt: number, timeouts: Timeouts): boolean {
  const { idle = timeouts.idle } = meta;
  return expiresAt - expected >= Math.max(timeouts.touchInterval, Math.min(300_000, idle / 5));
}

/** Whether the id is old enough to be renewed in passing. */
export function isRenewalDue(now: number, meta: Meta, timeouts: Timeouts): boolean {
  return now - (meta.renewed ?? meta.created ?? now) >= timeouts.renewAfter;
}

/** A cookie's Max-Age in whole seconds, never shorter than the session. Browsers cap it at 400 days (RFC 6265bis 5.5). */
export function maxAgeOf(now: number, expiresAt: number): number {
  return Math.min(Math.ceil((expiresAt - now) / 1000), 34_560_000);
}
