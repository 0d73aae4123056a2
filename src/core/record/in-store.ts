/** Records over a store: hashed ids, signposts under those that were replaced, and a time limit on every call. */

import { isPromise } from "../bytes/bytes.ts";
import type { Found, Late, Records } from "../contracts/records.ts";
import { Moving, placeOf } from "./moving.ts";
import { type RecordsConfig, Signposts, type StorePlace } from "./signposts.ts";

/** How long after its new id was seen the use of an old one is taken for a slow request, in milliseconds. */
const slowFor = 3_600_000;
/** How long ids are not renewed in passing after the store has failed at it, in milliseconds. */
const renewalPause = 60_000;

/**
 * Records under hashed ids in a store.
 *
 * @param pause Until when no ids are renewed in passing: for several over one store the same object.
 */
export function storeRecords(config: RecordsConfig, pause: { until: number } = { until: 0 }): Records {
  const { store, format, ids, events } = config;
  const posts = new Signposts(config);
  const moving = new Moving(posts);

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
      const found = await posts.follow(key, opened.id, opened.stale, true);
      if (found && "late" in found && found.reused) return reused(found, found.reused);
      if (found && "late" in found && found.unreadable) return found;
      const reason = found ? "ended a moment ago" : "no such session";
      if (found === undefined || (found && "late" in found)) events.emit("session_use_after_expire", { reason });
      return found ?? null;
    },
    async again(place) {
      const { key, id } = place as StorePlace;
      const found = await posts.follow(key, id, false, false);
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
      const { key, version } = place as StorePlace;
      const content = await posts.record(key, draft);
      const next = await posts.limited(() => store.update(key, content, version));
      if (next === null) return null;
      const { payload, expiresAt, subject } = draft;
      return { place: { ...(place as StorePlace), version: next, record: { payload, expiresAt, subject } } };
    },
    async touch(place, draft) {
      if (format.binds) return this.update(place, draft);
      const { key } = place as StorePlace;
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
