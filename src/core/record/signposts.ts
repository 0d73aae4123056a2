/** What stands under an id in a store: a session, or a signpost to where it has moved. */

import { sha256 } from "#crypto";
import { andThen, isPromise, type MaybePromise, payloadBytes } from "../bytes/bytes.ts";
import { handleOf, type IdScheme } from "../client/id.ts";
import type { TokenFormat } from "../client/token.ts";
import { isSessionError, SessionError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Content, Format, Payload } from "../contracts/format.ts";
import type { Found, Late, Verb } from "../contracts/records.ts";
import type { Store, StoredRecord, StoreRecord, Version } from "../contracts/store.ts";
import { type TimeLimits, usedWithin, withTimeLimit } from "./time-limit.ts";

/** What records over a store need of a configuration. */
export interface RecordsConfig extends TimeLimits {
  readonly store: Store;
  readonly format: Format;
  readonly ids: IdScheme;
  readonly token: TokenFormat;
  readonly cookieName: string;
  /** Milliseconds. */
  readonly renewGrace: number;
  /** A session whose old id is used again ends. */
  readonly endReused: boolean;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly events: Events;
}

/** Where a record is in a store, and what it is there. */
export interface StorePlace {
  readonly key: string;
  readonly version: Version;
  /** The id the client came with or was given; absent when it came with an older one. */
  readonly id: string | undefined;
  /** The signpost under the client's old id, when it came with one, to lead it to the newest place. */
  readonly entry:
    | { readonly key: string; readonly version: Version; readonly expiresAt: number; readonly post: Signpost }
    | undefined;
  /** The record as it stands, to put it back. */
  readonly record: StoreRecord;
  /** The key is the mark of another library's session. */
  readonly handover?: Handover | undefined;
}

/** The version of a {@link StorePlace} that holds nothing yet: the session is still the other library's. */
export const absent: Version = Object.freeze({});

/** What is to be seen to when another library's session becomes one of ours. */
export interface Handover {
  /** Until then its mark stays, so that it is not adopted again; epoch milliseconds. */
  readonly until: number;
  /** Asked when the new record is there and nothing leads to it yet. False takes it back. */
  stands(): Promise<boolean>;
  /** Ends the old record. Does not reject. */
  done(): Promise<void>;
}

/** The signpost left under an old id. Told from a session by its first characters, after unwrapping. */
export interface Signpost {
  /** The key the session has moved to; `""`: it has ended. */
  readonly to: string;
  readonly at: number;
  /** When the id that this signpost replaced had itself been seen; the one before it then leads nowhere any more. */
  readonly seen?: number | undefined;
  /** The id was ended by this verb: it leads requests that began before, and no others. */
  readonly by?: Verb["by"] | undefined;
  /** The id itself leads on as after a renewal in passing; those before it are ended. */
  readonly leads?: true | undefined;
}

/** What stands under a key. */
interface Standing {
  readonly payload: Payload;
  readonly post?: Signpost;
  readonly content?: Content;
}

const signpost = "sojourn-renewed:";
const mostHops = 16;
/** Clocks of nodes may differ by as much. */
const clockSkew = 300_000;

/** How long a request with an id that a verb has ended counts as one that was under way, in milliseconds. */
export const lateFor = 300_000;

/** Reads what stands under keys, and writes signposts. */
export class Signposts {
  readonly config: RecordsConfig;

  constructor(config: RecordsConfig) {
    this.config = config;
  }

  /** One call of the store, in bounded time. */
  limited<T>(call: () => Promise<T>): Promise<T> {
    const { store, events, ids } = this.config;
    return withTimeLimit(call, store, this.config, events, ids);
  }

  /** The same, and what `use` makes of the answer. */
  using<T, R>(call: () => Promise<T>, use: (answer: T) => R | Promise<R>): Promise<R> {
    const { store, events, ids } = this.config;
    return usedWithin(call, use, store, this.config, events, ids);
  }

  /** A record as it is stored under a key. Throws, or rejects, when it is too large. */
  record(key: string, { payload, expiresAt, subject }: StoreRecord): MaybePromise<StoreRecord> {
    const dated = this.config.format.dated?.(payload, expiresAt) ?? payload;
    return this.#wrapped(key, { payload: dated, expiresAt, subject });
  }

