/** Records that are no records: the whole session travels in the cookie, and a store only knows what was ended. */

import { isPromise } from "../bytes/bytes.ts";
import { newHandle } from "../client/id.ts";
import { SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Content, Meta } from "../contracts/format.ts";
import type { Draft, Records, Written } from "../contracts/records.ts";
import type { CookieSessions, CookieSessionsConfig, CookieStore } from "./cookie-store.ts";
import { isHandle, Revocations } from "./revocations.ts";
import type { SubjectSessions } from "./subjects.ts";
import { guarded } from "./time-limit.ts";

/** The place of a cookie that a newer one has replaced: what is known of its session. */
interface Replaced {
  readonly replaced?: Meta;
}

/** Sessions in cookies, as options say. */
export function keptInCookies({
  seal,
  chunks = 1,
  revocations,
  latestOnly = false,
}: Pick<CookieStore, "seal"> & Partial<Pick<CookieStore, "chunks" | "revocations" | "latestOnly">>): CookieStore {
  const revocable = revocations !== undefined;
  const capabilities = { compareAndSwap: "none", revocable, list: false, bySubject: false, shared: true } as const;
  return { name: "cookie", inCookie: true, seal, chunks, revocations, latestOnly, capabilities, keep: cookieSessions };
}

/** A place is what the library knows of the session, a token is the session. */
function cookieSessions(
  { seal, revocations: notes, latestOnly }: CookieStore,
  config: CookieSessionsConfig,
): CookieSessions {
  const { format, cookieName, carrier, events } = config;
  const revocations = notes && new Revocations({ ...config, store: guarded(notes) });
  // Under another prefix there are no notes of before: cookies that were ended would be good again.
  const isDefault = `${cookieName.replace(/^__(Host|Secure)-/, "")}:` === config.keyPrefix;
  const bound = isDefault || format.foreign ? cookieName : `${cookieName} ${config.keyPrefix}`;

  /** Throws before anything is noted when it does not fit. */
  async function written({ payload, expiresAt, meta }: Draft): Promise<Written> {
    const token = await seal.seal(payload, expiresAt, bound);
    carrier.set(token, undefined, 0);
    return { place: { ...meta }, token };
  }
  async function replace(place: unknown, draft: Draft): Promise<Written | null> {
    const next = await written(draft);
    return !revocations || (await revocations.standing(place as Meta)) === "good" ? next : null;
  }
  async function rename(place: unknown, draft: Draft): Promise<Written | null> {
    const next = await written(draft);
    return !revocations || (await revocations.supersede(place as Meta, draft.meta)) ? next : null;
  }

  /** Saves it so that no older cookie is good any more. */
  async function supersede(place: unknown, { data, meta: before, ...draft }: Draft): Promise<Written | null> {
    const meta = { ...before, generation: newHandle() };
    const payload = format.encode({ data: { ...data }, meta }, draft.payload);
    return rename(place, { ...draft, data, meta, payload });
  }

  const records: Records = {
    inCookie: true,
    async find(token) {
      const opening = seal.open(token, bound);
      const opened = isPromise(opening) ? await opening : opening;
      if (!opened) {
        events.emit("token_refused", { reason: "malformed, incomplete, or not sealed by us" });
        return null;
      }
      const { payload, expiresAt, stale } = opened;
      let content: Content;
      try {
        content = format.decode(payload);
      } catch (error) {
        events.emit("record_refused", { reason: `not a record of format ${format.name}`, error });
        // Sealed by the other program, and good there.
        return format.foreign && expiresAt > config.now() ? { late: undefined, unreadable: {} } : null;
      }
      const { handle, subject } = content.meta;
      const live = expiresAt > config.now();
      const standing = live && revocations ? await revocations.standing(content.meta) : "good";
      if (live && standing === "good")
        return { place: { ...content.meta }, payload, content, expiresAt, stale, lost: false, current: true };
      const reason = live ? "ended before its time" : "its time is over";
      events.emit("session_use_after_expire", { handle, subject, reason });
      return standing === "late" ? { late: { replaced: content.meta } } : null;
    },
    // The newest state is with the client. Of what a cookie was replaced by, enough is known to end it.
    async again(place) {
      const { replaced } = place as Replaced;
      if (!replaced) return null;
      const { handle = "" } = replaced;
      const content: Content = { data: {}, meta: { handle } };
      return { place: replaced, payload: "", content, expiresAt: 0, stale: false, lost: false, current: false };
    },
    async fits(draft) {
      await written(draft);
    },
    create: written,
    update: latestOnly ? supersede : replace,
    touch: replace,
    rename,
    renew: rename,
    renews: () => true,
    lane: (place) => (place as Meta).handle ?? "",
    async remove(place) {
      await revocations?.end(place as Meta);
    },
    token: () => undefined,
    stamp(meta, login) {
      if (!revocations) return;
      meta.generation = newHandle();
      if (!login) return;
      delete meta.epoch;
      if (login.epoch !== undefined) meta.epoch = login.epoch;
    },
  };

  const subjects: SubjectSessions = {
    async list() {
      throw new SessionError("ERR_SESSION_NOT_SUPPORTED", "sessions that are kept in cookies cannot be listed");
    },
    async revoke(subject, options) {
      return (await subjects.beginRevoke(subject, options))();
    },
    async beginRevoke(subject, { handle, except }) {
      if (typeof subject !== "string" || subject === "")
        throw wrongArgument("subject", "a text of 1 to 200 characters", subject);
      if (!revocations) {
        const message = "sessions in cookies are revoked with the option revocations of cookieStore";
        throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
      }
      if (handle === undefined) await revocations.revokeAll(subject, except);
      else if (handle === except || !isHandle(handle)) return async () => 0;
      else await revocations.revokeOne(subject, handle);
      events.emit("session_revoked", { handle, subject });
      return async () => 0;
    },
    epoch: async (subject) => revocations?.epoch(subject),
    // A login carries the epoch it began in: when that moves, the session is dead by itself.
    moved: async () => false,
  };
  return { records, subjects };
}
