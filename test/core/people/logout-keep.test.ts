/** `session.logout({ keep })`: the login is over whatever follows, and the guest keeps what was named. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore } from "../../../src/testing/explore.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { Browser } from "../../parts/browser.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const secrets = "a secret of at least 32 characters";

async function setUp(options: Partial<SessionOptions<Data>> = {}) {
  const store = countedStore(memoryStore());
  const sessions = new Sessions<Data>({ store, ...options } as never);
  const ada = await request(sessions, undefined, (session) => {
    Object.assign(session.data, { lang: "da", isAdmin: true, cart: ["tea"] });
    session.login("ada", { persistent: true });
    return session.handle;
  });
  const events: string[] = [];
  sessions.on(({ type, handle }) => events.push(handle === ada.value ? `${type} of ada's` : type));
  return { store, sessions, ada, events };
}
const leave = (session: Session<Data>): void => session.logout({ keep: ["lang"] });
const seen = (session: Session<Data>) => [session.subject, { ...session.data }];

const layouts: Record<string, () => Partial<SessionOptions<Data>>> = {
  "a record": () => ({}),
  "a record of Flask": () => ({ ...flaskSession({ subjectKey: "_user_id" }), store: memoryStore() }) as never,
  "a cookie": () => ({ store: cookieStore({ secrets, revocations: memoryStore() }) }),
};
for (const [where, layout] of Object.entries(layouts)) {
  describe(`logout of a session in ${where}`, () => {
    test("ends the login, and leaves a guest with the kept data and a notice for the next page", async () => {
      const { sessions, ada, events } = await setUp(layout());
      const left = await request(sessions, ada.cookie, (session) => {
        leave(session);
        expect([session.subject, session.isNew, session.authenticatedAt, { ...session.data }]).toEqual([
          undefined,
          true,
          undefined,
          { lang: "da" },
        ]);
        session.flash("notice", "You are logged out.");
        return session.handle;
      });
      expect(left.error).toBeUndefined();
      expect(left.setCookie).not.toMatch(/Max-Age=0;/);
      const next = await request(sessions, left.cookie, (session) => [...seen(session), session.take("notice")]);
      expect(next.value).toEqual([undefined, { lang: "da", notice: "You are logged out." }, "You are logged out."]);
      expect((await request(sessions, ada.cookie, seen)).value).toEqual([undefined, {}]);
      if (where === "a record") {
        expect(left.value).not.toBe(ada.value);
        expect(events.slice(0, 2)).toEqual(["session_logout of ada's", "session_created"]);
        expect(await sessions.list("ada")).toEqual([]);
      }
    });

    test("with nothing to keep removes the cookie", async () => {
      const { sessions, ada } = await setUp(layout());
      const left = await request(sessions, ada.cookie, (session) => session.logout());
      expect(left.setCookie).toMatch(/Max-Age=0;/);
      expect((await request(sessions, ada.cookie, seen)).value).toEqual([undefined, {}]);
    });

    const then: Record<string, (session: Session<Data>) => unknown> = {
      "throws an error": () => {
        throw new Error("the page failed");
      },
      "rejects later": () => Promise.reject(new Error("the page failed")),
      "keeps what cannot be stored": (session) => {
        session.data["f"] = () => {};
      },
    };
    for (const onError of ["discard", "save"] as const) {
      for (const [name, handler] of Object.entries(then)) {
        test(`is final even if the handler then ${name} (onError: ${onError})`, async () => {
          const { sessions, ada } = await setUp({ onError, ...layout() });
          const left = await request(sessions, ada.cookie, (session) => {
            leave(session);
            return handler(session);
          });
          expect(left.error).toBeInstanceOf(Error);
          for (const cookie of [ada.cookie, left.cookie])
            expect((await request(sessions, cookie, ({ subject }) => subject)).value).toBeUndefined();
        });
      }
    }
  });
}

describe("session.logout", () => {
  test("costs one call more than destroy, and nothing without a record", async () => {
    const { sessions, store, ada } = await setUp();
    store.reset();
    await request(sessions, ada.cookie, leave);
    const kept = { ...store.calls };
    const again = await setUp();
    again.store.reset();
    await request(again.sessions, again.ada.cookie, (session) => session.destroy());
    expect(kept).toEqual({ ...again.store.calls, create: 1 });
    store.reset();
    await request(sessions, undefined, leave);
    expect(store.calls).toEqual({});
  });

  test("may be followed by a login, another logout, or a save in the same request", async () => {
    const { sessions, ada } = await setUp();
    const bob = await request(sessions, ada.cookie, async (session) => {
      leave(session);
      await session.save();
      session.data["n"] = 1;
      session.logout({ keep: ["n"] });
      session.login("bob");
      await session.save();
      session.data["m"] = 2;
    });
    expect(bob.error).toBeUndefined();
    expect((await request(sessions, bob.cookie, seen)).value).toEqual(["bob", { n: 1, m: 2 }]);
    expect(await sessions.list("ada")).toEqual([]);
    expect(await sessions.list("bob")).toHaveLength(1);
  });

  test("during a save still ends the session, and mixes no data", async () => {
    const { sessions, ada } = await setUp();
    const left = await request(sessions, ada.cookie, async (session) => {
      session.data["late"] = 1;
      const saving = session.save();
      leave(session);
      session.data["guest"] = 1;
      await saving;
    });
    expect((await request(sessions, left.cookie, seen)).value).toEqual([undefined, { lang: "da", guest: 1 }]);
    expect((await request(sessions, ada.cookie, seen)).value).toEqual([undefined, {}]);
  });

  test("keeps only own properties", async () => {
    const { sessions, ada } = await setUp();
    const left = await request(sessions, ada.cookie, (session) => {
      session.update("__proto__", () => "own");
      session.logout({ keep: ["toString", "__proto__", "nothing"] });
      return Object.keys(session.data);
    });
    expect(left.value).toEqual(["__proto__"]);
  });

  test.each<[object, RegExp]>([
    [{ keep: "lang" }, /the option keep of session.logout must be a list of keys/],
    [{ keep: [1] }, /must be a list of keys/],
    [{ keeps: ["lang"] }, /did you mean "keep"/],
  ])("is a TypeError with %j, and the login stands", async (options, text) => {
    const { sessions, ada } = await setUp();
    const { value } = await request(sessions, ada.cookie, (session) => {
      expect(() => session.logout(options as never)).toThrow(text);
      return session.subject;
    });
    expect(value).toBe("ada");
  });

  test("throws after the headers were sent, and after destroy", async () => {
    const { sessions, ada } = await setUp();
    const incoming = { cookie: ada.cookie };
    const exchange = sessions.open(incoming, { cookie: (of: typeof incoming) => of.cookie, secure: () => true });
    const session = await sessions.get(incoming);
    exchange.headersGone();
    expect(() => session.logout()).toThrow(expect.objectContaining({ code: "ERR_SESSION_HEADERS_SENT" }));
    expect(session.subject).toBe("ada");
    await request(sessions, ada.cookie, (other) => {
      other.destroy();
      expect(() => other.logout()).toThrow(expect.objectContaining({ code: "ERR_SESSION_ENDED" }));
    });
  });
});

describe("logout during an earlier request", () => {
  const others: Record<string, (session: Session<Data>) => void> = {
    "that writes": (session) => {
      session.data["mine"] = 1;
    },
    "that regenerates": (session) => session.regenerate(),
    "that confirms": (session) => session.confirm(),
    "of a double click on login": (session) => session.login("ada"),
    "that logs in somebody else": (session) => session.login("bob"),
    "that logs out, too": leave,
    "that destroys": (session) => session.destroy(),
  };
  for (const [name, other] of Object.entries(others)) {
    test(`${name}: no access of ada's is left, and the guest has none of her data, in every order`, async () => {
      const { complete } = await explore(async (gate) => {
        const inner = memoryStore();
        const store = gate.store(inner);
        const make = (): Sessions<Data> => new Sessions<Data>({ store, wait: async () => {}, warn: () => {} });
        const [one, two] = [make(), make()];
        const { cookie } = await request(one, undefined, (session) => {
          Object.assign(session.data, { lang: "da", isAdmin: true });
          session.login("ada");
        });
        // Both came with ada's cookie before either was answered.
        const incoming = { cookie };
        const reader = { cookie: (of: typeof incoming) => of.cookie, secure: () => true };
        const slow = two.open(incoming, reader);
        const session = await two.get(incoming);
        const leaving = { cookie };
        const exchange = one.open(leaving, reader);
        const hers = await one.get(leaving);
        const headers = new Headers();
        return {
          tasks: [
            async () => {
              leave(hers);
              await exchange.commit(headers);
            },
            async () => {
              other(session);
              await slow.commit(new Headers());
            },
          ],
          async check() {
            if ((await one.list("ada")).length > 0) throw new Error("ada is still logged in somewhere");
            const guest = headers.getSetCookie().at(-1)?.split(";")[0];
            const { value } = await request(one, guest, seen);
            if (JSON.stringify(value) !== '[null,{"lang":"da"}]')
              throw new Error(`the guest: ${JSON.stringify(value)}`);
            const old = await request(one, cookie, ({ subject }) => subject);
            if (old.value !== undefined) throw new Error("ada's old cookie is good");
          },
        };
      });
      expect(complete).toBe(true);
    });
  }
});

test("a logout that fails leaves no more access than before, and calling it again succeeds", async () => {
  const kinds: Fault[] = ["throw-before", "throw-after", "hang-before", "hang-after"];
  let failures = 0;
  for (let at = 0; at < 6; at++) {
    for (const fault of kinds) {
      const inner = memoryStore();
      const failing = { at: -1, calls: 0 };
      const store = faultyStore(inner, () => (failing.calls++ === failing.at ? fault : "pass"));
      const sessions = new Sessions<Data>({ store, storeTimeout: "5ms", wait: async () => {}, warn: () => {} });
      const { cookie } = await request(sessions, undefined, (session) => {
        Object.assign(session.data, { lang: "da", isAdmin: true });
        session.login("ada");
      });
      Object.assign(failing, { at, calls: 0 });
      const left = await request(sessions, cookie, leave);
      failing.at = -1;
      const where = `call ${at}, ${String(fault)}`;
      if (!left.error) {
        expect((await request(sessions, cookie, seen)).value?.[0], where).toBeUndefined();
        expect(await sessions.list("ada"), where).toEqual([]);
        continue;
      }
      failures++;
      expect(left.error, where).toMatchObject({ status: 503 });
      const after = await request(sessions, left.cookie, seen);
      expect(
        [
          [undefined, {}],
          [undefined, { lang: "da" }],
          ["ada", { lang: "da", isAdmin: true }],
        ],
        where,
      ).toContainEqual(after.value);
      const again = await request(sessions, left.cookie, leave);
      expect(again.error, where).toBeUndefined();
      expect((await request(sessions, again.cookie, seen)).value?.[0], where).toBeUndefined();
      expect((await request(sessions, cookie, seen)).value?.[0], where).toBeUndefined();
    }
  }
  expect(failures).toBeGreaterThan(4);
});

test("in parts, all end, those that keep something begin again, and a session made at that moment ends too", async () => {
  const store = countedStore(memoryStore());
  const sessions = createPartsSessions<Data, string>({
    parts: {
      login: { cookie: { name: "session" }, store, fields: ["user"] },
      cart: { cookie: { name: "cart" }, store, fields: ["cart"] },
      theme: { cookie: { name: "theme" }, store: cookieStore({ secrets }), fields: "rest" },
    },
  });
  const browser = new Browser(sessions);
  await browser.visit((session) => {
    Object.assign(session.data, { user: "Ada", theme: "dark", lang: "da" });
    session.login("ada");
  });
  const [before, slow] = [browser.another(), browser.another()];
  const left = await browser.visit(async (session) => {
    // A parallel request begins the cart just now, of which this one has no cookie.
    await slow.visit((other) => {
      other.data["cart"] = ["tea"];
    });
    session.logout({ keep: ["lang"] });
    session.data["notice"] = "bye";
    expect([session.subject, { ...session.data }]).toEqual([undefined, { lang: "da", notice: "bye" }]);
  });
  expect(left.error).toBeUndefined();
  expect((await browser.visit((session) => [session.subject, { ...session.data }])).value).toEqual([
    undefined,
    { lang: "da", notice: "bye" },
  ]);
  expect(await sessions.list("ada")).toEqual([]);
  for (const old of [before, slow])
    expect((await old.visit((session) => [session.subject, session.data["user"], session.data["cart"]])).value).toEqual(
      [undefined, undefined, undefined],
    );
  // What fails afterwards does not bring it back, and a part that was not loaded is heard of it as well.
  await browser.visit((session) => session.login("ada"));
  const failed = await browser.only(["lang"], (session) => {
    session.logout({ keep: ["lang"] });
    throw new Error("the page failed");
  });
  expect(failed.error).toBeInstanceOf(Error);
  expect(await sessions.list("ada")).toEqual([]);
});
