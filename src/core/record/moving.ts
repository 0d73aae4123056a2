/** Moves records to new ids and ends them, so that one of several at once wins. What a failure has left is undone by `undoing.ts`. */

import { handleOf } from "../client/id.ts";
import type { Draft, Verb, Written } from "../contracts/records.ts";
import type { StoreRecord, Version } from "../contracts/store.ts";
import { absent, lateFor, type Signpost, type StorePlace } from "./place.ts";
import { Signposts } from "./signposts.ts";
import { discard, settle } from "./undoing.ts";

/** A call that is answered in bounded time, and what comes of it later. */
interface Attempt<T> {
  readonly answer: Promise<T>;
  readonly later: Promise<T>;
}

/** Moves and ends the records of one store. */
export class Moving {
  readonly #posts: Signposts;

  constructor(posts: Signposts) {
    this.#posts = posts;
  }

  /** A new id, the key it leads to, and the token for the client. */
  async fresh({ id: given }: Pick<Draft, "id">): Promise<Fresh> {
    const { ids, token, cookieName, format } = this.#posts.config;
    const id = given ?? ids.create();
    const key = await ids.keyOf(id);
    const handle = format.foreign ? await handleOf(key) : undefined;
    return { id, key, token: await token.seal(id, cookieName), handle };
  }

