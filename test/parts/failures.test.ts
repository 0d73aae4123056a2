/** What a commit that touches several parts promises when one of them fails, or has ended. */

import type { PartsSession } from "sojourn/parts";
import type { Fault, StoreCall } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import type { Browser, Data } from "./browser.ts";
import { type Scene, setUp } from "./setup.ts";

const before = { token: "t1", user: "u1", cart: "c1", theme: "d1" };
const after = { token: "t2", user: "u2", cart: "c2", theme: "d2" };

async function filled(scene: Scene, as?: string): Promise<Browser> {
  const browser = scene.browser();
  const { error } = await browser.visit((session) => {
    Object.assign(session.data, before);
    if (as !== undefined) session.login(as);
  });
  expect(error).toBeUndefined();
  scene.calls();
  return browser;
}

const read = async (browser: Browser): Promise<Data | undefined> =>
  (await browser.visit(({ data }) => ({ ...data }))).value;

const writes = (call: StoreCall): Fault => (call.method === "read" ? "pass" : "throw-before");
const reads = (call: StoreCall): Fault => (call.method === "read" ? "throw-before" : "pass");

describe("a failing store", () => {
  test("the first: nothing is saved, no cookie is sent", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.faults.login = writes;
    const { error, cookies } = await browser.visit(({ data }) => Object.assign(data, after));
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), []]);
    expect(scene.calls()).toEqual({ login: { read: 1, update: 1 }, cart: { read: 1 } });
    scene.faults.login = () => "pass";
    expect(await read(browser)).toEqual(before);
  });

  test("the second: the response is an error, what the first saved stays, plain cookies are not sent", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.faults.cart = writes;
    const { error, cookies } = await browser.visit(({ data }) => Object.assign(data, after));
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), []]);
    scene.faults.cart = () => "pass";
    expect(await read(browser)).toEqual({ ...before, user: "u2" });
  });

  test("the second, of a new session: the cookie of the first is sent, so that it can be found", async () => {
    const scene = setUp();
    const browser = scene.browser();
    scene.faults.cart = writes;
    const { error, cookies } = await browser.visit(({ data }) => Object.assign(data, after));
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), ["session"]]);
    scene.faults.cart = () => "pass";
    expect(await read(browser)).toEqual({ user: "u2" });
  });

  test("the second, at a login: the client has the first's new id with the error, and is logged in", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.faults.cart = writes;
    const { error, cookies } = await browser.visit((session) => session.login("ada"));
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), ["session"]]);
    scene.faults.cart = () => "pass";
    const { value } = await browser.visit((session) => [session.subject, { ...session.data }]);
    expect(value).toEqual(["ada", { user: before.user }]);
    // Trying again brings the rest along.
    const again = await browser.visit((session) => session.login("ada"));
    expect([again.error, again.cookies]).toEqual([undefined, ["csrf", "session", "cart", "rest"]]);
    expect(await read(browser)).toEqual(before);
    expect(await scene.sessions.list("ada")).toHaveLength(1);
  });

  test("the first, at a login: no user is logged in, no id changed", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.faults.login = writes;
    const { error, cookies } = await browser.visit((session) => session.login("ada"));
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), []]);
    scene.faults.login = () => "pass";
    expect((await browser.visit((session) => [session.subject, { ...session.data }])).value).toEqual([
      undefined,
      before,
    ]);
  });

  test("at a logout: the home part ends first", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    scene.faults.cart = writes;
    const { error, cookies } = await browser.visit((session) => session.destroy());
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), ["-session"]]);
    scene.faults.cart = () => "pass";
    const { value } = await browser.visit((session) => [session.subject, Object.keys(session.data)]);
    expect(value).toEqual([undefined, ["token", "cart", "theme"]]);
    const again = await browser.visit((session) => session.destroy());
    expect(again.cookies).toEqual(["-csrf", "-cart", "-rest"]);
    expect(await read(browser)).toEqual({});
  });

  test("a later successful save in the request sends everything", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { error, cookies, value } = await browser.visit(async (session) => {
      Object.assign(session.data, after);
      scene.faults.cart = writes;
      const first = await session.save().catch((reason: unknown) => reason);
      scene.faults.cart = () => "pass";
      return [first, await session.save()];
    });
    expect(error).toBeUndefined();
    expect(value).toEqual([expect.objectContaining({ status: 503 }), true]);
    expect(cookies).toEqual(["csrf", "rest"]);
    expect(await read(browser)).toEqual(after);
  });

  test("during a read: the request is a 503 if it needs that part, and is unaffected if not", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.faults.cart = reads;
    expect((await browser.visit(({ data }) => ({ ...data }))).error).toMatchObject({ status: 503 });
    const some = await browser.only(["user", "theme"], ({ data }) => Object.assign(data, { user: "u2", theme: "d2" }));
    expect([some.error, some.cookies]).toEqual([undefined, ["rest"]]);
    scene.faults.cart = () => "pass";
    expect(await read(browser)).toEqual({ ...before, user: "u2", theme: "d2" });
  });

  test("during the look-up for login, regenerate, clear or destroy: nothing is written, no cookie is sent", async () => {
    const acts: ((session: PartsSession<Data>) => void)[] = [
      (session) => session.login("ada"),
      (session) => session.regenerate(),
      (session) => session.clear(),
      (session) => session.destroy(),
    ];
    for (const act of acts) {
      const scene = setUp();
      const browser = await filled(scene);
      scene.faults.cart = reads;
      const { error, cookies } = await browser.only(["user"], act);
      expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), []]);
      const { login = {}, cart } = scene.calls();
      expect([Object.keys(login), cart]).toEqual([["read"], { read: 1 }]);
      scene.faults.cart = () => "pass";
      expect(await read(browser)).toEqual(before);
      expect(scene.events.filter(({ type }) => type === "save_failed")).toHaveLength(1);
    }
  });

  test("if the handler still answers, its response has the headers of what was saved, and no others", async () => {
    const scene = setUp();
    const browser = scene.browser();
    scene.faults.cart = writes;
    const { error, cookies } = await browser.visit(async (session) => {
      Object.assign(session.data, after);
      await session.save().catch(() => {});
      throw new Error("the handler gives up");
    });
    expect([String(error), cookies]).toEqual(["Error: the handler gives up", ["session"]]);
  });
});

