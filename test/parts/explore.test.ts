/** Promises 1 and 2 over two parts in two stores, in every order of the store calls of two requests. */

import type { Store } from "sojourn";
import { createPartsSessions, type PartsSession, type PartsSessions } from "sojourn/parts";
import { memoryStore } from "sojourn/stores/memory";
import { explore } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { Browser, type Data, type Visit } from "./browser.ts";

type Handler = (session: PartsSession<Data>) => unknown;

interface Scene {
  /** Holds the cookies of before. */
  readonly before: Browser;
  readonly browsers: readonly Browser[];
  readonly visits: readonly Visit<unknown>[];
  readonly sessions: PartsSessions<Data>;
  /** The keys of the sessions there are, of both parts, without their hashes. */
  records(): Promise<string[]>;
}

interface Options {
  readonly begin?: Handler;
  readonly sample?: number;
  /** The ids are due for renewal. */
  readonly aged?: boolean;
  readonly also?: (sessions: PartsSessions<Data>) => Promise<unknown>;
}

/** Explores requests of one session that holds `user` in one store and `cart` in another. */
async function together(handlers: readonly Handler[], check: (scene: Scene) => Promise<void>, options: Options = {}) {
  const result = await explore(
    async (gate) => {
      let at = 1_800_000_000_000;
      const now = () => at;
      const inner: Store[] = [memoryStore({ now }), memoryStore({ now })];
      const [login, cart] = inner.map((store) => gate.store(store)) as [Store, Store];
      const served = (): PartsSessions<Data> =>
        createPartsSessions<Data, string>({
          now,
          wait: () => Promise.resolve(),
          renewAfter: options.aged ? "10m" : false,
          parts: {
            login: { store: login, fields: ["user"] },
            cart: { store: cart, cookie: { name: "cart" }, fields: ["cart", "total"] },
          },
        });
      const sessions = served();
      const before = new Browser(sessions);
      await before.visit(options.begin ?? (({ data }) => Object.assign(data, { user: "u", cart: "c" })));
      if (options.aged) at += 11 * 60_000;
      const browsers = handlers.map(() => new Browser(served(), before.cookies));
      const visits: Visit<unknown>[] = [];
      const scene: Scene = {
        before,
        browsers,
        visits,
        sessions,
        async records() {
          const keys = [];
          for (const store of inner)
            for await (const { key, payload } of store.list?.() ?? [])
              if (String(payload).startsWith('{"sojourn"')) keys.push(`${key.split(":")[0]}`);
          return keys.sort();
        },
      };
      const requests = handlers.map((handler, at) => async () => {
        const browser = browsers[at] as Browser;
        // Whoever comes when the session is gone is a new visitor.
        visits[at] = await browser.visit((session) => (session.part("login").isNew ? "gone" : handler(session)));
        if (visits[at]?.error) throw visits[at].error;
      });
      return {
        tasks: [...requests, ...(options.also ? [() => options.also?.(sessions) as Promise<unknown>] : [])],
        check: () => check(scene),
      };
    },
    options.sample === undefined ? {} : { sample: options.sample },
  );
  if (options.sample === undefined) expect(result.complete).toBe(true);
  return result.orders;
}

const look = async (browser: Browser): Promise<Data | undefined> =>
  (await browser.visit(({ data, isNew }) => (isNew ? undefined : { ...data }))).value;

const both: Handler = ({ data }) => Object.assign(data, { user: "u2", total: 1 });
const anonymous: Handler = ({ data }) => Object.assign(data, { user: "u" });
const loggedIn: Handler = (session) => {
  session.data.user = "u";
  session.login("ada");
};

