/** Records over a store: hashed ids, signposts under those that were replaced, and a time limit on every call. */

import { isPromise } from "../bytes/bytes.ts";
import type { OpenedToken } from "../client/token.ts";
import type { Found, Late, Records } from "../contracts/records.ts";
import type { StoredRecord } from "../contracts/store.ts";
import { Moving, placeOf } from "./moving.ts";
import { absent, type RecordsConfig, type StorePlace } from "./place.ts";
import { decodeAs, isSignpost, Signposts } from "./signposts.ts";

/** How long after its new id was seen the use of an old one is taken for a slow request, in milliseconds. */
const slowFor = 3_600_000;
/** How long ids are not renewed in passing after the store has failed at it, in milliseconds. */
const renewalPause = 60_000;
/** How many keys of damaged records are remembered. */
const mostDamaged = 1000;

/**
 * Records under hashed ids in a store.
 *
 * @param pause Until when no ids are renewed in passing: for several over one store the same object.
 */
export function storeRecords(config: RecordsConfig, pause: { until: number } = { until: 0 }): Records {
  const { store, format, ids, events } = config;
  const posts = new Signposts(config);
  const moving = new Moving(posts);
  /** Keys whose records turned out to be damaged when a handler asked for the data. */
  const damaged = new Set<string>();

  return {
    inCookie: false,
    find(token, lazily = false) {
      const opened = config.token.open(token, config.cookieName);
      return isPromise(opened) ? opened.then((id) => open(id, lazily)) : open(opened, lazily);
    },
    async marked(key) {
      const stored = await posts.limited(() => store.read(key));
      return stored ? follow(key, undefined, false, false, stored) : undefined;
    },
    damaged(place) {
      if (damaged.size >= mostDamaged) damaged.clear();
      damaged.add((place as StorePlace).key);
    },
    async again(place) {
      const { key, id } = place as StorePlace;
      const found = await posts.follow(key, id, false, false);
      return found && "place" in found ? found : null;
    },
    async under(key) {
      const found = await posts.follow(key, undefined, false, false);
      return found && "place" in found ? found : null;
    },
    async fits(draft) {
      if (store.capabilities.maxPayloadBytes !== undefined) await posts.record(ids.prefix, draft);
    },
    async create(draft) {
      const { id, key, token, handle } = await moving.fresh(draft);
      const content = await posts.record(key, draft);
      const version = await posts.limited(() => store.create(key, content));
      return version === null ? null : { place: placeOf(key, version, id, draft), token, handle };
    },
    async update(place, draft) {
      const { key, version, id, entry, handover } = place as StorePlace;
      if (version === absent) {
        // Its client gets the new id with the next response that can carry it.
        const moved = await moving.move(place as StorePlace, draft, {});
        return moved && { place: moved.place };
      }
      const { payload, expiresAt, subject } = draft;
      const content = posts.record(key, draft);
      const written = isPromise(content) ? await content : content;
      const next = await posts.limited(() => store.update(key, written, version));
      if (next === null) return null;
      const record = { payload, expiresAt, subject };
      return { place: { key, version: next, id, entry, handover, record } satisfies StorePlace };
    },
    async touch(place, draft) {
      if (format.binds) return this.update(place, draft);
      const { key, version } = place as StorePlace;
      if (version === absent) return { place };
      return (await posts.limited(() => store.touch(key, draft.expiresAt, draft.subject))) ? { place } : null;
    },
    lane: (place) => (place as StorePlace).key,
    beside(place, newest) {
      const { key, id, entry } = place as StorePlace;
      const there = newest as StorePlace;
      return there.key === key ? { ...there, id, entry } : { ...there, id: undefined, entry: undefined };
    },
    rename(place, draft, verb) {
      if (format.foreign) return moving.moveForeign(place as StorePlace, draft, verb);
      return moving.move(place as StorePlace, draft, { by: verb.by, ...(verb.leads && { leads: true }) });
    },
    async renew(place, draft, seen) {
      try {
        const written = await moving.move(place as StorePlace, draft, { seen });
        if (written) await moving.shorten(place as StorePlace, written, draft);
        return written;
      } catch (error) {
        // Each try may leave a copy that only time removes.
        pause.until = config.now() + renewalPause;
        throw error;
      }
    },
    undo: (from, to, draft) => moving.undo(from as StorePlace, to as StorePlace, draft),
    renews: () => config.now() >= pause.until,
    remove: (place, subject) => moving.end(place as StorePlace, subject),
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

  function open(opened: OpenedToken | null, lazily: boolean): Promise<Found | Late | null> {
    if (!opened || !ids.accepts(opened.id)) {
      events.emit("token_refused", { reason: "malformed, or not sealed by us" });
      return Promise.resolve(null);
    }
    const key = ids.keyOf(opened.id);
    return isPromise(key) ? key.then((known) => read(known, opened, lazily)) : read(key, opened, lazily);
  }

  function read(key: string, { id, stale }: OpenedToken, mayBeLazy: boolean): Promise<Found | Late | null> {
    const lazily = mayBeLazy && !(damaged.size > 0 && damaged.has(key));
    return posts.using<StoredRecord | null, Found | Late | null>(
      () => store.read(key),
      (stored) => (stored && plain(stored, key, id, stale, lazily)) ?? follow(key, id, stale, lazily, stored),
    );
  }

  /** The session in a record, if that is a plain one, as nearly all are: the others take `follow`. */
  function plain(stored: StoredRecord, key: string, id: string, stale: boolean, lazily: boolean): Found | undefined {
    const { payload, expiresAt, version } = stored;
    if (format.foreign || format.unwrap || isSignpost(payload)) return undefined;
    try {
      const content = decodeAs(format, payload, lazily);
      const place: StorePlace = { key, version, id, entry: undefined, record: stored };
      return { place, payload, content, expiresAt, stale, lost: false, current: true, moved: undefined };
    } catch {
      return undefined;
    }
  }

  async function follow(
    key: string,
    id: string | undefined,
    stale: boolean,
    lazily: boolean,
    first: StoredRecord | null,
  ): Promise<Found | Late | null> {
    const found = await posts.follow(key, id, stale, true, lazily, first);
    if (found && "late" in found && found.reused) return reused(found, found.reused);
    if (found && "late" in found && found.unreadable) return found;
    const reason = found ? "ended a moment ago" : "no such session";
    if (found === undefined || (found && "late" in found)) events.emit("session_use_after_expire", { reason });
    return found ?? null;
  }

  /** The old id of a renewal came back after the new one was seen: a copied cookie, or a very slow request. */
  async function reused({ late }: Late, { found, at }: { found: Found; at: number }): Promise<Late | null> {
    const { handle, subject } = found.content?.meta ?? {};
    events.emit("id_reused", { handle, subject });
    if (config.endReused) {
      await moving.end(found.place as StorePlace, subject);
      events.emit("session_revoked", { handle, subject, reason: "its old id was used again" });
    }
    return config.now() - at < slowFor ? { late } : null;
  }
}