  #wrapped(key: string, { payload, expiresAt, subject }: StoreRecord): MaybePromise<StoreRecord> {
    const { store, format } = this.config;
    return andThen(format.wrap?.(payload, key, expiresAt) ?? payload, (wrapped) => {
      checkSize(store, wrapped);
      return { payload: wrapped, expiresAt, subject };
    });
  }

  /** A signpost as it is stored under a key. */
  post(key: string, post: Signpost, expiresAt: number): MaybePromise<StoreRecord> {
    return this.#wrapped(key, { payload: signpost + JSON.stringify(post), expiresAt });
  }

  /** What stands under a key; `undefined` when nothing does. Throws when it is neither a session nor a signpost. */
  async standing(key: string): Promise<(Standing & { readonly place: StorePlace }) | undefined> {
    const stored = await this.limited(() => this.config.store.read(key));
    if (!stored) return undefined;
    const standing = await this.#understood(stored, key);
    const { version, expiresAt, subject } = stored;
    const record = { payload: standing.payload, expiresAt, subject };
    return { ...standing, place: { key, version, id: undefined, entry: undefined, record } };
  }

  /**
   * Reads a record, follows signposts, and decodes what stands at the end. `undefined`: nothing there; `null`: refused,
   * and the event told.
   *
   * @param finding The request begins with this id, so an id that a verb has ended leads nowhere ({@link Late}). If
   * not, it found the session before and looks for where it is now.
   * @param lazily The data may wait until they are asked for. @param first What stands under `start`, if it was read.
   */
  async follow(
    start: string,
    id: string | undefined,
    stale: boolean,
    finding: boolean,
    lazily = false,
    first?: StoredRecord | null,
  ): Promise<Found | Late | null | undefined> {
    const { store, format, events, renewGrace } = this.config;
    let key = start;
    let entry: StorePlace["entry"];
    let postedAt = 0;
    let reused: number | undefined;
    let moved: Verb["by"] | undefined;
    let passed: Set<string> | undefined;
    let given = true; // The way so far goes only through ids given while the request that moved on was under way.
    for (let hop = 0; hop <= mostHops; hop++) {
      const stored = hop === 0 && first !== undefined ? first : await this.limited(() => store.read(key));
      let standing: Standing;
      try {
        const read = stored ? this.#understood(stored, key, lazily) : this.#noted(key, finding);
        standing = isPromise(read) ? await read : read;
      } catch (error) {
        if (!stored) throw error;
        events.emit("record_refused", { reason: `not a record of format ${format.name}`, error });
        // It is one for a process that has the secret: the client keeps its cookie.
        if (isSessionError(error) && error.code === "ERR_SESSION_UNREADABLE") throw error;
        if (!format.foreign) return null;
        // To the program that wrote it, it is a session: perhaps a user is logged in there.
        const unreadable: StorePlace = { key, version: stored.version, id, entry, record: stored };
        return { late: undefined, unreadable };
      }
      const { payload, post, content } = standing;
      const now = this.config.now();
      const seen = post ? post.seen : content?.meta.seen;
      if (finding && hop > 0 && seen !== undefined && now - seen >= renewGrace) reused ??= seen;
      if (content && stored) {
        const { version, expiresAt, subject } = stored;
        const current = hop === 0;
        const lost = !current && !format.foreign && !moved && seen === undefined && now - postedAt >= renewGrace;
        if (format.foreign) content.meta.handle ??= await handleOf(key);
        const record = { payload, expiresAt, subject };
        const place: StorePlace = { key, version, id: current ? id : undefined, entry, record };
        const found: Found = { place, payload, content, expiresAt, stale, lost, current, moved };
        return reused === undefined ? found : { late: lateAt(start), reused: { found, at: reused } };
      }
      if (!post) return undefined;
      const { to, at, by, leads } = post;
      const leadsOn = by === undefined || (leads && given && !(format.foreign && now - at >= renewGrace));
      const isRecent = now - at < lateFor;
      if (to === "" || (finding && !leadsOn && reused === undefined))
        return finding && isRecent ? { late: lateAt(start) } : undefined;
      passed ??= new Set([start]);
      if (passed.has(to)) {
        events.emit("record_refused", { reason: "signposts that lead in a circle" });
        return null;
      }
      passed.add(to);
      if (!leadsOn) moved = moved === "login" ? moved : by;
      else if (stored) entry ??= { key, version: stored.version, expiresAt: stored.expiresAt, post };
      given &&= leads === true;
      key = to;
      postedAt = at;
    }
    const message = "the session is being moved; nothing was saved";
    throw new SessionError("ERR_SESSION_CONFLICT", message);
  }

  /**
   * Notes where a session of a foreign format is about to move, beside it: the other program reads what stands under
   * its ids, so no signpost can. Several may be about to move it; one will.
   */
  async note(key: string, post: Signpost): Promise<void> {
    const { store, format } = this.config;
    const noteKey = await noteKeyOf(key);
    for (let attempt = 0; attempt < 10; attempt++) {
      const [posts, version] = attempt === 0 ? [[]] : await this.#notes(key);
      const text = JSON.stringify([...posts, post].slice(-10));
      const payload = format.encode({ data: { sojourn: text }, meta: {} });
      const record = await this.record(noteKey, { payload, expiresAt: post.at + lateFor });
      const write = version === undefined ? store.create(noteKey, record) : store.update(noteKey, record, version);
      if ((await this.limited(() => write)) !== null) return;
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the session is being moved by others; nothing was saved");
  }

  async #notes(key: string): Promise<[posts: readonly Signpost[], version?: Version]> {
    const noteKey = await noteKeyOf(key);
    const stored = await this.limited(() => this.config.store.read(noteKey));
    if (!stored) return [[]];
    const { data } = this.config.format.decode(stored.payload);
    return [JSON.parse(String(data.sojourn)) as Signpost[], stored.version];
  }

  /** Where a session of a foreign format has moved from a key that holds nothing; an empty answer when that is unknown. */
  async #noted(key: string, finding: boolean): Promise<Standing> {
    const none = { payload: "" };
    if (!this.config.format.foreign) return none;
    for (let attempt = 0; attempt < 20; attempt++) {
      const posts = await this.notes(key);
      if (posts.some(({ to }) => to === "")) return none;
      if (finding && posts[0] && !posts[0].leads) return { ...none, post: posts[0] };
      const live: Signpost[] = [];
      for (const post of posts) {
        // Only where the session has been does a note lead on.
        if (posts.length > 1 && (await this.notes(post.to)).length > 0) return { ...none, post };
        if (posts.length === 1 || (await this.limited(() => this.config.store.read(post.to)))) live.push(post);
      }
      // Where a rename takes two steps, one that lost has not taken its copy back yet.
      if (live.length < 2) return live[0] ? { ...none, post: live[0] } : none;
      await this.config.wait(2 ** Math.min(attempt, 6));
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the session is being moved by others; nothing was saved");
  }

  /** Where requests have noted that a session of a foreign format is about to move from a key. */
  async notes(key: string): Promise<readonly Signpost[]> {
    return (await this.#notes(key))[0];
  }

  #understood({ payload, expiresAt, subject }: StoredRecord, key: string, lazily = false): MaybePromise<Standing> {
    const { format, store } = this.config;
    if (!format.unwrap) return this.#parsed(payload, lazily);
    const { clock, expiryGranularity, bySubject } = store.capabilities;
    // Stores round up, and those that count by a clock of their own give back an instant of ours.
    const latest = expiresAt - (clock === "server" ? clockSkew : expiryGranularity);
    return andThen(format.unwrap(payload, key, latest), (own) => {
      const standing = this.#parsed(own, lazily);
      if (format.binds && bySubject && standing.content && standing.content.meta.subject !== (subject ?? undefined))
        throw new TypeError("the record is kept under another subject");
      return standing;
    });
  }

  #parsed(payload: Payload, lazily: boolean): Standing {
    if (isSignpost(payload)) {
      const post = JSON.parse(payload.slice(signpost.length)) as Signpost | null;
      if (typeof post?.to !== "string" || typeof post.at !== "number") throw new TypeError("not a signpost");
      return { payload, post };
    }
    return { payload, content: decodeAs(this.config.format, payload, lazily) };
  }
}