const kinds: Fault[] = ["throw-before", "throw-after", "hang-before", "hang-after"];

const requests: Record<string, (session: PartsSession<Data>) => unknown> = {
  read: ({ data }) => ({ ...data }),
  write: ({ data }) => Object.assign(data, after),
  update: (session) => ["user", "cart", "theme"].map((key) => session.update(key, (value) => `${value}+`)),
  regenerate: (session) => session.regenerate(),
  login: (session) => session.login("ada"),
  "login of a guest with a new part": (session) => {
    session.login("ada");
    session.data.total = 1;
  },
  destroy: (session) => session.destroy(),
};

describe.each(Object.entries(requests))("every call of every store, failing in every way: %s", (name, handler) => {
  test.each([false, true])("is a 503 in bounded time, or has no effect (without the cart before: %s)", async (bare) => {
    const prepare = async (scene: Scene): Promise<Browser> => {
      const browser = scene.browser();
      const { cart: _, ...fewer } = before;
      await browser.visit(({ data }) => Object.assign(data, bare ? fewer : before));
      scene.calls();
      scene.clock.now += 5 * 60_000;
      return browser;
    };
    const plain = setUp();
    const lucky = await prepare(plain);
    const { error } = await lucky.visit(handler);
    expect(error).toBeUndefined();
    const totals = { login: plain.stores.login.total, cart: plain.stores.cart.total };
    const expected = await read(lucky);
    for (const part of ["login", "cart"] as const) {
      for (let at = 0; at < totals[part]; at++) {
        for (const fault of kinds) {
          const scene = setUp({ storeTimeout: "5ms" });
          const browser = await prepare(scene);
          const where = `${name}: call ${at} of ${part}, ${String(fault)}`;
          let made = 0;
          let method = "";
          scene.faults[part] = (call) => {
            if (made++ !== at) return "pass";
            method = call.method;
            return fault;
          };
          const answer = await browser.visit(handler);
          scene.faults[part] = () => "pass";
          if (answer.error) {
            expect(answer.error, where).toMatchObject({ name: "SessionError", status: 503 });
            const sent = answer.cookies.filter((cookie) => /csrf|rest/.test(cookie));
            expect(sent, `${where}: plain cookies were sent`).toEqual([]);
          }
          // Whatever cookies the client has now work, unless it asked for the end.
          // A login that got half-way brings the rest along when it is tried again.
          if (answer.error && name.startsWith("login")) await browser.visit((session) => session.login("ada"));
          const { value, error } = await browser.visit((session) => [{ ...session.data }, session.subject] as const);
          expect(error, where).toBeUndefined();
          const [data = {}, subject] = value ?? [];
          const ended =
            name === "destroy" && (!answer.error || answer.cookies.includes("-session") || method === "delete");
          if (!ended) expect(data.user, `${where}: logged out`).toBeDefined();
          if (!answer.error && name !== "destroy") {
            expect(data, where).toEqual(expected);
          }
          if (name.startsWith("login") && answer.cookies.includes("session")) expect(subject, where).toBe("ada");
          if (answer.error)
            expect([data.token, data.theme], where).toEqual(ended ? [data.token, data.theme] : ["t1", "d1"]);
        }
      }
    }
  });
});

