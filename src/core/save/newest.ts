/** The newest state of a session: read again when a save met another, and merged with what this request changed. */

import type { Content, Meta } from "../contracts/format.ts";
import type { Found } from "../contracts/records.ts";
import { applySchema, type StandardSchema } from "../contracts/schema.ts";
import type { Config } from "../options/options.ts";
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

/** Puts this request's changes onto the newest state of the record. False when there is none any more. */
export async function takeOver(work: Work): Promise<boolean> {
  const { state, found } = work;
  const { config, records } = work.core;
  if (!found) return true;
  const again = await records.again(found.place);
  const newest = again && config.schema ? await checked(config, again) : again;
  if (!newest?.content) return false;
  const base = state.format.decode(found.payload);
  // What was asked for meanwhile has changed the data already, so it goes along.
  work.marks.join(state.marks);
  state.marks = new Marks();
  const merged = merge(
    state.format,
    base,
    { data: state.data, meta: state.meta, ...work.marks },
    newest.content,
    config.together,
  );
  adopt(state.format, state.data, merged.data);
  state.meta = merged.meta;
  state.expiresAt = newest.expiresAt;
  work.found = { ...newest, current: found.current && newest.current };
  work.kept = keptOf(newest.content.meta);
  return true;
}
