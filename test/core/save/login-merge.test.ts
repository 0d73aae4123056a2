/** Login with the option `merge`: what a guest's session takes over from the user's other one. */

import { describe, expect, test } from "vitest";
import type { MergeOptions } from "../../../src/core/contracts/session-options.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

interface Data {
  cart: string[];
  theme: string;
  seen: number;
}

const merge: MergeOptions<Data> = { cart: (guest, users) => [...users, ...guest], theme: (guest) => guest };

function setUp(options: Omit<SessionOptions<Data>, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const state = { fault: (_method: string): Fault => "pass" };
  const store = countedStore(faultyStore(memoryStore({ now: () => clock.now }), ({ method }) => state.fault(method)));
  const sessions = new Sessions<Data>({ store, now: () => clock.now, ...options });
  const visit = (data: Partial<Data>, as?: string) => {
    clock.now += 1000;
    return request(sessions, undefined, (session) => {
      Object.assign(session.data, data);
      if (as !== undefined) session.login(as);
    });
  };
  const read = async (cookie: string | undefined) =>
    (await request(sessions, cookie, (session) => ({ ...session.data }))).value;
  return { clock, state, store, sessions, visit, read };
}

describe("login with merge", () => {
  test("the function decides a key with two values; a key of the user's alone is taken; other keys stay", async () => {
    const { sessions, visit, read } = setUp();
    const laptop = await visit({ cart: ["tea"], theme: "dark", seen: 7 }, "ada");
    const guest = await visit({ cart: ["milk"], seen: 1 });
    const { cookie, error } = await request(sessions, guest.cookie, (session) => session.login("ada", { merge }));
    expect(error).toBeUndefined();
    expect(await read(cookie)).toEqual({ cart: ["tea", "milk"], theme: "dark", seen: 1 });
    expect(await read(laptop.cookie)).toEqual({ cart: ["tea"], theme: "dark", seen: 7 });
  });

  test("the other session is the one that the user logged in to last", async () => {
    const { sessions, clock, visit, read } = setUp();
    await visit({ cart: ["old"] }, "ada");
    const newest = await visit({ cart: ["new"] }, "ada");
    await visit({ cart: ["bob's"] }, "bob");
    clock.now += 1000;
    await request(sessions, newest.cookie, ({ data }) => Object.assign(data, { cart: ["newest"] }));
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada", { merge }));
    expect(await read(cookie)).toEqual({ cart: ["newest"] });
  });

  test("without another session the guest's data stays as it is", async () => {
    const { sessions, visit, read } = setUp();
    const guest = await visit({ cart: ["milk"] });
    const { cookie } = await request(sessions, guest.cookie, (session) => session.login("ada", { merge }));
    expect(await read(cookie)).toEqual({ cart: ["milk"] });
    // Nor does a second login merge a session with itself.
    const again = await request(sessions, cookie, (session) => session.login("ada", { merge }));
    expect(await read(again.cookie)).toEqual({ cart: ["milk"] });
  });

  test("what a parallel request saved is merged too, by the same function", async () => {
    const { sessions, visit, read } = setUp();
    await visit({ cart: ["tea"] }, "ada");
    const { cookie } = await visit({ cart: ["milk"], seen: 1 });
    const login = await request(sessions, cookie, async (session) => {
      session.login("ada", { merge });
      await request(sessions, cookie, (other) => {
        other.update("cart", (cart = []) => [...cart, "sugar"]);
        other.data.seen = 2;
      });
    });
    expect(login.error).toBeUndefined();
    expect(await read(login.cookie)).toEqual({ cart: ["tea", "milk", "sugar"], seen: 2 });
  });

  test("costs one listing, and none without merge", async () => {
    const { sessions, store, visit } = setUp();
    const guest = await visit({ cart: ["milk"] });
    store.reset();
    const { cookie } = await request(sessions, guest.cookie, (session) => session.login("ada", { merge }));
    expect(store.calls.listBySubject).toBe(1);
    store.reset();
    await request(sessions, cookie, (session) => session.login("ada"));
    expect(store.calls.listBySubject).toBeUndefined();
  });

  test("a failing store is a 503, and the guest stays a guest", async () => {
    const { sessions, state, visit } = setUp();
    const guest = await visit({ cart: ["milk"] });
    state.fault = (method) => (method === "listBySubject" ? "throw-before" : "pass");
    const login = await request(sessions, guest.cookie, (session) => session.login("ada", { merge }));
    expect(login).toMatchObject({ error: { status: 503 }, setCookie: undefined });
    state.fault = () => "pass";
    const look = await request(sessions, guest.cookie, (session) => [session.subject, session.data.cart]);
    expect(look.value).toEqual([undefined, ["milk"]]);
  });

  test("clear() after it leaves nothing to merge", async () => {
    const { sessions, visit, read } = setUp();
    await visit({ cart: ["tea"] }, "ada");
    const { cookie } = await request(sessions, undefined, (session) => {
      session.login("ada", { merge });
      session.clear();
    });
    expect(await read(cookie)).toEqual({});
  });

  test("a store that cannot find by subject is an error at once, and nothing is changed", async () => {
    const { listBySubject: _, ...bare } = memoryStore();
    const store = { ...bare, capabilities: { ...bare.capabilities, bySubject: false } };
    const sessions = new Sessions<Data>({ store });
    const { value } = await request(sessions, undefined, (session) => {
      expect(() => session.login("ada", { merge })).toThrow(
        expect.objectContaining({ code: "ERR_SESSION_NOT_SUPPORTED" }),
      );
      return [session.subject, session.isNew];
    });
    expect(value).toEqual([undefined, true]);
  });

  test.each([
    [1 as never, "merge of session.login must be an object of functions by key; received 1"],
    [{ cart: "both" } as never, "received an object"],
  ])("%j is not an option", async (wrong, message) => {
    const { error } = await request(setUp().sessions, undefined, (session) => session.login("ada", { merge: wrong }));
    expect(String(error)).toContain(message);
  });

  test("an asynchronous function is an error, and nothing is saved", async () => {
    const { sessions, visit, read } = setUp();
    await visit({ cart: ["tea"] }, "ada");
    const guest = await visit({ cart: ["milk"] });
    const late = { cart: async () => ["tea"] } as never;
    const { error } = await request(sessions, guest.cookie, (session) => session.login("ada", { merge: late }));
    expect(String(error)).toContain("the function merge.cart of session.login must be synchronous");
    expect(await read(guest.cookie)).toEqual({ cart: ["milk"] });
  });
});
