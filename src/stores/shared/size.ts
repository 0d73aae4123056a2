/** Sessions that a backend has no room for. */

import { payloadBytes } from "../../core/bytes/bytes.ts";
import { isError, SessionError } from "../../core/contracts/errors.ts";

/** Throws when a payload has more bytes than fit; without a limit all do. `keeper` is who says so: `"DynamoDB"`. */
export function refuseTooLarge(payload: string | Uint8Array, most: number | undefined, keeper: string): void {
  if (most !== undefined && payloadBytes(payload) > most) throw tooLarge(payload, `${keeper} keeps at most ${most}`);
}

/** The same for a subject, which an index has to hold. */
export function refuseLongSubject(subject: string | Uint8Array, most: number, keeper: string): void {
  const length = payloadBytes(subject);
  if (length <= most) return;
  const message = `The subject has ${length} octets in UTF-8; ${keeper} keeps at most ${most}. Use the user's id.`;
  throw new SessionError("ERR_SESSION_TOO_LARGE", message);
}

/** The error for a session that does not fit. `room` says who keeps how much. */
export function tooLarge(
  payload: string | Uint8Array,
  room: string,
  remedy = "Keep less in the session.",
): SessionError {
  const message = `The session has ${payloadBytes(payload)} octets; ${room}. ${remedy}`;
  return new SessionError("ERR_SESSION_TOO_LARGE", message);
}

/** Whether a server, or its client, refused something for its size. */
export function isTooLarge(error: unknown): boolean {
  const { CancellationReasons: reasons = [] } = (error ?? {}) as {
    CancellationReasons?: readonly { Message?: string }[];
  };
  const texts = [isError(error) ? error.message : "", ...reasons.map(({ Message = "" }) => Message)];
  return texts.some((text) => /too large|greater than \d|(exceeded|exceeds) the maximum allowed size/i.test(text));
}
