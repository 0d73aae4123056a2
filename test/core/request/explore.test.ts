/** Promises 1, 2 and 8 in every order of the store calls of two and three requests. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore, type Gate } from "../../../src/testing/explore.ts";
import { type Answer, request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
type Handler = (session: Session<Data>) => unknown;

interface Scene {
  readonly sessions: Sessions<Data>;
  readonly store: Store;
  /** The cookie of the session that all tasks share. */
  readonly cookie: string;
  readonly answers: Answer[];
  /** The task found no session any more when it began: a new visitor, whose session is a new one. */
  readonly late: boolean[];
  readonly events: string[];
  /** The data behind a cookie, or `undefined` when it finds no session. */
  look(cookie: string | undefined): Promise<Data | undefined>;
  records(): Promise<number>;
}

interface Options {
  readonly aged?: boolean;
  readonly subject?: string;
  readonly sample?: number;
  readonly oneProcess?: boolean;
  readonly extra?: (scene: Scene) => (() => Promise<unknown>)[];
}

/** Explores requests that share one session holding `{ base: 1, n: 0 }`. */
async function together(
  handlers: Handler[],
  check: (scene: Scene) => Promise<void>,
  options: Options = {},
): Promise<number> {
  const result = await explore(
    async (gate: Gate) => {
      let now = 1_800_000_000_000;
      const inner = memoryStore({ now: () => now });
      const store = gate.store(inner);
      // Each request is served by a process of its own: what they share is the store.
      const process = (): Sessions<Data> =>
        new Sessions<Data>({
          store,
          now: () => now,
          wait: () => Promise.resolve(),
          renewAfter: options.aged ? "10m" : false,
          renewGrace: "30s",
        });
      const sessions = process();
      const first = await request(sessions, undefined, (session) => {
        Object.assign(session.data, { base: 1, n: 0 });
        if (options.subject) session.login(options.subject);
      });
      const cookie = first.cookie as string;
      now += options.aged ? 11 * 60_000 : 1000;
      const events: string[] = [];
      const listen = (served: Sessions<Data>): Sessions<Data> => {
        served.on((event) => events.push(event.type));
        return served;
      };
      listen(sessions);
      const answers: Answer[] = [];
      const late: boolean[] = [];
      const scene: Scene = {
        sessions,
        store: inner,
        cookie,
        answers,
        late,
        events,
        async look(value) {
          if (value === undefined) return undefined;
          const { value: data } = await request(sessions, value, (session) =>
            session.isNew ? undefined : { ...session.data },
          );
          return data;
        },
        async records() {
          let count = 0;
          if (inner.list)
            for await (const row of inner.list())
              if (!String(row.payload).startsWith("sojourn-renewed:") && row.key.startsWith("session:")) count++;
          return count;
        },
      };
      const requests = handlers.map((handler, at) => async () => {
        const served = options.oneProcess ? sessions : listen(process());
        answers[at] = await request(served, cookie, (session) => {
          late[at] = session.isNew;
          return late[at] ? undefined : handler(session);
        });
        if (answers[at]?.error) throw answers[at].error;
      });
      return { tasks: [...requests, ...(options.extra?.(scene) ?? [])], check: () => check(scene) };
    },
    options.sample === undefined ? {} : { sample: options.sample },
  );
  if (options.sample === undefined) expect(result.complete).toBe(true);
  return result.orders;
}

const set =
  (key: string, value: unknown): Handler =>
  (session) => {
    session.data[key] = value;
  };
const read: Handler = (session) => ({ ...session.data });
const count: Handler = (session) => session.update("n", (n) => (n as number) + 1);
const destroy: Handler = (session) => session.destroy();
const regenerate: Handler = (session) => session.regenerate();
const login: Handler = (session) => session.login("ann");