/** Whether what stands under a key is a signpost. */
export function isSignpost(payload: Payload): payload is string {
  return typeof payload === "string" && payload.startsWith(signpost);
}

/** A session in a payload. `lazily`: its data may wait until they are asked for. */
export function decodeAs(format: Format, payload: Payload, lazily: boolean): Content {
  return lazily && format.decodeLazily ? format.decodeLazily(payload) : format.decode(payload);
}

/** A place from which a late request can be led to where its session is now. */
function lateAt(key: string): StorePlace {
  const record = { payload: "", expiresAt: 0 };
  return { key, version: "", id: undefined, entry: undefined, record };
}

/** Not under the prefix of the ids: no client can ask for it. */
/** At most 36 characters: a column of another program may take no more. */
async function noteKeyOf(key: string): Promise<string> {
  return `moved:${(await sha256(`moved ${key}`)).slice(0, 30)}`;
}

function checkSize(store: Store, payload: Payload): void {
  const most = store.capabilities.maxPayloadBytes;
  if (most === undefined || payloadBytes(payload) <= most) return;
  const message = `the session takes ${payloadBytes(payload)} octets, and the ${store.name} store keeps at most ${most}; nothing was saved`;
  throw new SessionError("ERR_SESSION_TOO_LARGE", message);
}
