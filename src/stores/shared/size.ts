/** Sessions that a backend has no room for: refused before anything is sent. */

import { payloadBytes } from "../../core/bytes/bytes.ts";
import { SessionError } from "../../core/contracts/errors.ts";

/** Throws when a payload has more octets than fit; without a limit all do. `keeper` is who says so: `"DynamoDB"`. */
export function refuseTooLarge(payload: string | Uint8Array, most: number | undefined, keeper: string): void {
  const size = payloadBytes(payload);
  if (most === undefined || size <= most) return;
  throw new SessionError(
    "ERR_SESSION_TOO_LARGE",
    `The session has ${size} octets; ${keeper} keeps at most ${most}. Keep less in the session.`,
  );
}
