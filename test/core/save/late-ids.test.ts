/** An id that was replaced and is used late: no cookie, no session, and the good cookie stays. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const minute = 60_000;

function setUp(options: Omit<SessionOptions<Data>, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const now = (): number => clock.now;
  const store = memoryStore({ now });
  const sessions = new Sessions<Data>({ store, now, ...options });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  const told = (type: string): SessionEvent[] => events.filter((event) => event.type === type);
  const records = async (): Promise<number> => {
    let count = 0;
    for await (const { key, payload } of store.list?.() ?? [])
      if (key.startsWith("session:") && !String(payload).startsWith("sojourn-renewed:")) count++;
    return count;
  };
  return { clock, store, sessions, events, told, records };
}

const write = ({ data }: Session<Data>): unknown => Object.assign(data, { late: 1 });
const formats = { "our own format": {}, "a foreign format": { format: { ...jsonFormat(), foreign: true } } };

for (const [name, options] of Object.entries(formats)) {
  describe(`a late request with a replaced id (${name})`, () => {
    for (const verb of ["regenerate", "login"] as const) {
      test(`by ${verb}, two minutes before, sets no cookie and starts no session`, async () => {
        const { sessions, clock, told, records } = setUp(options);
        const old = await request(sessions, undefined, (session) => session.login("ann"));
        const next = await request(sessions, old.cookie, (session) =>
          verb === "login" ? session.login("ann") : session.regenerate(),
        );
        clock.now += 2 * minute;
        const late = await request(sessions, old.cookie, async (session) => {
          write(session);
          return [session.subject, await session.save()];
        });
        expect(late).toMatchObject({ value: [undefined, false], error: undefined, setCookie: undefined });
        expect(told("save_refused")).toHaveLength(1);
        expect(await records()).toBe(1);
        const { value } = await request(sessions, next.cookie, ({ data, subject }) => [{ ...data }, subject]);
        expect(value).toEqual([{}, "ann"]);
      });
    }

    test("that logs out ends the session that the id led to", async () => {
      const { sessions, records } = setUp(options);
      const old = await request(sessions, undefined, (session) => session.login("ann"));
      await request(sessions, old.cookie, (session) => session.regenerate());
      const late = await request(sessions, old.cookie, (session) => session.destroy());
      expect(late.setCookie).toMatch(/Max-Age=0/);
      expect(await records()).toBe(0);
    });

    test("is a new visitor's when the response with the new id must have been lost", async () => {
      const { sessions, clock } = setUp(options);
      const old = await request(sessions, undefined, write);
      await request(sessions, old.cookie, (session) => session.regenerate());
      clock.now += 5 * minute;
      const again = await request(sessions, old.cookie, write);
      expect(again.setCookie).toBeDefined();
    });

    test("by a login, and is the second click on it, gets the same session with the cart", async () => {
      const { sessions, told, records } = setUp(options);
      const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: ["tea"] }));
      const login = (session: Session<Data>): void => session.login("ann");
      const first = await request(sessions, guest.cookie, login);
      const second = await request(sessions, guest.cookie, (session) => {
        session.data.seen = 1;
        session.login("ann");
      });
      expect(await records()).toBe(1);
      for (const { cookie } of [second, first]) {
        const { value } = await request(sessions, cookie, ({ data }) => ({ ...data }));
        expect(value).toEqual({ cart: ["tea"], seen: 1 });
      }
      expect(told("save_refused")).toEqual([]);
    });

    test("by a login of ann, and logs bob in, begins an empty session of bob's", async () => {
      const { sessions, records } = setUp(options);
      const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: ["tea"] }));
      await request(sessions, guest.cookie, (session) => session.login("ann"));
      const bob = await request(sessions, guest.cookie, (session) => session.login("bob"));
      expect((await request(sessions, bob.cookie, ({ data }) => ({ ...data }))).value).toEqual({});
      expect(await records()).toBe(2);
    });
  });
}

describe("the second click on a login still in flight", () => {
  test("keeps the cart, makes no second session, and answers with a valid id", async () => {
    const { sessions, records } = setUp();
    const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: ["tea"] }));
    let both = 0;
    let go = (): void => {};
    const loaded = new Promise<void>((resolve) => (go = resolve));
    const click = () =>
      request(sessions, guest.cookie, async (session) => {
        if (++both === 2) go();
        await loaded;
        session.login("ann");
      });
    const answers = await Promise.all([click(), click()]);
    expect(await records()).toBe(1);
    expect(await sessions.list("ann")).toHaveLength(1);
    for (const { cookie, setCookie } of answers) {
      expect(setCookie).toBeDefined();
      expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({ cart: ["tea"] });
    }
  });
});

describe("the old id of a renewal in passing", () => {
  const renewing = { renewAfter: "10m", renewGrace: "1m", idleTimeout: "2h" } as const;

  /** Renews the id `times` times, and uses each new one. */
  async function renewed(scene: ReturnType<typeof setUp>, times: number) {
    const first = await request(scene.sessions, undefined, (session) => {
      session.login("ann");
      return session.handle;
    });
    let { cookie } = first;
    for (let n = 0; n < times; n++) {
      scene.clock.now += 11 * minute;
      ({ cookie } = await request(scene.sessions, cookie, ({ data }) => data.n));
      scene.clock.now += 1000;
      await request(scene.sessions, cookie, ({ data }) => data.n);
    }
    return { first, cookie };
  }

  test("of a request that took two minutes sets no cookie and starts no session", async () => {
    const scene = setUp(renewing);
    const { first, cookie } = await renewed(scene, 1);
    scene.clock.now += 2 * minute;
    const late = await request(scene.sessions, first.cookie, write);
    expect([late.setCookie, await scene.records()]).toEqual([undefined, 1]);
    const { value } = await request(scene.sessions, cookie, ({ data, subject }) => [{ ...data }, subject]);
    expect(value).toEqual([{}, "ann"]);
  });

  test("on a server whose clock is two minutes ahead sets no cookie and starts no session", async () => {
    const scene = setUp(renewing);
    const { first } = await renewed(scene, 1);
    const ahead = new Sessions<Data>({ ...renewing, store: scene.store, now: () => scene.clock.now + 2 * minute });
    const late = await request(ahead, first.cookie, write);
    expect([late.setCookie, late.error, await scene.records()]).toEqual([undefined, undefined, 1]);
  });

  for (const times of [1, 2, 5]) {
    test(`used again ${times} renewals later is reported with handle and subject`, async () => {
      const scene = setUp(renewing);
      const { first } = await renewed(scene, times);
      scene.clock.now += 2 * minute;
      await request(scene.sessions, first.cookie, (session) => session.isNew);
      expect(scene.told("id_reused")).toEqual([expect.objectContaining({ handle: first.value, subject: "ann" })]);
      expect(await scene.records()).toBe(1);
    });
  }

  test('used again ends the session with onIdReuse: "end"', async () => {
    const scene = setUp({ ...renewing, onIdReuse: "end" });
    const { first, cookie } = await renewed(scene, 2);
    scene.clock.now += 2 * minute;
    const thief = await request(scene.sessions, first.cookie, (session) => session.isNew);
    expect([thief.value, thief.setCookie]).toEqual([true, undefined]);
    expect(scene.told("session_revoked")).toEqual([expect.objectContaining({ handle: first.value, subject: "ann" })]);
    expect((await request(scene.sessions, cookie, (session) => session.isNew)).value).toBe(true);
    expect(await scene.records()).toBe(0);
  });

  test("saves a change in flight when the id was renewed and the grace period passed", async () => {
    const scene = setUp(renewing);
    const { cookie } = await renewed(scene, 0);
    let next: string | undefined;
    const slow = await request(scene.sessions, cookie, async (session) => {
      scene.clock.now += 11 * minute;
      next = (await request(scene.sessions, cookie, ({ data }) => data.n)).cookie;
      await request(scene.sessions, next, ({ data }) => data.n);
      scene.clock.now += 2 * minute;
      return write(session);
    });
    expect([slow.error, slow.setCookie]).toEqual([undefined, undefined]);
    expect((await request(scene.sessions, next, ({ data }) => ({ ...data }))).value).toEqual({ late: 1 });
  });

  test("of a session that cannot be written leaves one record, however many requests try", async () => {
    for (const fails of ["update", "create"] as const) {
      const scene = setUp();
      const broken = { failing: false };
      const store = {
        ...scene.store,
        [fails]: (...args: never[]) =>
          broken.failing
            ? Promise.reject(new Error("out of memory"))
            : (scene.store[fails] as (...args: never[]) => Promise<unknown>)(...args),
      };
      const sessions = new Sessions<Data>({ ...renewing, store, now: () => scene.clock.now, wait: async () => {} });
      const { cookie } = await request(sessions, undefined, (session) => session.login("ann"));
      scene.clock.now += 11 * minute;
      broken.failing = true;
      for (let n = 0; n < 20; n++)
        expect((await request(sessions, cookie, ({ subject }) => subject)).value).toBe("ann");
      broken.failing = false;
      await expect.poll(scene.records).toBe(1);
      scene.clock.now += minute;
      expect((await request(sessions, cookie, ({ subject }) => subject)).setCookie).toBeDefined();
    }
  });
});