describe("promise 1: no lost update, in every order", { timeout: 120_000 }, () => {
  test("two requests that change different keys keep both changes", async () => {
    const orders = await together([set("a", 1), set("b", 2)], async ({ look, cookie }) => {
      expect(await look(cookie)).toEqual({ base: 1, n: 0, a: 1, b: 2 });
    });
    expect(orders).toBeGreaterThan(5);
  });

  test("three requests that change different keys keep all changes", async () => {
    const orders = await together([set("a", 1), set("b", 2), set("c", 3)], async ({ look, cookie }) => {
      expect(await look(cookie)).toEqual({ base: 1, n: 0, a: 1, b: 2, c: 3 });
    });
    expect(orders).toBeGreaterThan(400);
  });

  test("three requests in one process, where conflicting saves take turns, keep all changes", async () => {
    const handlers = [set("a", 1), set("b", 2), count];
    await together(
      handlers,
      async ({ look, cookie }) => {
        expect(await look(cookie)).toEqual({ base: 1, n: 1, a: 1, b: 2 });
      },
      { oneProcess: true },
    );
  });

  test("three counters count exactly", async () => {
    await together([count, count, count], async ({ look, cookie }) => {
      expect(await look(cookie)).toEqual({ base: 1, n: 3 });
    });
  });

  test("nested changes of different keys both survive", async () => {
    const nested: Handler = (session) => {
      session.data.deep = { list: [1, { two: 2 }] };
    };
    await together([nested, count], async ({ look, cookie }) => {
      expect(await look(cookie)).toEqual({ base: 1, n: 1, deep: { list: [1, { two: 2 }] } });
    });
  });

  test("with the same key one of the two values wins, never a mixture", async () => {
    await together([set("v", { a: 1 }), set("v", { b: 2 })], async ({ look, cookie }) => {
      expect([{ a: 1 }, { b: 2 }]).toContainEqual((await look(cookie))?.v);
    });
  });

  test("clear removes what came before it, and keeps what comes after", async () => {
    await together([(session) => session.clear(), set("a", 1)], async ({ look, cookie }) => {
      expect([{}, { a: 1 }]).toContainEqual(await look(cookie));
    });
  });

  test("a value taken twice is gone, and a newer one set in between stays or was seen", async () => {
    const take: Handler = (session) => session.take("base");
    await together([take, set("base", "new")], async ({ look, cookie, answers }) => {
      const left = (await look(cookie))?.base;
      expect(left === "new" || answers[0]?.value === "new").toBe(true);
    });
    await together([take, take], async ({ look, cookie }) => expect((await look(cookie))?.base).toBeUndefined());
  });

  test("a request that only reads writes nothing and changes nothing", async () => {
    await together([read, count], async ({ look, cookie, answers }) => {
      expect(await look(cookie)).toEqual({ base: 1, n: 1 });
      expect(answers[0]?.setCookie).toBeUndefined();
    });
  });
});

