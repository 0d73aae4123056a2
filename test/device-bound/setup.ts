/** An application whose sessions are bound, its clock, and clients for it. */

import { createSessions, type SessionEvent, type SessionOptions, type Store } from "sojourn";
import { type DeviceBoundOptions, deviceBound } from "sojourn/device-bound";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { memoryStore } from "sojourn/stores/memory";
import { DbscClient, type Send, type Signer, signer } from "../support/dbsc-client.ts";

export type Data = { visits: number };

export interface Shop {
  readonly send: Send;
  readonly events: SessionEvent[];
  readonly clock: { now: number };
  readonly store: Store;
  readonly sessions: ReturnType<typeof createSessions<Data>>;
  /** The reasons of `binding_violated` so far. */
  violations(): (string | undefined)[];
  client(key?: Signer): Promise<DbscClient>;
  /** A client that has logged in and bound its session. */
  bound(key?: Signer): Promise<DbscClient>;
}

export interface ShopOptions {
  readonly bound?: DeviceBoundOptions;
  readonly options?: Partial<SessionOptions<Data>>;
  readonly store?: Store;
  readonly clock?: { now: number };
}

/** Who is logged in, as the page says it. */
export async function who(client: DbscClient): Promise<string> {
  return (await client.page("/")).text();
}

export function shop({ bound = {}, options = {}, ...given }: ShopOptions = {}): Shop {
  const clock = given.clock ?? { now: 1_800_000_000_000 };
  const now = (): number => clock.now;
  const store = given.store ?? memoryStore({ now });
  const sessions = createSessions<Data>({
    store,
    now,
    warn: false,
    keyPrefix: "session:",
    wait: () => Promise.resolve(),
    deviceBound: deviceBound(bound),
    ...options,
  });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  const send: Send = fetchSessions(sessions)(async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/static") return new Response("no session here");
    const session = await sessions.get(request);
    if (pathname === "/login") session.login(searchParams.get("as") ?? "ada");
    if (pathname === "/login-unbound") session.login("robot", { deviceBound: false });
    if (pathname === "/logout") session.destroy();
    if (pathname === "/regenerate") session.regenerate();
    if (pathname === "/visit") session.update("visits", (n = 0) => n + 1);
    if (pathname === "/vault") {
      try {
        session.requireFresh({ within: "1h", bound: true });
      } catch (error) {
        return new Response(JSON.stringify((error as { needs?: object }).needs), { status: 401 });
      }
    }
    if (pathname === "/visits") return new Response(`${session.data.visits ?? 0}`);
    return new Response(`${session.subject ?? "guest"}${session.bound ? ", bound" : ""}`);
  });
  const client = async (key?: Signer): Promise<DbscClient> => new DbscClient(send, key ?? (await signer()));
  return {
    ...{ send, events, clock, store, sessions, client },
    violations: () => events.filter(({ type }) => type === "binding_violated").map(({ reason }) => reason),
    async bound(key) {
      const one = await client(key);
      await one.page("/login", { method: "POST" });
      return one;
    },
  };
}