describe("what cannot be stored", () => {
  const huge = "x".repeat(4000);
  test.each<[string, Data, string]>([
    ["a value that no format keeps, in a store", { ...after, cart: () => {} }, "ERR_SESSION_NOT_STORABLE"],
    ["a value that no format keeps, in a plain cookie", { ...after, theme: () => {} }, "ERR_SESSION_NOT_STORABLE"],
    ["a plain cookie that would be too large", { ...after, theme: huge }, "ERR_SESSION_TOO_LARGE"],
  ])("%s: an error before anything is written", async (_what, data, code) => {
    const scene = setUp();
    const browser = await filled(scene);
    const answer = await browser.visit((session) => Object.assign(session.data, data));
    expect([answer.error, answer.cookies]).toEqual([expect.objectContaining({ code, status: 500 }), []]);
    expect(scene.calls()).toEqual({ login: { read: 1 }, cart: { read: 1 } });
    expect(await read(browser)).toEqual(before);
    expect(scene.events.filter(({ type }) => type === "save_failed")).toHaveLength(1);
  });

  test("a record larger than its store accepts is an error before anything is written", async () => {
    const scene = setUp();
    const { capabilities } = scene.inner.cart;
    Object.assign(scene.stores.cart, { capabilities: { ...capabilities, maxPayloadBytes: 2000 } });
    const { error } = await scene.browser().visit(({ data }) => Object.assign(data, { ...after, cart: huge }));
    expect(error).toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
    expect(scene.calls()).toEqual({ login: {}, cart: {} });
  });

  test("a change after the headers that needs a cookie is an error before anything is written", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { value } = await browser.request(async (incoming) => {
      const session = await scene.sessions.get(incoming);
      return session;
    });
    // The headers of that response are gone.
    const session = value as PartsSession<Data>;
    session.data.user = "u2";
    expect(await session.save()).toBe(true);
    expect(await read(browser)).toEqual({ ...before, user: "u2" });
    scene.calls();
    Object.assign(session.data, { user: "u3", theme: "d3" });
    await expect(session.save()).rejects.toMatchObject({ code: "ERR_SESSION_HEADERS_SENT" });
    expect(scene.calls()).toEqual({ login: {}, cart: {} });
    for (const act of [() => session.login("ada"), () => session.destroy(), () => session.regenerate()])
      expect(act).toThrow(expect.objectContaining({ code: "ERR_SESSION_HEADERS_SENT" }));
    expect(await read(browser)).toEqual({ ...before, user: "u2" });
  });
});

