/** Changes what a session notes of its binding, by compare-and-swap: of two changes at one instant, one sees the other. */

import { ticks } from "../core/contracts/clock.ts";
import { SessionError } from "../core/contracts/errors.ts";
import type { Content, LazyContent, Meta } from "../core/contracts/format.ts";
import type { Found } from "../core/contracts/records.ts";
import { isOver } from "../core/record/expiry.ts";
import { Noted, NotedDraft } from "../core/save/draft.ts";
import type { BinderCore } from "./core.ts";

/** A live session, as far as binding is concerned. */
export interface BoundFound extends Found {
  readonly content: Content | LazyContent;
}

/** What a change comes to: what is to be noted (nothing: it stays as it is), and what the caller learns. */
export interface Change<Result> {
  readonly bound?: Meta["bound"];
  readonly result: Result;
}

/** Writes once. `null`: another request has changed the session. The expiry stays: a refresh alone is no use of it. */
export async function write(
  { config: { format }, records }: BinderCore,
  found: BoundFound,
  bound: Meta["bound"],
): Promise<BoundFound | null> {
  const { content, place, expiresAt } = found;
  const meta = { ...content.meta, ...(bound && { bound }) };
  const changed = new Noted(content, meta);
  const payload =
    "encode" in content ? (content as LazyContent).encode(changed) : format.encode(changed, found.payload);
  const draft = new NotedDraft(content, meta, payload, expiresAt);
  const written = await records.update(place, draft);
  return written && { ...found, place: written.place, payload, content: changed };
}

/**
 * Decides by the newest state and writes, until no other request comes between. `null`: the session is gone, or belongs
 * to another login.
 *
 * @throws `ERR_SESSION_CONFLICT` after `conflictTimeout`; what the store throws.
 */
export async function swap<Result>(
  core: BinderCore,
  first: Found | null,
  decide: (meta: Meta) => Promise<Change<Result>> | Change<Result>,
): Promise<Result | null> {
  const { config, records } = core;
  const began = ticks();
  let found = first;
  for (let attempt = 1; ; attempt++) {
    if (!found?.content || found.moved === "login") return null;
    if (isOver(config.now(), found.content.meta, config.timeouts)) return null;
    const { bound, result } = await decide(found.content.meta);
    if (!bound || (await write(core, found as BoundFound, bound))) return result;
    if (attempt > 1) await config.wait(Math.random() * Math.min(2 ** attempt, 64));
    if (ticks() - began >= config.conflictTimeout || attempt > 1000) throw conflict(attempt);
    found = await records.again(found.place);
  }
}

function conflict(attempts: number): SessionError {
  const message = `the session was changed by others ${attempts} times while its binding was being saved; nothing was saved`;
  return new SessionError("ERR_SESSION_CONFLICT", message);
}
