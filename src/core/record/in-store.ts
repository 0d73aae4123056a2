/** Records over a store: hashed ids, signposts of renewals in passing, and a time limit on every call. */

import { isPromise, type MaybePromise, payloadBytes } from "../bytes/bytes.ts";
import { handleOf, type IdScheme } from "../client/id.ts";
import type { TokenFormat } from "../client/token.ts";
import { SessionError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Content, Format, Payload } from "../contracts/format.ts";
import type { Draft, Found, Records } from "../contracts/records.ts";
import type { Store, StoredRecord, StoreRecord, Version } from "../contracts/store.ts";
import { withTimeLimit } from "./time-limit.ts";

/** What {@link storeRecords} needs of a configuration. */
export interface RecordsConfig {
  readonly store: Store;
  readonly format: Format;
  readonly ids: IdScheme;
  readonly token: TokenFormat;
  readonly cookieName: string;
  /** Milliseconds. */
  readonly storeTimeout: number;
  /** Ids are renewed in passing. */
  readonly renews: boolean;
  /** Milliseconds. */
  readonly renewGrace: number;
  readonly now: () => number;
  readonly events: Events;
}

interface StorePlace {
  readonly key: string;
  readonly version: Version;
  /** The id the client came with or was given; absent when it came with an older one. */
  readonly id: string | undefined;
  /** The record the client's old id names, when it came with one, to lead it to the newest place. */
  readonly entry: { readonly key: string; readonly version: Version; readonly seen: number | undefined } | undefined;
}

/** The signpost left under an old id. Told from a session by its first characters, after unwrapping. */
interface Signpost {
  readonly to: string;
  readonly at: number;
  /** When the id that this signpost replaced had itself been seen; the one before it then leads nowhere any more. */
  readonly seen?: number | undefined;
}

/** What stands under a key: a session or a signpost. */
interface Reading {
  readonly payload: Payload;
  readonly post?: Signpost;
  readonly content?: Content;
}

const signpost = "sojourn-renewed:";
const mostHops = 4;