describe("a part that another request ended", () => {
  test("by a logout: nothing of the slower request is saved, no cookie is set", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    const slower = browser.another();
    const answer = await slower.visit(async (session) => {
      Object.assign(session.data, after);
      await browser.visit((other) => other.destroy());
      expect(await session.save()).toBe(false);
    });
    expect([answer.error, answer.cookies]).toEqual([undefined, []]);
    expect(scene.events.filter(({ type }) => type === "save_refused")).toHaveLength(1);
    expect(await read(browser)).toEqual({});
    expect(Object.keys((await read(slower)) ?? {})).toEqual(["token", "theme"]);
  });

  test("by a login: the same", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const slower = browser.another();
    const answer = await slower.visit(async (session) => {
      session.data.cart = "slow";
      await browser.visit((other) => other.login("ada"));
    });
    expect([answer.error, answer.cookies]).toEqual([undefined, []]);
    expect(scene.events.filter(({ type }) => type === "save_refused")).toHaveLength(1);
    expect((await read(browser))?.cart).toBe("c1");
  });

  test("a request with the old ids a moment after a login saves nothing in any part", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const late = browser.another();
    await browser.visit((session) => session.login("ada"));
    const answer = await late.visit(({ data }) => Object.assign(data, { total: 1, theme: "late", user: "late" }));
    expect([answer.error, answer.cookies]).toEqual([undefined, []]);
    expect(scene.events.filter(({ type }) => type === "save_refused")).toHaveLength(1);
    const again = browser.another();
    again.cookies.set("__Host-session", `${late.cookies.get("__Host-session")}`);
    again.cookies.set("__Host-cart", `${late.cookies.get("__Host-cart")}`);
    const login = await again.visit((session) => {
      session.login("bob");
      session.data.total = 2;
    });
    expect(login.error).toBeUndefined();
    expect((await again.visit(({ subject, data }) => [subject, data.total])).value).toEqual(["bob", 2]);
  });

  test("not the home part: its changes are refused, the others are saved", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    const slower = browser.another();
    const answer = await slower.visit(async (session) => {
      Object.assign(session.data, after);
      await browser.visit((other) => other.destroy({ parts: ["cart"] }));
      expect(await session.save()).toBe(false);
    });
    expect([answer.error, answer.cookies]).toEqual([undefined, ["csrf", "rest"]]);
    expect(scene.events.filter(({ type }) => type === "save_refused")).toEqual([
      expect.objectContaining({ part: "cart" }),
    ]);
    const { cart: _, ...rest } = after;
    expect(await read(slower)).toEqual(rest);
  });

  test.each(["logout", "revoke", "login"])(
    "by %s while a request creates another part: that part is removed again",
    async (how) => {
      const scene = setUp();
      const browser = scene.browser();
      await browser.visit((session) => session.login("ada"));
      const maker = browser.another();
      scene.faults.cart = ({ method }) => {
        if (method !== "create") return "pass";
        scene.faults.cart = () => "pass";
        const ends = {
          logout: () => browser.visit((session) => session.destroy()),
          revoke: () => scene.sessions.revoke("ada"),
          login: () => browser.visit((session) => session.login("bob")),
        };
        return { late: ends[how as keyof typeof ends]() };
      };
      const answer = await maker.visit(async (session) => {
        session.data.cart = "made";
        expect(await session.save()).toBe(false);
      });
      expect([answer.error, answer.cookies]).toEqual([undefined, []]);
      const keys = [];
      for await (const { key } of scene.inner.cart.list?.() ?? []) if (key.startsWith("cart:")) keys.push(key);
      expect(keys).toEqual([]);
    },
  );

  test("a store that cannot say whether it wrote: an error, and the new part is removed", async () => {
    const scene = setUp();
    const browser = scene.browser();
    await browser.visit((session) => session.login("ada"));
    scene.calls();
    let made = 0;
    scene.faults.login = ({ method }) => (method === "read" && ++made === 2 ? "throw-before" : "pass");
    const { error, cookies } = await browser.visit(({ data }) => Object.assign(data, { cart: "made" }));
    expect([error, cookies]).toEqual([expect.objectContaining({ status: 503 }), []]);
    expect(scene.calls()).toEqual({ login: { read: 2 }, cart: { create: 1, update: 1, delete: 1 } });
    expect(await read(browser)).toEqual({});
    const { error: none } = await browser.visit(({ data }) => Object.assign(data, { cart: "made" }));
    expect([none, await read(browser)]).toEqual([undefined, { cart: "made" }]);
  });

  test("when a user is revoked during their login, no part of it is left", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const answer = await browser.visit(async (session) => {
      session.login("ada");
      await scene.sessions.revoke("ada");
      expect(await session.save()).toBe(false);
    });
    expect([answer.error, answer.cookies]).toEqual([undefined, []]);
    for (const store of Object.values(scene.inner)) {
      const subjects = [];
      for await (const { subject } of store.list?.() ?? []) if (subject !== undefined) subjects.push(subject);
      expect(subjects).toEqual([]);
    }
  });
});
