/** The newest state of a session: read again when a save met another, and merged with what this request changed. */

import type { Content, Meta } from "../contracts/format.ts";
import type { Found, Place } from "../contracts/records.ts";
import { applySchema, type StandardSchema } from "../contracts/schema.ts";
import type { Config } from "../options/options.ts";
import { withoutPrototype } from "../record/json-format.ts";
import { adopt, merge } from "./changes.ts";
import type { Work } from "./commit.ts";
import { Marks } from "./record-session.ts";

/** What is known of a session where its record is to be ended. */
export function keptOf({ handle, subject }: Meta): Work["kept"] {
  return { handle, subject };
}

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

/** Puts this request's changes onto the newest state of the record. False when there is none any more, or it is another user's. */
export async function takeOver(work: Work): Promise<boolean> {
  const { state, found } = work;
  if (!found) return true;
  const newest = await newestOf(work, found.place);
  if (!newest) return false;
  // A request that was under way when somebody logged in writes nothing into that session, but for the same login.
  if (newest.moved === "login" && !isSameLogin(work, newest)) return false;
  if (newest.moved === "login" && work.marks.takenOver) join(work, work.marks, newest);
  else put(work, state.format.decode(found.payload), newest);
  work.found = { ...newest, current: found.current && newest.current };
  return true;
}

/** Goes on with the session that a late request's id once led to, where its logout or login concerns it. */
export async function goOn(work: Work, late: Place): Promise<void> {
  const newest = await newestOf(work, late);
  if (!newest) return;
  if (!work.state.destroyed) {
    if (!isSameLogin(work, newest)) return;
    work.marks = work.state.marks;
    join(work, work.marks, newest);
    work.state.marks = work.marks;
  }
  work.found = { ...newest, current: false };
  work.kept = keptOf((newest.content as Content).meta);
  work.moved = true;
}

async function newestOf({ core: { config, records } }: Work, place: Place): Promise<Found | null> {
  const again = await records.again(place);
  const newest = again && config.schema ? await checked(config, again) : again;
  return newest?.content ? newest : null;
}

function isSameLogin({ state, marks }: Work, { content }: Found): boolean {
  return (marks.loggedIn || state.marks.loggedIn) && content?.meta.subject === state.meta.subject;
}

/** The same user has just logged in there: what this request put into the session it had begun goes along. */
function join(work: Work, marks: Marks, newest: Found): void {
  marks.takenOver = false;
  marks.cleared = false;
  delete work.state.meta.handle;
  put(work, { data: withoutPrototype({}), meta: {} }, newest);
}

/** Merges what changed since `base` onto the newest state. */
function put(work: Work, base: Content, { content, expiresAt, current }: Found): void {
  const { state, core } = work;
  const theirs = content as Content;
  work.kept = keptOf(theirs.meta);
  work.moved ||= !current;
  // What was asked for meanwhile has changed the data already, so it goes along.
  if (work.marks !== state.marks) work.marks.join(state.marks);
  state.marks = new Marks();
  const mine = { data: state.data, meta: state.meta, ...work.marks };
  const merged = merge(state.format, base, mine, theirs, core.config.together);
  adopt(state.format, state.data, merged.data);
  state.meta = merged.meta;
  state.expiresAt = expiresAt;
}
