/**
 * All sessions of an application, for those who run it: counted, page by page, one by its handle.
 *
 * @module
 */

import { wrongArgument } from "./core/contracts/errors.ts";
import { checkKnown } from "./core/contracts/known.ts";
import type { DeviceFields } from "./core/contracts/session-options.ts";
import type { ListedRecord, RecordCount } from "./core/contracts/store.ts";
import type { Config } from "./core/options/options.ts";
import { entryOf } from "./core/record/entry.ts";
import { Moving } from "./core/record/moving.ts";
import type { SessionInfo } from "./core/record/revoke.ts";
import { Signposts } from "./core/record/signposts.ts";
import type { Sessions } from "./core/request/sessions.ts";
import { Walk } from "./manage/walk.ts";

/** One session of an application. It is no credential. */
export interface ManagedSession<Device extends object = DeviceFields>
  extends Omit<SessionInfo<Device>, "subject" | "current"> {
  /** Who is logged in; `undefined` for an anonymous session. */
  readonly subject: string | undefined;
  /** False where this process cannot decode the session: it does not have the secret, or a newer version wrote it. */
  readonly readable: boolean;
  /** What the session holds, where `data: true` asked for it and the session is readable. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** Which sessions {@link pageSessions} returns. */
export interface PageSessionsOptions {
  /** Only sessions of this subject. Default: sessions of all. */
  readonly subject?: string | undefined;
  /** About how many, 1 to 1000. Default 100. */
  readonly limit?: number | undefined;
  /** The cursor of the previous page. Default: the beginning. */
  readonly cursor?: string | undefined;
  /** Whether to return the data of the sessions. Default false. */
  readonly data?: boolean | undefined;
}

/** Which sessions {@link allSessions} and {@link findSession} look at. */
export interface WalkSessionsOptions {
  /** Only sessions of this subject. Default: sessions of all. */
  readonly subject?: string | undefined;
  /** Whether to return the data of the sessions. Default false. */
  readonly data?: boolean | undefined;
}

/** Some sessions of an application. */
export interface SessionPage<Device extends object = DeviceFields> {
  readonly sessions: readonly ManagedSession<Device>[];
  /** Pass to the next call; `undefined` at the end. Where keys are ids, it is good in the process that answered it. */
  readonly cursor: string | undefined;
}

/**
 * How many sessions an application has: those of its `name` or key prefix. It counts records: for some minutes a
 * session with a new id counts twice, and sessions that `revokeEverybody` ended count until they expire.
 *
 * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when the store cannot count.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { countSessions } from "sojourn/manage";
 *
 * const sessions = createSessions();
 * const { count, estimate } = await countSessions(sessions);
 * console.log(estimate ? `about ${count}` : count);
 * ```
 */
export async function countSessions<Data extends object>(sessions: Sessions<Data>): Promise<RecordCount> {
  return walkOf("countSessions", sessions).count();
}

/**
 * One page of the sessions of an application, and the cursor of the next. A session that changes its id in between
 * may be missed or appear twice: to log a user out, use `sessions.revoke`.
 *
 * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when the store has no pages. `TypeError` for a wrong option or cursor.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { pageSessions } from "sojourn/manage";
 *
 * const sessions = createSessions();
 * const first = await pageSessions(sessions, { limit: 50 });
 * const second = first.cursor && (await pageSessions(sessions, { limit: 50, cursor: first.cursor }));
 * ```
 */
export async function pageSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: PageSessionsOptions = {},
): Promise<SessionPage> {
  checkKnown("pageSessions", options, ["subject", "limit", "cursor", "data"]);
  const walk = walkOf("pageSessions", sessions);
  const { limit, cursor, subject, data } = options;
  checkSubject(subject);
  const [mark, page] = await Promise.all([walk.mark(), walk.page({ limit, cursor, subject })]);
  const all = await Promise.all(page.records.map((record) => managed(walk.config, record, mark, data)));
  return { sessions: all.filter((one) => one !== undefined), cursor: page.cursor };
}

/**
 * All sessions of an application, one after the other. The memory that this needs does not grow with their number.
 *
 * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when the store cannot list.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { allSessions } from "sojourn/manage";
 *
 * const sessions = createSessions();
 * for await (const { handle, subject } of allSessions(sessions)) console.log(handle, subject);
 * ```
 */