describe("two requests over two parts, in every order or a thousand", { timeout: 120_000 }, () => {
  test("changes of different keys are all kept, in both parts", async () => {
    const orders = await together([both, ({ data }) => Object.assign(data, { cart: "c2" })], async ({ before }) => {
      expect(await look(before)).toEqual({ user: "u2", cart: "c2", total: 1 });
    });
    expect(orders).toBeGreaterThan(20);
  });

  test("a destroyed session does not come back, in no part", async () => {
    await together([(session) => session.destroy(), both], async ({ before, browsers, visits, records }) => {
      expect(await records()).toEqual([]);
      expect(await look(before)).toBeUndefined();
      expect(browsers[0]?.cookies.size).toBe(0);
      expect(visits[1]?.cookies).toEqual([]);
    });
  });

  test("the ids before a login find nothing in any part, and a slower request sets no cookie", async () => {
    const check = async ({ before, browsers, visits, records }: Scene): Promise<void> => {
      expect(await look(before)).toBeUndefined();
      expect(await look(browsers[0] as Browser)).toMatchObject({ cart: "c" });
      expect(await records()).toEqual(["cart", "session"]);
      expect(visits[1]?.cookies).toEqual([]);
    };
    // All orders were run once, and are too many for every time.
    await together([(session) => session.login("ada"), both], check, { sample: 1000 });
  });

  const make: Handler = ({ data }) => Object.assign(data, { cart: "made" });

  test("a part created during the logout of a user's session is not left behind", async () => {
    const check = async ({ before, records }: Scene): Promise<void> => {
      expect(await records()).toEqual([]);
      expect(await look(before)).toBeUndefined();
    };
    await together([(session) => session.destroy(), make], check, { begin: loggedIn });
  });

  test("a part created while another user logs in is not left to that user", async () => {
    const check = async ({ records }: Scene): Promise<void> => {
      expect(await records()).toEqual(["session"]);
    };
    await together([(session) => session.login("bob"), make], check, { begin: loggedIn });
  });

  test("a guest's part created during their logout or login is theirs, or is removed", async () => {
    for (const end of [(session) => session.destroy(), (session) => session.login("ada")] as Handler[]) {
      const check = async ({ browsers, visits, records }: Scene): Promise<void> => {
        const keeps = visits[1]?.cookies.includes("cart") === true;
        expect((await records()).includes("cart")).toBe(keeps);
        const { value } = await (browsers[1] as Browser).visit((session) => session.part("cart").subject);
        expect(value).toBeUndefined();
      };
      await together([end, make], check, { begin: anonymous });
    }
  });

  test("a user revoked while a part is created, or a login saved, keeps only a login begun after it", async () => {
    const again: Handler = (session) => {
      session.login("ada");
      session.data.cart = "made";
    };
    // So they are of the second.
    for (const [handler, sample] of [[make], [again, 500]] as const) {
      const also = (sessions: PartsSessions<Data>): Promise<unknown> => sessions.revoke("ada");
      const whole = handler === again ? [[], ["session"], ["cart", "session"]] : [[]];
      const check = async ({ records }: Scene): Promise<void> => expect(whole).toContainEqual(await records());
      await together([handler], check, { begin: loggedIn, also, ...(sample !== undefined && { sample }) });
    }
  });

  test("a user revoked while the ids of a session are renewed keeps nothing in any part", async () => {
    const also = (sessions: PartsSessions<Data>): Promise<unknown> => sessions.revoke("ada");
    const check = async ({ records }: Scene): Promise<void> => expect(await records()).toEqual([]);
    const begin: Handler = (session) => {
      loggedIn(session);
      session.data.cart = "c";
    };
    for (const renewing of [(session) => session.regenerate(), both] as Handler[]) {
      await together([renewing], check, { begin, also, sample: 500, aged: true });
    }
  });

  const acts: Record<string, Handler> = {
    write: both,
    regenerate: (session) => session.regenerate(),
    "login again": (session) => session.login("ada"),
    "login as another": (session) => session.login("bob"),
    logout: (session) => session.destroy(),
  };
  for (const [one, first] of Object.entries(acts)) {
    for (const [two, second] of Object.entries(acts)) {
      test(`${one} and ${two} leave one session or none, and no data of ada's to bob`, async () => {
        const check = async ({ browsers, visits, records, sessions }: Scene): Promise<void> => {
          const left = await records();
          const did = (name: string): boolean =>
            [one, two].some((act, at) => act === name && visits[at]?.value !== "gone");
          if (did("logout")) expect(left).toEqual([]);
          const parts = new Set(left);
          expect(left.length).toBe(parts.size);
          const lists = [await sessions.list("ada"), await sessions.list("bob")];
          expect(lists.flat().length).toBe(left.includes("session") ? 1 : 0);
          if (lists[1]?.length === 0) return;
          for (const [at, browser] of browsers.entries()) {
            if ([one, two][at] !== "login as another" || visits[at]?.value === "gone") continue;
            const seen = await browser.visit(({ data, subject }) => [subject, { ...data }]);
            if (seen.value?.[0] === "bob") expect(seen.value[1]).toEqual({});
          }
        };
        const begin: Handler = (session) => {
          Object.assign(session.data, { user: "u", cart: "c" });
          session.login("ada");
        };
        await together([first, second], check, { begin, sample: 60 });
      });
    }
  }
});
