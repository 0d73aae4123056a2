/** Asks the adopters what another library's cookie leads to, where a request has no session of ours. */

import type { AdoptionDesk } from "../contracts/adopter.ts";
import type { Store } from "../contracts/store.ts";
import { expiryOf } from "../record/expiry.ts";
import { withTimeLimit } from "../record/time-limit.ts";
import type { SessionsCore } from "../save/request-record.ts";

/** Asks one adopter after the other. */
export function adopting({ config, records, subjects }: SessionsCore): NonNullable<SessionsCore["adopt"]> {
  const { format, events, persistent, now, store } = config;
  const desk: AdoptionDesk = {
    ...{ prefix: config.ids.prefix, format, events, persistent, now },
    expiresAt: () => expiryOf(now(), {}, config.timeouts),
    marked: async (key) => records.marked?.(key),
    isRevoked: async (subject) => (await subjects.epoch(subject)) !== undefined,
    limited: (name, call) => withTimeLimit(call, { ...(store as Store), name }, config, events),
  };
  return async (header) => {
    for (const adopter of config.adopt) {
      const found = await adopter.find(header, desk);
      if (found) return found;
    }
    return null;
  };
}