  /**
   * Puts the record under a new key, and then a signpost in its old place by compare-and-swap: of several at once one
   * wins, the others take theirs back. A crash in between leaves a record whose id no client has.
   */
  async move(place: StorePlace, draft: Draft, how: Omit<Signpost, "to" | "at">): Promise<Written | null> {
    const { store, now } = this.#posts.config;
    const fresh = await this.fresh(draft);
    const { key } = fresh;
    const record = await this.#posts.record(key, draft);
    const made = this.#attempt(() => store.create(key, record));
    const version = await made.answer.catch((error) => {
      void made.later.catch(() => {}).then(() => discard(this.#later(), key, draft));
      throw error;
    });
    if (version === null) return null;
    const { handover } = place;
    const takeBack = (error: unknown): never => {
      void discard(this.#later(), key, draft);
      throw error;
    };
    if (handover && !(await handover.stands().catch(takeBack))) {
      await discard(this.#posts, key, draft);
      return null;
    }
    const post: Signpost = { ...how, to: key, at: now() };
    const isEnd = how.by !== undefined && !how.leads;
    const end = Math.max(handover?.until ?? 0, isEnd ? post.at + lateFor : draft.expiresAt);
    const mark = await this.#posts.post(place.key, post, end);
    const put = this.#attempt(() => this.#put(place, mark));
    const marked = await put.answer.catch(async (error) => {
      // The answer may have been lost after it took effect: then the client must get the new id.
      if (await this.#leadsTo(place.key, key)) return true;
      void settle(this.#later(), { from: place, to: key, draft, by: how.by, later: put.later });
      throw error;
    });
    if (marked !== null) {
      await handover?.done();
      return written(fresh, version, draft);
    }
    await discard(this.#posts, key, draft);
    return null;
  }

  /** Writes a signpost in a record's place, or where there is none yet, if that is still so. */
  #put({ key, version }: StorePlace, post: StoreRecord): Promise<Version | null> {
    const { store } = this.#posts.config;
    return version === absent ? store.create(key, post) : store.update(key, post, version);
  }

  /** Leads the old id that the client came with straight to the newest place; without it the way is one signpost longer. */
  async shorten({ entry }: StorePlace, written: Written, { expiresAt }: Draft): Promise<void> {
    if (!entry) return;
    const { store, now } = this.#posts.config;
    const { key } = written.place as StorePlace;
    const end = Math.max(entry.expiresAt, expiresAt);
    const shortcut = await this.#posts.post(entry.key, { ...entry.post, to: key, at: now() }, end);
    await this.#posts.limited(() => store.update(entry.key, shortcut, entry.version)).catch(() => {});
  }

  /** The same for a record that another program reads too: its old key must hold nothing. */
  async moveForeign(place: StorePlace, draft: Draft, verb: Verb): Promise<Written | null> {
    const { store, now } = this.#posts.config;
    const fresh = await this.fresh(draft);
    const { key } = fresh;
    const record = await this.#posts.record(key, draft);
    await this.#posts.notes.add(place.key, { to: key, at: now(), by: verb.by, ...(verb.leads && { leads: true }) });
    const renaming = this.#attempt(() => store.rename(place.key, key, record, place.version));
    const version = await renaming.answer.catch(async (error) => {
      const moved = await this.#renamed(place.key, key);
      if (moved !== undefined) return moved;
      void settle(this.#later(), { from: place, to: key, draft, by: verb.by, later: renaming.later });
      throw error;
    });
    return version === null ? null : written(fresh, version, draft);
  }

  /** Takes a login back after it was saved: the session is under its old id again, as it was, when the store answers. */
  undo(from: StorePlace, { key: to, version }: StorePlace, draft: Draft): void {
    void settle(this.#later(), { from, to, draft, by: "login", later: Promise.resolve(version) });
  }

  /** Ends a record wherever it is by now, so that nothing that moves it at the same moment carries it away. */
  async end(place: StorePlace, subject: string | undefined): Promise<void> {
    const { store, format } = this.#posts.config;
    if (format.foreign) return this.#endForeign(place, subject);
    let at: StorePlace | undefined;
    try {
      at = await this.#claim(place);
    } catch (error) {
      // Without its mark the old session would be adopted again.
      if (place.handover) throw error;
      // A store that is full refuses to note it, and deletes all the same.
      const found = await this.#find(place.key).catch(() => Promise.reject(error));
      if (found) await this.#posts.limited(() => store.delete(found.key, found.record.subject));
      return;
    }
    if (!at) return;
    const { key, record } = at;
    // Its mark stays.
    if (at.handover) return at.handover.done();
    // What was claimed is dead already, and goes by itself in a minute.
    await this.#posts.limited(() => store.delete(key, record.subject ?? subject)).catch(() => {});
  }

  async #endForeign(place: StorePlace, subject: string | undefined): Promise<void> {
    const { store, now } = this.#posts.config;
    // The note says that copies which others have made to move the record are none. A full store refuses it.
    await this.#posts.notes.add(place.key, { to: "", at: now() }).catch(() => {});
    const keys = new Set([place.key]);
    for (const key of keys) {
      await this.#posts.limited(() => store.delete(key, subject));
      for (const { to } of await this.#posts.notes.of(key)) if (to !== "") keys.add(to);
    }
  }

  /** Puts a signpost to nowhere in a record's place, wherever it is by now; `undefined` when it is gone. */
  async #claim(place: StorePlace): Promise<StorePlace | undefined> {
    const { now } = this.#posts.config;
    let at: StorePlace | undefined = place;
    for (let attempt = 0; at && attempt < 100; attempt++) {
      const { key, handover }: StorePlace = at;
      const mark = await this.#posts.post(key, { to: "", at: now() }, Math.max(handover?.until ?? 0, now() + 60_000));
      const here = at;
      if ((await this.#posts.limited(() => this.#put(here, mark))) !== null) return at;
      at = await this.#find(key);
    }
    return at;
  }

  async #find(key: string): Promise<StorePlace | undefined> {
    const found = await this.#posts.follow(key, undefined, false, false);
    return found && "place" in found ? (found.place as StorePlace) : undefined;
  }

  /** For work that no request waits for: without the limit of the save at hand. */
  #later(): Signposts {
    const { config } = this.#posts;
    return config.until === undefined ? this.#posts : new Signposts({ ...config, until: undefined });
  }

  #attempt<T>(call: () => Promise<T>): Attempt<T> {
    let later = Promise.reject(new Error("not called")) as Promise<T>;
    later.catch(() => {});
    const answer = this.#posts.limited(() => {
      later = call();
      return later;
    });
    later.catch(() => {});
    return { answer, later };
  }

  async #leadsTo(from: string, to: string): Promise<boolean> {
    const standing = await this.#posts.standing(from).catch(() => undefined);
    return standing?.post?.to === to;
  }

  /** Whether a rename whose answer was lost took effect. */
  async #renamed(from: string, to: string): Promise<Version | undefined> {
    const { store } = this.#posts.config;
    const read = (key: string): Promise<(StoreRecord & { version: Version }) | null> =>
      this.#posts.limited(() => store.read(key));
    const moved = await read(to).catch(() => null);
    if (moved && !store.capabilities.atomicRename && (await read(from).catch(() => moved))) return undefined;
    return moved?.version;
  }
}

interface Fresh {
  readonly id: string;
  readonly key: string;
  readonly token: string;
  readonly handle: string | undefined;
}

function written({ id, key, token, handle }: Fresh, version: Version, draft: StoreRecord): Written {
  return { place: placeOf(key, version, id, draft), token, handle };
}

/** The place of a record that was just written. */
export function placeOf(key: string, version: Version, id: string, draft: StoreRecord): StorePlace {
  const { payload, expiresAt, subject } = draft;
  return { key, version, id, entry: undefined, record: { payload, expiresAt, subject } };
}
