/** The newest state of a session: read again when a save met another, and merged with what this request changed. */

import type { Content } from "../contracts/format.ts";
import type { Found, Place } from "../contracts/records.ts";
import { applySchema, type StandardSchema } from "../contracts/schema.ts";
import type { Config } from "../options/options.ts";
import { adopt, Marks, merge } from "./changes.ts";
import { identityOf, type RequestRecord } from "./request-record.ts";
import type { Newest } from "./turns.ts";

/** A record as the schema sees it. That is the baseline then, so that filling in a default is not a change. `null`: it was refused. */
export async function checked(config: Config, found: Found): Promise<Found | null> {
  const { data, meta } = found.content as Content;
  const seen = await applySchema(config.schema as StandardSchema, data);
  if (!seen) {
    const { handle, subject } = meta;
    config.events.emit("record_refused", { handle, subject, reason: "the schema refused the data" });
    return null;
  }
  const content = { data: seen, meta };
  return { ...found, content, payload: config.format.encode(content, found.payload) };
}

/** Reads the newest state of the record; `null`: it is gone. */
export async function readNewest({ core: { records } }: RequestRecord, place: Place): Promise<Newest | null> {
  const found = await records.again(place);
  if (!found?.content) return null;
  const { content, ...newest } = found;
  return { ...newest, handle: content.meta.handle };
}

/** Puts this request's changes onto the newest state of the record. False when it is none any more for this request. */
export async function takeOver(work: RequestRecord, newest: Newest): Promise<boolean> {
  const { state, found, core } = work;
  const before = found as Found;
  const theirs = core.config.schema ? await checked(core.config, content(work, newest)) : content(work, newest);
  // What was not decoded before is now, and may turn out to be damaged.
  void state.data;
  if (!theirs || work.ended) return false;
  // A request that was in flight when a user logged in writes nothing into that session, but for the same login.
  if (newest.moved === "login" && !isSameLogin(work, theirs)) return false;
  if (newest.moved === "login" && work.marks.takenOver) join(work, work.marks, theirs);
  else put(work, state.format.decode(work.base ?? before.payload), theirs);
  work.base = undefined;
  work.found = { ...theirs, place: beside(work, newest.place), current: before.current && newest.current };
  return true;
}

/** The place of the record as this request came to it, from that of another request. */
export function beside({ core: { records }, found }: RequestRecord, newest: Place): Place {
  return found && records.beside ? records.beside(found.place, newest) : newest;
}

/** What others have changed since this request's last save, which wrote the changes of several at once. */
export function newestOf({ found, identity }: RequestRecord): Newest {
  return { ...(found as Found), handle: identity.handle };
}

function content({ state: { format } }: RequestRecord, { handle, ...newest }: Newest): Found {
  const decoded = format.decode(newest.payload);
  if (format.foreign && handle !== undefined) decoded.meta.handle ??= handle;
  return { ...newest, content: decoded };
}

/** Goes on with the session that a late request's id once led to, where its logout or login concerns it. */
export async function goOn(work: RequestRecord, late: Place): Promise<void> {
  const { records, config } = work.core;
  const again = await records.again(late);
  // Ending it takes no reading.
  const newest = again && config.schema && !work.state.destroyed ? await checked(config, again) : again;
  if (!newest?.content) return;
  if (!work.state.destroyed) {
    if (!isSameLogin(work, newest)) return;
    work.marks = work.state.marks;
    join(work, work.marks, newest);
    work.state.marks = work.marks;
  }
  work.found = { ...newest, current: false };
  work.identity = identityOf(newest.content.meta);
  work.moved = true;
}

function isSameLogin({ state, marks }: RequestRecord, { content }: Found): boolean {
  return (marks.loggedIn || state.marks.loggedIn) && content?.meta.subject === state.meta.subject;
}

/** The same user has just logged in there: what this request put into the session it had begun goes along. */
function join(work: RequestRecord, marks: Marks, newest: Found): void {
  marks.takenOver = false;
  marks.cleared = false;
  delete work.state.meta.handle;
  put(work, { data: {}, meta: {} }, newest);
}

/** Merges what changed since `base` onto the newest state. */
function put(work: RequestRecord, base: Content, { content, expiresAt, current }: Found): void {
  const { state, core } = work;
  const theirs = content as Content;
  work.identity = identityOf(theirs.meta);
  work.moved ||= !current;
  // What was asked for in between has changed the data already, so it goes along.
  if (work.marks !== state.marks) work.marks.join(state.marks);
  state.marks = new Marks();
  const mine = { data: state.data, meta: state.meta, ...work.marks };
  const merged = merge(state.format, base, mine, theirs, core.config.together);
  adopt(state.format, state.data, merged.data);
  state.meta = merged.meta;
  state.expiresAt = expiresAt;
}
