/** What requests of a session in parts cost, load, and save. */

import { createPartsSessions, type PartsSession } from "sojourn/parts";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { Browser, type Data } from "./browser.ts";
import { type Scene, setUp } from "./setup.ts";

const everything = { token: "t", user: "ada", cart: ["tea"], theme: "dark" };

/** A browser whose session has something in each part. */
async function filled(scene: Scene, as?: string): Promise<Browser> {
  const browser = scene.browser();
  const { error } = await browser.visit((session) => {
    Object.assign(session.data, everything);
    if (as !== undefined) session.login(as);
  });
  expect(error).toBeUndefined();
  scene.calls();
  return browser;
}

describe("cost", () => {
  test("a request that does not use the session: nothing", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { cookies, headers } = await browser.request(async () => "untouched");
    expect([cookies, headers.get("vary"), scene.calls()]).toEqual([[], null, { login: {}, cart: {} }]);
  });

  test("a visitor without cookies: nothing, and nothing is stored", async () => {
    const scene = setUp();
    const { cookies, headers } = await scene.browser().visit(({ data }) => ({ ...data }));
    expect([cookies, headers.get("vary"), scene.calls()]).toEqual([[], "Cookie", { login: {}, cart: {} }]);
  });

  test("the first value of one part: that part alone, one call", async () => {
    const scene = setUp();
    const browser = scene.browser();
    expect((await browser.visit(({ data }) => Object.assign(data, { cart: [] }))).cookies).toEqual(["cart"]);
    expect(scene.calls()).toEqual({ login: {}, cart: { create: 1 } });
    expect((await browser.visit(({ data }) => Object.assign(data, { token: "t" }))).cookies).toEqual(["csrf"]);
    expect(scene.calls()).toEqual({ login: {}, cart: { read: 1 } });
  });

  test("reading everything: one read of each store, in parallel, and no write", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    let waiting = 0;
    const both = Promise.withResolvers<void>();
    const late = () => {
      if (++waiting === 2) both.resolve();
      return { late: both.promise };
    };
    Object.assign(scene.faults, { login: late, cart: late });
    const { value, cookies, error } = await browser.visit(({ data }) => ({ ...data }));
    expect([error, value, cookies]).toEqual([undefined, everything, []]);
    expect(scene.calls()).toEqual({ login: { read: 1 }, cart: { read: 1 } });
  });

  test.each([
    [["theme"], {}, {}],
    [["token", "theme"], {}, {}],
    [["user", "name"], { read: 1 }, {}],
    [["cart"], {}, { read: 1 }],
    [["cart", "user"], { read: 1 }, { read: 1 }],
    [[], {}, {}],
  ])("loading %j reads their parts only", async (fields, login, cart) => {
    const scene = setUp();
    const browser = await filled(scene);
    const { value } = await browser.only(fields, ({ data }) => fields.map((field) => data[field]));
    expect(value).toEqual(fields.map((field) => everything[field as keyof typeof everything]));
    expect(scene.calls()).toEqual({ login, cart });
  });

  test("a change in one part writes that part only", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { cookies } = await browser.only(["cart"], ({ data }) => Object.assign(data, { cart: ["milk"] }));
    expect([cookies, scene.calls()]).toEqual([[], { login: {}, cart: { read: 1, update: 1 } }]);
    expect((await browser.visit(({ data }) => Object.assign(data, { theme: "light" }))).cookies).toEqual(["rest"]);
    expect(scene.calls()).toEqual({ login: { read: 1 }, cart: { read: 1 } });
  });

  test("each part is touched and expires separately", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.clock.now += 20 * 60_000;
    await browser.only(["cart"], () => {});
    expect(scene.calls()).toEqual({ login: {}, cart: { read: 1, touch: 1 } });
    scene.clock.now += 20 * 60_000;
    const { value } = await browser.visit(({ data, isNew }) => [{ ...data }, isNew]);
    expect(value).toEqual([{ token: "t", cart: ["tea"], theme: "dark" }, false]);
  });

  test("only the configured part has a cookie that outlives the browser", async () => {
    const { headers } = await setUp()
      .browser()
      .visit(({ data }) => Object.assign(data, everything));
    const lasting = headers.getSetCookie().filter((line) => line.includes("Max-Age="));
    expect(lasting.map((line) => line.slice(0, line.indexOf("=")))).toEqual(["__Host-rest"]);
  });
});

