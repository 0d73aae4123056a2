/** Asks the adopters what another library's cookie leads to, where a request has no session. */

import type { AdoptionDesk } from "../contracts/adopter.ts";
import type { Found, Late } from "../contracts/records.ts";
import type { Store } from "../contracts/store.ts";
import { expiryOf } from "../record/expiry.ts";
import { withTimeLimit } from "../record/time-limit.ts";
import { hasRoom } from "../save/limit.ts";
import type { SessionsCore } from "../save/request-record.ts";

/** Asks one adopter after the other. */
export function adopting({
  config,
  records,
  subjects,
}: SessionsCore): Required<Pick<SessionsCore, "adopt" | "endOld">> {
  const { format, events, persistent, now, store } = config;
  const desk: AdoptionDesk = {
    ...{ prefix: config.ids.prefix, format, events, persistent, now },
    expiresAt: () => expiryOf(now(), {}, config.timeouts),
    marked: async (key) => records.marked?.(key),
    isRevoked: async (subject) => (await subjects.epoch(subject)) !== undefined,
    hasRoom: (subject, handle) => hasRoom(config, subjects, subject, handle),
    limited: (name, call) => withTimeLimit(call, { ...(store as Store), name }, config, events),
  };
  const adopt = async (header: string): Promise<Found | Late | null> => {
    for (const adopter of config.adopt) {
      const found = await adopter.find(header, desk);
      if (found) return found;
    }
    return null;
  };
  const endOld = async (header: string): Promise<readonly string[] | undefined> => {
    const found = await adopt(header);
    if (!found || "late" in found) return undefined;
    const { handle, subject } = found.content?.meta ?? {};
    await records.remove(found.place, subject);
    events.emit("session_logout", { handle, subject });
    return found.leaves;
  };
  return { adopt, endOld };
}