describe("promise 2: no resurrection, in every order", { timeout: 120_000 }, () => {
  for (const [name, other] of [
    ["writer", set("a", 1)],
    ["counter", count],
    ["reader", read],
  ] as const) {
    test(`a destroyed session never comes back through a slow ${name}`, async () => {
      await together([destroy, other], async ({ look, cookie, answers, records }) => {
        expect(await look(cookie)).toBeUndefined();
        expect(await records()).toBe(0);
        expect(answers[1]?.setCookie).toBeUndefined();
        expect(answers[0]?.cookie).toBeUndefined();
      });
    });

    test(`a regenerated session's old id never comes back through a slow ${name}`, async () => {
      await together([regenerate, other], async ({ look, cookie, answers, records }) => {
        expect(await look(cookie)).toBeUndefined();
        expect(await look(answers[0]?.cookie)).toMatchObject({ base: 1 });
        expect(await records()).toBe(1);
        expect(answers[1]?.setCookie).toBeUndefined();
      });
    });

    test(`the id before login never comes back through a slow ${name}`, async () => {
      await together([login, other], async ({ look, cookie, answers, records, sessions }) => {
        expect(await look(cookie)).toBeUndefined();
        expect(await look(answers[0]?.cookie)).toMatchObject({ base: 1 });
        expect(await records()).toBe(1);
        expect(await sessions.list("ann")).toHaveLength(1);
        expect(answers[1]?.setCookie).toBeUndefined();
      });
    });
  }

  test("a destroyed session never comes back through two slow writers", async () => {
    await together([destroy, set("a", 1), count], async ({ look, cookie, answers, records }) => {
      expect(await look(cookie)).toBeUndefined();
      expect(await records()).toBe(0);
      expect(answers[1]?.setCookie ?? answers[2]?.setCookie).toBeUndefined();
    });
  });

  for (const [name, pair] of [
    ["regenerate twice", [regenerate, regenerate]],
    ["log in twice", [login, login]],
    ["log in and regenerate", [login, regenerate]],
    ["log the same user in and regenerate", [login, regenerate], "ann"],
    ["log the same user in twice", [login, login], "ann"],
  ] as const) {
    test(`requests that ${name}: one session is left, and the answers lead to it`, async () => {
      await together(
        [...pair],
        async ({ look, cookie, answers, records }) => {
          expect(await look(cookie)).toBeUndefined();
          const sent = answers.filter((answer) => answer.setCookie !== undefined);
          const led = await Promise.all(sent.map((answer) => look(answer.cookie)));
          // A guest's login ends also the id that a parallel request has just been given: it may be somebody else's.
          const living = pair[1] === regenerate && name === "log in and regenerate" ? led.filter(Boolean) : led;
          expect(living.length).toBeGreaterThan(0);
          for (const data of living) expect(data).toMatchObject({ base: 1, n: 0 });
          expect(await records()).toBe(1);
        },
        name.includes("same user") ? { subject: "ann" } : {},
      );
    });
  }

  for (const subject of ["ann", undefined]) {
    test(`a logout during a regenerate leaves nothing of ${subject ? "a user's" : "a guest's"} session`, async () => {
      await together(
        [destroy, regenerate],
        async ({ look, cookie, answers, records, late }) => {
          expect(await look(cookie)).toBeUndefined();
          // It found no session when it began: its handler did not log out.
          if (late[0]) return;
          expect(await look(answers[1]?.cookie)).toBeUndefined();
          expect(await records()).toBe(0);
        },
        subject ? { subject } : {},
      );
    });
  }

  for (const [subject, other] of [
    [undefined, login],
    ["ann", login],
    ["ann", (session: Session<Data>) => session.login("bob")],
  ] as const) {
    test(`a logout of ${subject ?? "a guest"} during ${other === login ? "a login of ann" : "a login of bob"} leaves nothing`, async () => {
      await together(
        [destroy, other],
        async ({ look, cookie, answers, records, late }) => {
          expect(await look(cookie)).toBeUndefined();
          if (late[0]) return;
          expect(await look(answers[1]?.setCookie && answers[1].cookie)).toBeUndefined();
          expect(await records()).toBe(0);
        },
        subject ? { subject } : {},
      );
    });
  }

  test("a logout with an id replaced a moment ago ends the session", async () => {
    const store = memoryStore();
    for (const act of [regenerate, login]) {
      const sessions = new Sessions<Data>({ store });
      const first = await request(sessions, undefined, set("base", 1));
      const moved = await request(sessions, first.cookie, act);
      const out = await request(sessions, first.cookie, destroy);
      expect(out.setCookie).toMatch(/Max-Age=0/);
      expect((await request(sessions, moved.cookie, (session) => session.isNew)).value).toBe(true);
    }
  });

  for (const [name, write] of [
    ["writer", set("a", 1)],
    ["counter", count],
  ] as const) {
    test(`changes of a ${name} in flight when regenerate replaced the id are merged into the session`, async () => {
      let merged = 0;
      await together([regenerate, write], async ({ look, answers, late }) => {
        const data = await look(answers[0]?.cookie);
        expect(data).toEqual({
          base: 1,
          n: late[1] || write !== count ? 0 : 1,
          ...(!late[1] && write !== count && { a: 1 }),
        });
        if (!late[1]) merged++;
      });
      expect(merged).toBeGreaterThan(3);
    });
  }
});