test("with two cookies over plain http, only the one that is not allowed causes a warning", async () => {
  const said: string[] = [];
  const sessions = createPartsSessions<Data, string>({
    warn: (message) => said.push(message),
    parts: {
      theme: { store: memoryStore(), cookie: { name: "theme", secure: false }, fields: ["theme"] },
      rest: { store: memoryStore(), cookie: { name: "rest" }, fields: "rest" },
    },
  });
  const incoming = {};
  const exchange = sessions.open(incoming, { cookie: () => undefined, secure: () => false });
  Object.assign((await sessions.get(incoming)).data, { theme: "dark", cart: [] });
  await exchange.commit(new Headers());
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('the cookie "__Host-rest" was sent over plain http');
});

describe("a part that was not loaded", () => {
  test("is an error that says what to load", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { error } = await browser.only(["theme"], (session) => {
      const { data } = session;
      const says = 'is in the part "login", which was not loaded: sessions.get(request) loads all';
      for (const touch of [
        () => data.user,
        () => "user" in data,
        () => delete data.user,
        () => Object.hasOwn(data, "user"),
        () => Object.assign(data, { user: "eve" }),
        () => session.update("user", () => "eve"),
        () => session.flash("user", "eve"),
        () => session.take("user"),
      ]) {
        expect(touch).toThrow(TypeError);
        expect(touch).toThrow(`session.data.user ${says}`);
      }
      expect(() => session.part("login")).toThrow(`session.part("login") ${says}`);
      expect(() => session.subject).toThrow(`session.subject ${says}`);
      for (const name of ["handle", "isNew", "createdAt", "authenticatedAt", "expiresAt", "persistent"] as const)
        expect(() => session[name]).toThrow(`session.${name} ${says}`);
      expect(() => session.login("eve")).toThrow(`session.login() ${says}`);
      expect({ ...data }).toEqual({ theme: "dark" });
      expect(JSON.stringify(data)).toBe('{"theme":"dark"}');
    });
    expect(error).toBeUndefined();
    expect(scene.calls()).toEqual({ login: {}, cart: {} });
  });

  test("is loaded when requested later, and it is the same session", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { value, error } = await browser.request(async (incoming) => {
      const first = await scene.sessions.get(incoming, ["theme"]);
      const second = await scene.sessions.get(incoming);
      const third = await scene.sessions.get(incoming, ["cart"]);
      return [first === second, first === (third as unknown), { ...first.data }];
    });
    expect([error, value]).toEqual([undefined, [true, true, everything]]);
    expect(scene.calls()).toEqual({ login: { read: 1 }, cart: { read: 1 } });
  });

  test("a field of no part cannot be loaded", async () => {
    const sessions = createPartsSessions<Data, string>({ parts: { only: { store: memoryStore(), fields: ["user"] } } });
    const { error } = await new Browser(sessions).only(["theme"], () => {});
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain('no part takes the key "theme"');
  });

  test("is cleared, renewed and ended with the rest", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const before = browser.another();
    const cleared = await browser.only(["theme"], (session) => session.clear());
    expect([cleared.error, scene.calls()]).toEqual([
      undefined,
      { login: { read: 1, update: 1 }, cart: { read: 1, update: 1 } },
    ]);
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({});
    await browser.visit(({ data }) => Object.assign(data, everything));

    const renewed = await browser.only(["theme"], (session) => session.regenerate());
    expect([renewed.error, renewed.cookies]).toEqual([undefined, ["session", "cart"]]);
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual(everything);
    expect((await before.visit(({ data }) => ({ ...data }))).value).toEqual({ token: "t", theme: "dark" });

    const last = browser.another();
    const ended = await browser.only([], (session) => session.destroy());
    expect([ended.error, ended.cookies]).toEqual([undefined, ["-csrf", "-session", "-cart", "-rest"]]);
    expect(browser.cookies.size).toBe(0);
    expect((await last.visit(({ data }) => Object.keys(data))).value).toEqual(["token", "theme"]);
  });
});

