/** What stands under an id in a store: a session, or a signpost to where it has moved. */

import { andThen, isPromise, type MaybePromise, payloadBytes } from "../bytes/bytes.ts";
import { handleOf } from "../client/id.ts";
import { isSessionError, SessionError } from "../contracts/errors.ts";
import type { Content, Format, Payload } from "../contracts/format.ts";
import type { Found, Late, Verb } from "../contracts/records.ts";
import type { Store, StoredRecord, StoreRecord } from "../contracts/store.ts";
import { MoveNotes } from "./move-notes.ts";
import { lateFor, type RecordsConfig, type Signpost, type StoreCalls, type StorePlace } from "./place.ts";
import { usedWithin, withTimeLimit } from "./time-limit.ts";

/** What stands under a key. */
interface Standing {
  readonly payload: Payload;
  readonly post?: Signpost;
  readonly content?: Content;
}

const signpost = "sojourn-renewed:";
const mostHops = 16;
/** How far the clocks of servers may differ, in milliseconds. */
const clockSkew = 300_000;

/** Reads what stands under keys, and writes signposts. */
export class Signposts implements StoreCalls {
  readonly config: RecordsConfig;
  /** Where sessions of a foreign format have moved. */
  readonly notes: MoveNotes;

  constructor(config: RecordsConfig) {
    this.config = config;
    this.notes = new MoveNotes(this);
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
    let given = true; // The way so far goes only through ids given while the request that moved on was in flight.
    for (let hop = 0; hop <= mostHops; hop++) {
      const stored = hop === 0 && first !== undefined ? first : await this.limited(() => store.read(key));
      let standing: Standing;
      try {
        const read = stored ? this.#understood(stored, key, lazily) : this.#moved(key, finding);
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

  /** What leads on from a key that holds nothing. */
  #moved(key: string, finding: boolean): MaybePromise<Standing> {
    const nothing = { payload: "" };
    if (!this.config.format.foreign) return nothing;
    return this.notes.leadsTo(key, finding).then((post) => (post ? { ...nothing, post } : nothing));
  }

  #understood({ payload, expiresAt, subject }: StoredRecord, key: string, lazily = false): MaybePromise<Standing> {
    const { format, store } = this.config;
    if (!format.unwrap) return this.#parsed(payload, lazily);
    const { clock, expiryGranularity, bySubject } = store.capabilities;
    // Stores round up. A store with the clock of its server answers an instant of this process's clock.
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

function checkSize(store: Store, payload: Payload): void {
  const most = store.capabilities.maxPayloadBytes;
  if (most === undefined || payloadBytes(payload) <= most) return;
  const message = `the session takes ${payloadBytes(payload)} octets, and the ${store.name} store keeps at most ${most}; nothing was saved`;
  throw new SessionError("ERR_SESSION_TOO_LARGE", message);
}
