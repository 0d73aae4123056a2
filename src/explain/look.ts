/** Looks for a request's session a second time, as a request does, and notes the events on the way instead of emitting them. */

import { isPromise } from "../core/bytes/bytes.ts";
import { unmarked } from "../core/bytes/witness.ts";
import { isSessionError } from "../core/contracts/errors.ts";
import { Events } from "../core/contracts/events.ts";
import { unsaid } from "../core/contracts/incoming.ts";
import type { SessionEvent, SessionEventType } from "../core/contracts/session-event.ts";
import type { Config } from "../core/options/options.ts";
import { isCookieStore } from "../core/record/cookie-store.ts";
import type { RecordsConfig } from "../core/record/place.ts";
import { Signposts } from "../core/record/signposts.ts";
import type { Arrived } from "../core/request/kept.ts";
import { coreOf, untracedLoad } from "../core/request/one-record.ts";
import type { Work } from "../core/save/commit.ts";
import { overHttp, type SentCookie, whyNone, whySeveral } from "./hints.ts";
import { expiryReason, type History } from "./past.ts";
import { type Reason, reason } from "./reasons.ts";

type RecordedEvent = Pick<SessionEvent, "type" | "handle" | "reason">;

/** Events without listeners. */
class RecordedEvents extends Events {
  readonly told: RecordedEvent[] = [];

  constructor(now: () => number) {
    super(now, () => {});
  }

  override emit(type: SessionEventType, { handle, reason }: Omit<SessionEvent, "type" | "at"> = {}): void {
    this.told.push({ type, handle, reason });
  }
}

/** What was found of one kind of record. */
export interface Seen {
  readonly reasons: readonly Reason[];
  readonly handle?: string | undefined;
  /** Whether the request may have been refused it all the same: what it is then. */
  readonly unless?: "binding_violated" | "revoked" | undefined;
}

/** Why a request has no session, or that it has one. Never rejects. */
export async function lookFor(given: Config, arrived: Arrived, past: History): Promise<Seen> {
  const events = new RecordedEvents(given.now);
  // A binding notes what it sees, and a mark of everybody's end is not there at once.
  const config = {
    ...given,
    events,
    endReused: false,
    cleanupEvery: undefined,
    deviceBound: undefined,
    everybody: undefined,
  };
  const cookie = sentCookie(given);
  const token = config.carrier.find(arrived.cookie);
  if (token === undefined) return { reasons: [reason("no_cookie"), ...whyNone(cookie, arrived)] };
  if (token === null) return { reasons: [reason("several_cookies"), ...whySeveral(cookie)] };
  const { request, cookie: header } = arrived;
  const incoming = { request, reader: {}, cookie: header, ...unsaid };
  let work: Work;
  try {
    work = await untracedLoad(coreOf(config), incoming, undefined, (one) => one);
  } catch (error) {
    const isSealed = isSessionError(error) && error.code === "ERR_SESSION_UNREADABLE";
    const code = isSessionError(error) ? `${error.code}.` : undefined;
    return { reasons: [isSealed ? reason("unreadable") : reason("store_unavailable", code)] };
  }
  const { found } = work;
  if (!found?.content) return { reasons: [await whyAbsent(config, events.told, work, token, past)] };
  const { meta } = found.content;
  const key = await keyOf(config, token);
  if (key !== undefined) past.see(key, meta, found.expiresAt);
  const isBound = given.deviceBound !== undefined && meta.bound !== undefined;
  const unless = isBound ? "binding_violated" : given.everybody && "revoked";
  return { reasons: [reason("found"), ...overHttp(cookie.removal, arrived)], handle: meta.handle, unless };
}

/** The cookie as it is sent. */
export function sentCookie({ cookie }: Config): SentCookie {
  return { name: cookie.name, removal: cookie.remove() };
}

async function whyAbsent(
  config: Config,
  told: readonly RecordedEvent[],
  { late }: Work,
  token: string,
  past: History,
): Promise<Reason> {
  const has = (type: SessionEventType): RecordedEvent | undefined => told.find((event) => event.type === type);
  if (has("id_reused")) return reason("old_id");
  if (has("session_expired")) return reason("expired_absolute");
  const refused = has("record_refused");
  if (refused) return reason(refused.reason?.startsWith("the schema") ? "schema_refused" : "undecodable");
  if (has("token_refused")) return reason((await hasOurShape(config, token)) ? "other_secret" : "malformed");
  return isCookieStore(config.store)
    ? whyCookieIsOver(config, has("session_use_after_expire"), late !== undefined, token, past)
    : whyNothingIsStored(config, token, past);
}

async function whyNothingIsStored(config: Config, token: string, past: History): Promise<Reason> {
  const key = await keyOf(config, token);
  if (key === undefined) return reason("no_such_session");
  const known = past.why(key, config.now(), config.timeouts);
  if (known) return known;
  // Where nothing can be read any more, nothing is known.
  const posts = new Signposts({ ...config, cookieName: config.cookie.name, renewGrace: 0 } as unknown as RecordsConfig);
  const standing = await posts.standing(key).catch(() => undefined);
  if (standing?.post) return reason(standing.post.to === "" ? "ended" : "replaced");
  const notes = config.format.foreign ? await posts.notes.of(key).catch(() => []) : [];
  return reason(notes.length > 0 ? "replaced" : "no_such_session");
}

async function whyCookieIsOver(
  config: Config,
  { handle, reason: why }: Partial<RecordedEvent> = {},
  isReplaced: boolean,
  token: string,
  past: History,
): Promise<Reason> {
  const ended = past.ofHandle(handle);
  if (ended) return ended;
  if (why !== "its time is over" || !isCookieStore(config.store)) return reason(isReplaced ? "replaced" : "ended");
  const { seal } = config.store;
  const { name } = config.cookie;
  const opened = (await seal.open(token, name)) ?? (await seal.open(token, `${name} ${config.keyPrefix}`));
  const meta = opened ? config.format.decode(opened.payload).meta : {};
  return expiryReason(meta, opened?.expiresAt ?? 0, config.timeouts);
}

/** The key of the record that a token leads to. */
async function keyOf(config: Config, token: string): Promise<string | undefined> {
  if (isCookieStore(config.store)) return undefined;
  const opening = config.token.open(token, config.cookie.name);
  const opened = isPromise(opening) ? await opening.catch(() => null) : opening;
  return opened && config.ids.accepts(opened.id) ? config.ids.keyOf(opened.id) : undefined;
}

/** Whether a token looks like one that these sessions would make with another secret. */
async function hasOurShape({ store, token, ids, cookie, format, now }: Config, text: string): Promise<boolean> {
  if (isCookieStore(store)) {
    const sample = await store.seal.seal(format.encode({ data: {}, meta: {} }), now(), cookie.name);
    return shapeOf(text).replace(/\d+/g, "") === shapeOf(sample).replace(/\d+/g, "") && text.length >= 32;
  }
  return shapeOf(text) === shapeOf(await token.seal(ids.create(), cookie.name)) && !ids.accepts(text);
}

/** The lengths of its words and what is between them, without the mark that vouches for it. */
function shapeOf(text: string): string {
  return unmarked(text).text.replace(/[\w-]+/g, (word) => `${word.length}`);
}
