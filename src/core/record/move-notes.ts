/** Notes beside records of a foreign format of where they have moved: the other program reads what stands under its ids, so no signpost can. */

import { sha256 } from "#crypto";
import { SessionError } from "../contracts/errors.ts";
import type { Version } from "../contracts/store.ts";
import { lateFor, type Signpost, type StoreCalls } from "./place.ts";

/** Notes of where sessions have moved, beside those of one store. */
export class MoveNotes {
  readonly #calls: StoreCalls;

  constructor(calls: StoreCalls) {
    this.#calls = calls;
  }

  /**
   * Notes where a session is about to move, beside it. Several may be about to move it; one will.
   */
  async add(key: string, post: Signpost): Promise<void> {
    const { store, format } = this.#calls.config;
    const noteKey = await noteKeyOf(key);
    for (let attempt = 0; attempt < 10; attempt++) {
      const [posts, version] = attempt === 0 ? [[]] : await this.#read(key);
      const text = JSON.stringify([...posts, post].slice(-10));
      const payload = format.encode({ data: { sojourn: text }, meta: {} });
      const record = await this.#calls.record(noteKey, { payload, expiresAt: post.at + lateFor });
      const write = version === undefined ? store.create(noteKey, record) : store.update(noteKey, record, version);
      if ((await this.#calls.limited(() => write)) !== null) return;
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the session is being moved by others; nothing was saved");
  }

  async #read(key: string): Promise<[posts: readonly Signpost[], version?: Version]> {
    const noteKey = await noteKeyOf(key);
    const stored = await this.#calls.limited(() => this.#calls.config.store.read(noteKey));
    if (!stored) return [[]];
    const { data } = this.#calls.config.format.decode(stored.payload);
    return [JSON.parse(String(data.sojourn)) as Signpost[], stored.version];
  }

  /** Where a session of a foreign format has moved from a key that holds nothing; `undefined` when that is unknown. */
  async leadsTo(key: string, finding: boolean): Promise<Signpost | undefined> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const posts = await this.of(key);
      if (posts.some(({ to }) => to === "")) return undefined;
      if (finding && posts[0] && !posts[0].leads) return posts[0];
      const live: Signpost[] = [];
      for (const post of posts) {
        // Only where the session has been does a note lead on.
        if (posts.length > 1 && (await this.of(post.to)).length > 0) return post;
        if (posts.length === 1 || (await this.#calls.limited(() => this.#calls.config.store.read(post.to))))
          live.push(post);
      }
      // Where a rename takes two steps, one that lost has not taken its copy back yet.
      if (live.length < 2) return live[0];
      await this.#calls.config.wait(2 ** Math.min(attempt, 6));
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the session is being moved by others; nothing was saved");
  }

  /** Where requests have noted that a session of a foreign format is about to move from a key. */
  async of(key: string): Promise<readonly Signpost[]> {
    return (await this.#read(key))[0];
  }
}

/** Not under the prefix of the ids, so that no client can ask for it. At most 36 characters: a column of another program may take no more. */
async function noteKeyOf(key: string): Promise<string> {
  return `moved:${(await sha256(`moved ${key}`)).slice(0, 30)}`;
}