/** Records under hashed ids in a store. */
export function storeRecords(config: RecordsConfig): Records {
  const { store, format, ids, events } = config;
  const limited = <T>(call: () => Promise<T>): Promise<T> =>
    withTimeLimit(call, store, config.storeTimeout, events, ids);
  const wrap = (payload: Payload, key: string): MaybePromise<Payload> => format.wrap?.(payload, key) ?? payload;
  const record = async (key: string, draft: StoreRecord): Promise<StoreRecord> => {
    const wrapped = wrap(draft.payload, key);
    const payload = isPromise(wrapped) ? await wrapped : wrapped;
    checkSize(store, payload);
    return { payload, expiresAt: draft.expiresAt, subject: draft.subject };
  };
  const fresh = async ({
    id = ids.create(),
  }: Draft): Promise<{ id: string; key: string; token: string; handle: string | undefined }> => {
    const key = await ids.keyOf(id);
    const handle = format.foreign ? await handleOf(key) : undefined;
    return { id, key, token: await config.token.seal(id, config.cookieName), handle };
  };

  return {
    inCookie: false,
    async find(token) {
      const opening = config.token.open(token, config.cookieName);
      const opened = isPromise(opening) ? await opening : opening;
      if (!opened || !ids.accepts(opened.id)) {
        events.emit("token_refused", { reason: "malformed, or not sealed by us" });
        return null;
      }
      const hashed = ids.keyOf(opened.id);
      const key = isPromise(hashed) ? await hashed : hashed;
      const found = await follow(key, opened.id, opened.stale);
      const reason = found === "ended" ? "ended a moment ago" : "no such session";
      if (found === undefined || found === "ended") events.emit("session_use_after_expire", { reason });
      return found ?? null;
    },
    async again(place) {
      const { key, id } = place as StorePlace;
      const found = await follow(key, id, false);
      return found === "ended" ? null : (found ?? null);
    },
    async fits(draft) {
      if (store.capabilities.maxPayloadBytes !== undefined) await record(ids.prefix, draft);
    },
    async create(draft) {
      const { id, key, token, handle } = await fresh(draft);
      const content = await record(key, draft);
      const version = await limited(() => store.create(key, content));
      return version === null ? null : { place: placeOf(key, version, id), token, handle };
    },
    async update(place, draft) {
      const { key, version } = place as StorePlace;
      const content = await record(key, draft);
      const next = await limited(() => store.update(key, content, version));
      return next === null ? null : { place: { ...(place as StorePlace), version: next } };
    },
    async touch(place, draft) {
      const { key } = place as StorePlace;
      return (await limited(() => store.touch(key, draft.expiresAt, draft.subject))) ? { place } : null;
    },
    lane: (place) => (place as StorePlace).key,
    async rename(place, draft, login) {
      const { key: from, version } = place as StorePlace;
      const { id, key, token, handle } = await fresh(draft);
      const content = await record(key, draft);
      const renaming = limited(() => store.rename(from, key, content, version));
      const next = await renaming.catch(async (error) => (await renamed(from, key)) ?? Promise.reject(error));
      if (next === null) return null;
      if (login && !format.foreign) await markEnded(from);
      return { place: placeOf(key, next, id), token, handle };
    },
    // The new record first, then the signpost by compare-and-swap: of parallel renewals one wins, the others take
    // their record back and follow it. A crash in between leaves a record whose id nobody has.
    async renew(place, draft, seen) {
      const { key: from, version, entry } = place as StorePlace;
      const { id, key, token } = await fresh(draft);
      const next = await limited(async () => store.create(key, await record(key, draft)));
      if (next === null) return null;
      const post = { to: key, at: config.now(), seen };
      const old = await limited(async () => store.update(from, await postRecord(from, post, draft), version));
      if (old === null) {
        await limited(() => store.delete(key, draft.subject));
        return null;
      }
      if (entry) {
        // A shortcut for the old id the client came with; without it the way is one signpost longer.
        const shortcut = { ...post, seen: entry.seen };
        const led = limited(async () =>
          store.update(entry.key, await postRecord(entry.key, shortcut, draft), entry.version),
        );
        await led.catch(() => {});
      }
      return { place: placeOf(key, next, id), token };
    },
    // Where ids are renewed in passing, a parallel renewal may be moving the record just now: it is ended by
    // compare-and-swap, wherever it has moved to, before it is removed.
    async remove(place, subject) {
      const { key } = place as StorePlace;
      if (!config.renews) return limited(() => store.delete(key, subject));
      let isClaimed = true;
      const at = await claim(place as StorePlace).catch(async (error) => {
        // A store that is full refuses the mark, and deletes all the same.
        isClaimed = false;
        const found = await follow(key, undefined, false).catch(() => Promise.reject(error));
        return found && found !== "ended" ? (found.place as StorePlace) : undefined;
      });
      if (!at) return;
      const removed = limited(() => store.delete(at.key, subject));
      // What was claimed is dead already, and goes by itself in a minute.
      await (isClaimed ? removed.catch(() => {}) : removed);
    },
    // A revocation leaves sessions of its own epoch alone: they logged in after it.
    stamp(meta, login) {
      if (!login || format.foreign) return;
      delete meta.epoch;
      if (login.epoch !== undefined) meta.epoch = login.epoch;
    },
    token(place) {
      const { id } = place as StorePlace;
      return id === undefined ? undefined : config.token.seal(id, config.cookieName);
    },
  };

  function postRecord(key: string, post: Signpost, draft: Pick<StoreRecord, "expiresAt">): Promise<StoreRecord> {
    return record(key, { payload: signpost + JSON.stringify(post), expiresAt: draft.expiresAt });
  }

  /** Puts a signpost to nowhere under an id that is dead, for as long as a request may be under way. Not having it does no harm. */
  async function markEnded(key: string): Promise<void> {
    const now = config.now();
    const mark = { expiresAt: now + 10_000 };
    await limited(async () => store.create(key, await postRecord(key, { to: "", at: now }, mark))).catch(() => {});
  }

  /** Whether a rename whose answer was lost took effect. If it did, the old id is dead, and the client must get the new one. */
  async function renamed(from: string, to: string): Promise<Version | undefined> {
    const read = (key: string): Promise<StoredRecord | null> => limited(() => store.read(key));
    const moved = await read(to).catch(() => null);
    if (moved && !store.capabilities.atomicRename && (await read(from).catch(() => moved))) return undefined;
    return moved?.version;
  }

  /** Puts a signpost to nowhere in a record's place, wherever it is by now; `undefined` when it is gone. */
  async function claim(place: StorePlace): Promise<StorePlace | undefined> {
    let at: StorePlace | undefined = place;
    for (let attempt = 0; at && attempt < 100; attempt++) {
      const { key, version }: StorePlace = at;
      const draft = { expiresAt: config.now() + 60_000 };
      const post = { to: "", at: config.now() };
      if ((await limited(async () => store.update(key, await postRecord(key, post, draft), version))) !== null)
        return at;
      const found = await follow(key, undefined, false);
      at = found && found !== "ended" ? (found.place as StorePlace) : undefined;
    }
    return at;
  }

  /** Reads a record, follows signposts, and decodes what stands at the end. `undefined`: nothing there; `null`: refused, and said so; `"ended"`: a signpost to nowhere. */
  async function follow(
    start: string,
    id: string | undefined,
    stale: boolean,
  ): Promise<Found | null | undefined | "ended"> {
    let key = start;
    let entry: StorePlace["entry"];
    let postedAt = 0;
    for (let hop = 0; hop <= mostHops; hop++) {
      const stored = await limited(() => store.read(key));
      if (!stored) return undefined;
      let reading: Reading;
      try {
        reading = understand(format.unwrap ? await format.unwrap(stored.payload, key) : stored.payload);
      } catch (error) {
        events.emit("record_refused", { reason: `not a record of format ${format.name}`, error });
        return null;
      }
      const { payload, post, content } = reading;
      const now = config.now();
      const seen = post ? post.seen : content?.meta.seen;
      if (hop > 0 && seen !== undefined && now - seen >= config.renewGrace) {
        events.emit("id_reused", { handle: content?.meta.handle, subject: content?.meta.subject });
        return null;
      }
      if (content) {
        const lost = hop > 0 && seen === undefined && now - postedAt >= config.renewGrace;
        const current = hop === 0;
        if (format.foreign) content.meta.handle ??= await handleOf(key);
        const place: StorePlace = { key, version: stored.version, id: current ? id : undefined, entry };
        return { place, payload, content, expiresAt: stored.expiresAt, stale, lost, current };
      }
      const { to, at } = post as Signpost;
      if (to === "") return "ended";
      entry ??= { key, version: stored.version, seen };
      key = to;
      postedAt = at;
    }
    return undefined;
  }

  function understand(payload: Payload): Reading {
    if (typeof payload === "string" && payload.startsWith(signpost)) {
      const post = JSON.parse(payload.slice(signpost.length)) as Signpost | null;
      if (typeof post?.to !== "string" || typeof post.at !== "number") throw new TypeError("not a signpost");
      return { payload, post };
    }
    return { payload, content: format.decode(payload) };
  }
}

function placeOf(key: string, version: Version, id: string): StorePlace {
  return { key, version, id, entry: undefined };
}

function checkSize(store: Store, payload: Payload): void {
  const most = store.capabilities.maxPayloadBytes;
  if (most === undefined || payloadBytes(payload) <= most) return;
  const message = `the session takes ${payloadBytes(payload)} octets, and the ${store.name} store keeps at most ${most}; nothing was saved`;
  throw new SessionError("ERR_SESSION_TOO_LARGE", message);
}
