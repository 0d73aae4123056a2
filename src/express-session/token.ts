/** The cookie of express-session as a token: the signed id, percent-encoded. */

import type { TokenFormat } from "../core/client/token.ts";
import { type ExpressSecret, secretsOf, sign, unsign } from "./signature.ts";

/**
 * `s:id.signature` with HMAC-SHA-256. The first secret signs, and all verify. A cookie signed with another one is
 * signed again when it is next sent.
 *
 * @param secret The option `secret` of express-session. A `TypeError` when it is empty.
 */
export function expressToken(secret: ExpressSecret | readonly ExpressSecret[]): TokenFormat {
  const secrets = secretsOf(secret, "secret");
  return {
    seal: (id) => encodeURIComponent(sign(id, secrets[0] as ExpressSecret)),
    open(token) {
      const opened = unsign(decoded(token), secrets);
      return opened ? { id: opened.id, stale: opened.at > 0 } : null;
    },
  };
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