export async function* allSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: WalkSessionsOptions = {},
): AsyncGenerator<ManagedSession> {
  checkKnown("allSessions", options, ["subject", "data"]);
  checkSubject(options.subject);
  const walk = walkOf("allSessions", sessions);
  const mark = await walk.mark();
  for await (const record of walk.all(options.subject)) {
    const one = await managed(walk.config, record, mark, options.data);
    if (one) yield one;
  }
}

/**
 * The session with a handle. It reads all sessions, or those of `subject`, since the handle is inside the session.
 *
 * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when the store cannot list.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { findSession } from "sojourn/manage";
 *
 * const sessions = createSessions();
 * const found = await findSession(sessions, "hX2pQ9wTz4kL", { subject: "ada" });
 * ```
 */
export async function findSession<Data extends object>(
  sessions: Sessions<Data>,
  handle: string,
  options: WalkSessionsOptions = {},
): Promise<ManagedSession | undefined> {
  checkHandle(handle);
  for await (const one of allSessions(sessions, options)) if (one.handle === handle) return one;
  return undefined;
}

/**
 * Ends the session with a handle, also one without a subject. Returns the ended session, or `undefined` if there is
 * none.
 *
 * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when the store cannot list.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { endSession } from "sojourn/manage";
 *
 * const sessions = createSessions();
 * const ended = await endSession(sessions, "hX2pQ9wTz4kL");
 * ```
 */
export async function endSession<Data extends object>(
  sessions: Sessions<Data>,
  handle: string,
  options: Pick<WalkSessionsOptions, "subject"> = {},
): Promise<ManagedSession | undefined> {
  checkKnown("endSession", options, ["subject"]);
  checkSubject(options.subject);
  checkHandle(handle);
  const walk = walkOf("endSession", sessions);
  const mark = await walk.mark();
  for await (const record of walk.all(options.subject)) {
    const one = await managed(walk.config, record, mark);
    if (one?.handle !== handle) continue;
    await end(sessions, walk, record, one);
    return one;
  }
  return undefined;
}

async function end<Data extends object>(
  sessions: Sessions<Data>,
  { config, store }: Walk,
  { key, subject }: ListedRecord,
  { handle, readable }: ManagedSession,
): Promise<void> {
  if (subject !== undefined && store.capabilities.bySubject && readable) {
    await sessions.revoke(subject, { handle });
    return;
  }
  const cookieName = config.cookie.name;
  const posts = new Signposts({ ...config, store, cookieName, renewGrace: config.timeouts.renewGrace });
  const standing = readable ? await posts.standing(key) : undefined;
  // What cannot be decoded has no signpost to follow.
  if (standing) await new Moving(posts).end(standing.place, subject);
  else await posts.limited(() => store.delete(key, subject));
  config.events.emit("session_revoked", { handle, subject });
}

async function managed(
  config: Config,
  record: ListedRecord,
  mark: number,
  withData = false,
): Promise<ManagedSession | undefined> {
  const entry = await entryOf(config, record, () => {});
  if (!entry || (entry.data !== undefined && (entry.era ?? 0) < mark)) return undefined;
  const { data, info } = entry;
  const { current: _, ...about } = info;
  const { subject } = record;
  const session = { ...about, device: info.device as DeviceFields | undefined, subject, readable: data !== undefined };
  return withData && data ? { ...session, data } : session;
}

function walkOf<Data extends object>(call: string, sessions: Sessions<Data>): Walk {
  const { kept } = Object(sessions) as Partial<Sessions<Data>>;
  const [kind] = kept?.kinds ?? [];
  if (kind) return new Walk(kind.config, kept?.everybody?.[0]);
  throw wrongArgument(`the first argument of ${call}()`, "sessions of createSessions()", sessions);
}

function checkSubject(subject: unknown): void {
  if (subject === undefined || (typeof subject === "string" && subject !== "")) return;
  throw wrongArgument("subject", "a text of 1 to 200 characters", subject);
}

function checkHandle(handle: unknown): void {
  if (typeof handle === "string" && handle !== "") return;
  throw wrongArgument("handle", "what session.handle says in a session", handle);
}