describe("promise 8: renewal in passing, in every order", { timeout: 120_000 }, () => {
  const aged = { aged: true };

  test("of two requests with an aged id one renews it; the old id still leads to the session", async () => {
    await together(
      [read, set("a", 1)],
      async ({ look, cookie, answers, records }) => {
        const sent = answers.filter((answer) => answer.setCookie !== undefined);
        expect(sent).toHaveLength(1);
        expect(await records()).toBe(1);
        expect(await look(cookie)).toEqual({ base: 1, n: 0, a: 1 });
        expect(await look(sent[0]?.cookie)).toEqual({ base: 1, n: 0, a: 1 });
      },
      aged,
    );
  });

  test("three writers with an aged id: one renews, all changes survive", async () => {
    await together(
      [set("a", 1), set("b", 2), count],
      async ({ look, answers, records }) => {
        const sent = answers.filter((answer) => answer.setCookie !== undefined);
        expect(sent).toHaveLength(1);
        expect(await records()).toBe(1);
        expect(await look(sent[0]?.cookie)).toEqual({ base: 1, n: 1, a: 1, b: 2 });
      },
      { ...aged, sample: 3000 },
    );
  });

  test("a session destroyed while its id is renewed is gone under both ids", async () => {
    await together(
      [destroy, read],
      async ({ look, cookie, answers, records }) => {
        expect(await look(cookie)).toBeUndefined();
        expect(await look(answers[1]?.setCookie && answers[1].cookie)).toBeUndefined();
        expect(await records()).toBe(0);
      },
      aged,
    );
  });

  test("a session destroyed while two writers renew it is gone under every id", async () => {
    await together(
      [destroy, set("a", 1), set("b", 1)],
      async ({ look, cookie, answers, records }) => {
        for (const value of [cookie, answers[1]?.cookie, answers[2]?.cookie]) expect(await look(value)).toBeUndefined();
        expect(await records()).toBe(0);
      },
      { ...aged, sample: 3000 },
    );
  });

  test("a login during a renewal ends both the old id and the renewed one", async () => {
    await together(
      [login, read],
      async ({ look, cookie, answers, records }) => {
        expect(await look(cookie)).toBeUndefined();
        if (answers[1]?.setCookie) expect(await look(answers[1].cookie)).toBeUndefined();
        expect(await look(answers[0]?.cookie)).toEqual({ base: 1, n: 0 });
        expect(await records()).toBe(1);
      },
      aged,
    );
  });
});

describe("revocation by subject, in every order", () => {
  const all = (scene: Scene) => [() => scene.sessions.revoke("ann")];

  for (const [name, handler] of [
    ["writer", set("a", 1)],
    ["reader", read],
    ["regenerate", regenerate],
  ] as const) {
    test(`nothing of the subject is left after a ${name} in flight`, async () => {
      await together(
        [handler],
        async ({ look, cookie, answers, records, sessions }) => {
          expect(await look(cookie)).toBeUndefined();
          expect(await look(answers[0]?.cookie)).toBeUndefined();
          expect(await records()).toBe(0);
          expect(await sessions.list("ann")).toEqual([]);
        },
        { subject: "ann", extra: all },
      );
    });
  }

  test("nothing of the subject is left after a renewal in flight", async () => {
    await together(
      [read],
      async ({ look, cookie, answers, records }) => {
        expect(await look(cookie)).toBeUndefined();
        expect(await look(answers[0]?.cookie)).toBeUndefined();
        expect(await records()).toBe(0);
      },
      { aged: true, subject: "ann", extra: all },
    );
  });

  test("a login that began before the revocation ends itself; one that began after it stays", async () => {
    let kept = 0;
    let ended = 0;
    await together(
      [login],
      async ({ look, answers, records, events, sessions }) => {
        const after = await look(answers[0]?.setCookie && answers[0].cookie);
        const left = await sessions.list("ann");
        expect(left).toHaveLength(after ? 1 : 0);
        if (after) kept++;
        else {
          expect(await records()).toBe(0);
          expect(events).toContain("session_revoked");
          if (!answers[0]?.setCookie) ended++;
        }
      },
      { extra: all },
    );
    expect(kept).toBeGreaterThan(0);
    expect(ended).toBeGreaterThan(0);
  });
});
