/**
 * Records over a store of express-session, which has no compare-and-swap: `set` writes whatever is there. The requests
 * of this process take turns on a session and know each other's writes, so none of them overwrites or revives
 * what another did. What other processes write goes unseen, as it does with express-session.
 */

import type { Content } from "../core/contracts/format.ts";
import type { Draft, Found, Place, Records, Written } from "../core/contracts/records.ts";
import { type StoreOperation, scopeAtHand, storeCalls, traced } from "../core/contracts/traces.ts";
import type { ExpressStore } from "./session.ts";
import { asked } from "./session.ts";
import type { SessionRecord } from "./shapes.ts";

/** What this process knows of one session while a request holds it. */
interface Known {
  /** Counts the beginnings and the ends of this process's writes: what is read in between is neither. */
  version: number;
  gone: boolean;
  /** Ends when the write in flight does. */
  turn: Promise<unknown>;
}

interface NpmPlace {
  readonly id: string;
  readonly known: Known;
  readonly version: number;
}

/** What these stores are called in messages. */
export const npmStores = "express-session";

/** Far enough: the store decides when a session ends. */
const never = Number.MAX_SAFE_INTEGER;

/** Asks a store, on the channel `sojourn:store` where something listens. */
function called<Value>(
  operation: StoreOperation,
  ask: () => Promise<Value>,
  outcome: (answer: Value) => string = () => "ok",
): Promise<Value> {
  if (!storeCalls.hasSubscribers) return ask();
  const attempt = scopeAtHand()?.attempt(operation) ?? 1;
  return traced(storeCalls, { backend: npmStores, operation, attempt }, ask, outcome);
}

/** Ids are the keys. `content` gives what handlers see of a stored session; it throws for what is none. */
export function npmRecords(store: ExpressStore, content: (stored: SessionRecord) => Content): Records {
  const sessions = new Map<string, WeakRef<Known>>();
  const forgotten = new FinalizationRegistry<string>((id) => {
    if (sessions.get(id)?.deref() === undefined) sessions.delete(id);
  });

  const knownOf = (id: string): Known => {
    const present = sessions.get(id)?.deref();
    if (present && !present.gone) return present;
    const known = { version: 0, gone: false, turn: Promise.resolve() };
    sessions.set(id, new WeakRef(known));
    forgotten.register(known, id);
    return known;
  };

  const inTurn = <Value>(known: Known, work: () => Promise<Value>): Promise<Value> => {
    const done = known.turn.then(work);
    known.turn = done.catch(() => {});
    return done;
  };

  const read = async (id: string): Promise<Found | null> => {
    const known = knownOf(id);
    const { version } = known;
    const get = (): Promise<SessionRecord | null> =>
      asked<SessionRecord | null>((done) => store.get(id, done)).catch((error) => {
        if ((error as { code?: unknown }).code === "ENOENT") return null;
        throw error;
      });
    const stored = await called("read", get, (answer) => (answer ? "ok" : "absent"));
    if (!stored) return null;
    const payload = JSON.stringify(stored);
    const place: NpmPlace = { id, known, version };
    return { place, payload, content: content(stored), expiresAt: never, stale: false, lost: false, current: true };
  };

  const set = async (id: string, known: Known, draft: Draft, operation: "create" | "update"): Promise<Written> => {
    known.version++;
    try {
      await called(operation, () => asked((done) => store.set(id, draft.data as SessionRecord, done)));
    } finally {
      known.version++;
    }
    return { place: { id, known, version: known.version } };
  };
  const destroy = (id: string): Promise<unknown> => called("delete", () => asked((done) => store.destroy(id, done)));

  const isCurrent = ({ known, version }: NpmPlace): boolean => !known.gone && known.version === version;

  return {
    inCookie: false,
    find: read,
    async again(place) {
      const { id, known } = place as NpmPlace;
      return inTurn(known, async () => (known.gone ? null : read(id)));
    },
    async fits() {},
    async create(draft) {
      const id = draft.id as string;
      const known = knownOf(id);
      return set(id, known, draft, "create");
    },
    async update(place, draft) {
      const { id, known } = place as NpmPlace;
      return inTurn(known, async () => (isCurrent(place as NpmPlace) ? set(id, known, draft, "update") : null));
    },
    async touch(place, draft) {
      const { id, known } = place as NpmPlace;
      const { touch } = store;
      // In turn: some stores read the session, and write it as a whole.
      return inTurn(known, async () => {
        if (known.gone) return null;
        if (touch)
          await called("touch", () => asked((done) => touch.call(store, id, draft.data as SessionRecord, done)));
        return { place };
      });
    },
    async rename(place, draft) {
      const { id, known } = place as NpmPlace;
      return inTurn(known, async () => {
        if (!isCurrent(place as NpmPlace)) return null;
        known.gone = true;
        await destroy(id);
        return set(draft.id as string, knownOf(draft.id as string), draft, "create");
      });
    },
    renews: () => false,
    renew: () => Promise.reject(new TypeError("ids of express-session are not renewed in passing")),
    async remove(place) {
      const { id, known } = place as NpmPlace;
      known.gone = true;
      await inTurn(known, () => destroy(id));
    },
    lane: (place) => (place as NpmPlace).id,
    token: (place) => (place as NpmPlace).id,
  };
}

/** Ends what may be under an id that this process has not loaded. */
export function placeOfId(id: string): Place {
  const known: Known = { version: 0, gone: false, turn: Promise.resolve() };
  return { id, known, version: 0 } satisfies NpmPlace;
}
