/** Sessions in four parts for tests: a plain cookie, two stores that count and fail when told to, and another plain cookie. */

import type { SessionEvent, Store } from "sojourn";
import { createPartsSessions, type PartsOptions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { type CountedStore, countedStore, type Fault, faultyStore, type StoreCall } from "sojourn/testing";
import { Browser, type Data } from "./browser.ts";

export const secrets = "a secret of at least 32 characters";

/** What happens to each call of a store. */
export interface Faults {
  login: (call: StoreCall) => Fault;
  cart: (call: StoreCall) => Fault;
}

/** What tests of parts work with. */
export interface Scene {
  readonly clock: { now: number };
  readonly faults: Faults;
  readonly stores: { readonly login: CountedStore; readonly cart: CountedStore };
  /** Below what counts and fails. */
  readonly inner: { readonly login: Store; readonly cart: Store };
  readonly sessions: ReturnType<typeof createPartsSessions<Data, string>>;
  readonly events: SessionEvent[];
  browser(): Browser;
  /** `{ login: { read: 1 }, cart: {} }`, and the counters begin anew. */
  calls(): Record<string, object>;
}

/** `token` in a cookie, `user` and `name` in one store, `cart` and `total` in another, the rest in another cookie. */
export function setUp(options: Omit<PartsOptions<Data>, "parts"> = {}): Scene {
  const clock = { now: 1_800_000_000_000 };
  const now = (): number => clock.now;
  const faults: Faults = { login: () => "pass", cart: () => "pass" };
  const inner = { login: memoryStore({ now }), cart: memoryStore({ now }) };
  const stores = {
    login: countedStore(faultyStore(inner.login, (call) => faults.login(call))),
    cart: countedStore(faultyStore(inner.cart, (call) => faults.cart(call))),
  };
  const sessions = createPartsSessions<Data, string>({
    now,
    warn: () => {},
    wait: async () => {},
    storeTimeout: "50ms",
    ...options,
    parts: {
      csrf: { cookie: { name: "csrf" }, store: cookieStore({ secrets }), fields: ["token"] },
      login: { cookie: { name: "session" }, store: stores.login, fields: ["user", "name"], idleTimeout: "30m" },
      cart: { cookie: { name: "cart" }, store: stores.cart, fields: ["cart", "total"], idleTimeout: "2h" },
      rest: { cookie: { name: "rest" }, store: cookieStore({ secrets }), fields: "rest", persistent: true },
    },
  });
  const events: SessionEvent[] = [];
  sessions.on((event) => void events.push(event));
  return {
    clock,
    faults,
    stores,
    inner,
    sessions,
    events,
    browser: () => new Browser(sessions),
    calls() {
      const calls = { login: stores.login.calls, cart: stores.cart.calls };
      stores.login.reset();
      stores.cart.reset();
      return calls;
    },
  };
}