describe("one session", () => {
  test("all records have one handle and one subject, whenever they were created", async () => {
    const scene = setUp();
    const browser = scene.browser();
    await browser.visit(({ data }) => Object.assign(data, { cart: ["tea"] }));
    const { value: handle } = await browser.visit((session) => session.handle);
    await browser.visit(({ data }) => Object.assign(data, { theme: "dark" }));
    await browser.visit((session) => session.login("ada"));
    await browser.only(["token"], ({ data }) => Object.assign(data, { token: "t" }));
    const { value } = await browser.visit((session) =>
      ["csrf", "login", "cart", "rest"].map((name) => {
        const { handle, subject, isNew } = session.part(name);
        return [handle, subject, isNew];
      }),
    );
    expect(value).toEqual(Array.from({ length: 4 }, () => [handle, "ada", false]));
  });

  test("a part created later, in a request that loaded nothing else, is looked up once and belongs to it", async () => {
    const scene = setUp();
    const browser = scene.browser();
    await browser.visit((session) => session.login("ada"));
    scene.calls();
    await browser.only(["cart"], ({ data }) => Object.assign(data, { cart: ["tea"] }));
    // One read to know whose it is, and one after it was made, to know that it still is.
    expect(scene.calls()).toEqual({ login: { read: 2 }, cart: { create: 1 } });
    const { value } = await browser.visit((session) => [session.part("cart").subject, session.part("cart").handle]);
    expect(value).toEqual(["ada", (await browser.visit(({ handle }) => handle)).value]);
  });

  test("is listed once, and revoked in every part that finds by subject", async () => {
    const scene = setUp();
    const [phone, laptop] = [await filled(scene, "ada"), await filled(scene, "ada")];
    const { value: handle } = await phone.visit((session) => session.handle);
    const listed = await scene.sessions.list("ada");
    expect(listed.map((one) => one.subject)).toEqual(["ada", "ada"]);
    expect(listed.some((one) => one.handle === handle)).toBe(true);
    expect(await scene.sessions.revoke("ada", { except: `${handle}` })).toBe(1);
    expect((await phone.visit(({ data, subject }) => [subject, { ...data }])).value).toEqual(["ada", everything]);
    expect((await laptop.visit(({ data, subject }) => [subject, Object.keys(data)])).value).toEqual([
      undefined,
      ["token", "theme"],
    ]);
    expect(await scene.sessions.revoke("ada", { handle: `${handle}` })).toBe(1);
    expect((await phone.visit(({ data }) => Object.keys(data))).value).toEqual(["token", "theme"]);
    const kinds = scene.events.filter(({ type }) => type === "session_revoked");
    expect(kinds).toHaveLength(2);
  });

  test("that a limit ends, ends in every part that finds by subject, as one that is revoked", async () => {
    const scene = setUp({ limit: { perSubject: 1 } });
    const [phone, laptop] = [await filled(scene, "ada"), await filled(scene, "ada")];
    const left = (browser: Browser) => browser.visit(({ data, subject }) => [subject, Object.keys(data)]);
    expect((await left(phone)).value).toEqual([undefined, ["token", "theme"]]);
    expect((await left(laptop)).value).toEqual(["ada", Object.keys(everything)]);
  });

  test("has its subject from the home part: when that ended, the user is logged out", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    scene.clock.now += 31 * 60_000;
    const { value } = await browser.visit((session) => [session.subject, session.part("cart").subject, session.isNew]);
    expect(value).toEqual([undefined, "ada", false]);
    expect(await scene.sessions.list("ada")).toEqual([]);
  });

  test("a part left over from another user is emptied by a login, and a guest's is kept", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    scene.clock.now += 31 * 60_000;
    const { error } = await browser.visit((session) => {
      session.login("bob");
      session.data.total = 7;
    });
    expect(error).toBeUndefined();
    const { value } = await browser.visit(({ data, subject }) => [subject, { ...data }]);
    expect(value).toEqual(["bob", { total: 7 }]);

    const guest = setUp();
    const same = await filled(guest);
    await same.visit((session) => session.login("bob"));
    expect((await same.visit(({ data }) => ({ ...data }))).value).toEqual(everything);
    await same.visit((session) => session.login("bob"));
    expect((await same.visit(({ data }) => ({ ...data }))).value).toEqual(everything);
  });

  test("login as another user starts with empty data in every part, and keeps what was set after it", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    const handle = (await browser.visit((session) => session.handle)).value;
    await browser.visit((session) => {
      session.login("eve");
      Object.assign(session.data, { cart: ["hers"], token: "new" });
    });
    const { value } = await browser.visit((session) => [
      session.subject,
      { ...session.data },
      session.handle === handle,
    ]);
    expect(value).toEqual(["eve", { cart: ["hers"], token: "new" }, false]);
    const handles = await browser.visit((session) =>
      ["csrf", "login", "cart"].map((name) => session.part(name).handle),
    );
    expect(new Set(handles.value).size).toBe(1);
    const some = setUp();
    const one = await filled(some, "ada");
    await one.only(["user"], (session) => session.login("eve"));
    expect((await one.visit(({ data }) => ({ ...data }))).value).toEqual({});
  });

  test("a logout is final when called, even if the handler then throws or makes a change that cannot be stored", async () => {
    for (const then of [
      (): void => {
        throw new Error("the handler gives up");
      },
      (session: PartsSession<Data>): void => {
        session.data.theme = () => "not storable";
      },
    ]) {
      const scene = setUp();
      const browser = await filled(scene, "ada");
      const before = browser.another();
      const { error, cookies } = await browser.visit((session) => {
        session.destroy({ parts: ["login", "cart"] });
        then(session);
      });
      expect(error).toBeDefined();
      expect(cookies).toEqual(["-session", "-cart"]);
      const { value } = await before.visit(({ data, subject }) => [subject, { ...data }]);
      expect(value).toEqual([undefined, { token: "t", theme: "dark" }]);
    }
  });

  test("a login renews every part that is not a plain cookie, and ends their old ids", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const before = browser.another();
    const { cookies } = await browser.visit((session) => session.login("ada"));
    expect(cookies).toEqual(["csrf", "session", "cart", "rest"]);
    for (const name of ["__Host-session", "__Host-cart"])
      expect(before.cookies.get(name)).not.toBe(browser.cookies.get(name));
    expect((await before.visit(({ data, subject }) => [subject, Object.keys(data)])).value).toEqual([
      undefined,
      ["token", "theme"],
    ]);
    expect(scene.events.filter(({ type }) => type === "session_login")).toEqual([
      expect.objectContaining({ part: "login", subject: "ada" }),
    ]);
  });

  test("a login creates no part without data", async () => {
    const scene = setUp();
    const { cookies } = await scene.browser().visit((session) => session.login("ada"));
    expect(cookies).toEqual(["session"]);
    const calls = scene.calls() as { login: { create: number }; cart: object };
    expect([calls.login.create, calls.cart]).toEqual([1, {}]);
  });

  test("parts limits what is cleared, renewed and ended", async () => {
    const scene = setUp();
    const browser = await filled(scene, "ada");
    expect((await browser.visit((session) => session.regenerate({ parts: ["cart"] }))).cookies).toEqual(["cart"]);
    expect((await browser.visit((session) => session.clear({ parts: ["rest", "csrf"] }))).cookies).toEqual([
      "csrf",
      "rest",
    ]);
    const { value, cookies } = await browser.visit((session) => {
      session.destroy({ parts: ["login"] });
      session.data.theme = "light";
      return session.subject;
    });
    expect([value, cookies]).toEqual([undefined, ["-session", "rest"]]);
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({ cart: ["tea"], theme: "light" });
    for (const parts of [[], ["nobody"], "login"] as never[]) {
      const { error } = await browser.visit((session) => session.destroy({ parts }));
      expect(String(error)).toContain(
        "the parts given to session.destroy must be a list of csrf, login, cart, rest; received",
      );
    }
  });

  test.each(["clear", "regenerate", "destroy"] as const)(
    "%s refuses an unknown option, and does nothing",
    async (method) => {
      const browser = await filled(setUp(), "ada");
      for (const [given, says] of [
        [{ part: ["cart"] }, `session.${method}: there is no option "part"; did you mean "parts"?`],
        [["cart"], `the argument of session.${method}() must be an object of options, such as { parts }; received`],
        ["cart", `the argument of session.${method}() must be an object of options, such as { parts }; received`],
      ]) {
        const { error } = await browser.visit((session) => session[method](given as never));
        expect(String(error)).toContain(says);
      }
      const { value } = await browser.visit((session) => [session.subject, session.data.cart]);
      expect(value).toEqual(["ada", ["tea"]]);
    },
  );

  test("persistent is that of the home part", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const { headers } = await browser.visit((session) => {
      session.login("ada", { persistent: true });
      expect(session.persistent).toBe(true);
    });
    const lasting = headers.getSetCookie().filter((line) => line.includes("Max-Age="));
    expect(lasting.map((line) => line.slice(0, line.indexOf("=")))).toEqual(["__Host-session", "__Host-rest"]);
    const second = await browser.visit((session) => {
      session.persistent = false;
      return session.part("rest").persistent;
    });
    expect([second.value, second.error]).toEqual([true, undefined]);
  });

  test("update is exact in parallel, in each part", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    const all = await Promise.all(
      Array.from({ length: 20 }, () =>
        browser.another().visit((session) => {
          session.update("total", (n) => Number(n ?? 0) + 1);
          session.update("name", (n) => Number(n ?? 0) + 1);
        }),
      ),
    );
    expect(all.map(({ error }) => error)).toEqual(all.map(() => undefined));
    expect((await browser.visit(({ data }) => [data.total, data.name])).value).toEqual([20, 20]);
  });

  test("a guest's values are merged into the user's, each in its part", async () => {
    const scene = setUp();
    const other = scene.browser();
    await other.visit((session) => {
      session.login("ada");
      Object.assign(session.data, { cart: ["tea"], total: 3, name: "Ada" });
    });
    const guest = scene.browser();
    await guest.visit(({ data }) => Object.assign(data, { cart: ["milk"] }));
    const merge = {
      cart: (mine: unknown, users: unknown) => [...(users as string[]), ...(mine as string[])],
      name: (mine: unknown) => mine,
    };
    const { error } = await guest.visit((session) => session.login("ada", { merge }));
    expect(error).toBeUndefined();
    expect((await guest.visit(({ data }) => ({ ...data }))).value).toEqual({ cart: ["tea", "milk"], name: "Ada" });
    expect((await other.visit(({ data }) => data.cart)).value).toEqual(["tea"]);
    const refused = await guest.visit((session) => session.login("ada", { merge: { theme: (mine) => mine } }));
    expect(refused.error).toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
  });

  test("read-only or no touch applies to every part", async () => {
    const scene = setUp();
    const browser = await filled(scene);
    scene.clock.now += 10 * 60_000;
    const polled = await browser.request(async (incoming) => {
      scene.sessions.restrict(incoming, "no-touch");
      return { ...(await scene.sessions.get(incoming)).data };
    });
    expect(polled.value).toEqual(everything);
    expect(scene.calls()).toEqual({ login: { read: 1 }, cart: { read: 1 } });
    for (const change of ["user", "cart", "theme"]) {
      const { error } = await browser.request(async (incoming) => {
        scene.sessions.restrict(incoming, "read");
        const session = await scene.sessions.get(incoming);
        expect(() => session.destroy()).toThrow(expect.objectContaining({ code: "ERR_SESSION_READ_ONLY" }));
        session.data[change] = "changed";
      });
      expect(error).toMatchObject({ code: "ERR_SESSION_READ_ONLY" });
    }
    expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual(everything);
  });
});

test("a request whose session ended during it is refused once, and not again after its response was sent", async () => {
  const scene = setUp();
  const browser = await filled(scene, "ada");
  const slower = browser.another();
  const { error, cookies } = await slower.visit(async (session) => {
    session.regenerate();
    await browser.visit((theirs) => theirs.login("bob"));
  });
  expect([error, cookies]).toEqual([undefined, []]);
  expect(scene.events.filter(({ type }) => type === "save_refused")).toHaveLength(1);
  expect(scene.events.map(({ type }) => type)).not.toContain("save_failed");
});
