/** A list of devices that a user recognises: what `describe` said at login, when each was seen, and which one this is. */

import { describe, expect, test } from "vitest";
import type { DeviceFields } from "../../../src/core/contracts/session-options.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { encrypted } from "../../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { countedStore } from "../../../src/testing/faults.ts";
import { Browser } from "../../parts/browser.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const start = 1_800_000_000_000;
const minute = 60_000;

function setUp(options: Partial<SessionOptions<Data>> = {}) {
  const clock = { now: start };
  const now = () => clock.now;
  const store = countedStore(memoryStore({ now }));
  const asked: object[] = [];
  const describe = (of: object): { label: string; ip: string } => {
    asked.push(of);
    return { label: "Firefox on Linux", ip: "192.0.2.1" };
  };
  const sessions = new Sessions<Data>({ store, now, describe, ...options } as never);
  return { clock, store, sessions, asked };
}

describe("describe", () => {
  test("is called by login only, with the request, and its result is listed", async () => {
    const { sessions, asked } = setUp();
    const guest = await request(sessions, undefined, (session) => {
      session.data.n = 1;
    });
    expect(asked).toEqual([]);
    const login = await request(sessions, guest.cookie, (session) => session.login("ada"));
    expect(asked).toEqual([expect.objectContaining({ cookie: guest.cookie })]);
    await request(sessions, login.cookie, (session) => session.data.n);
    expect(asked).toHaveLength(1);
    const [info] = await sessions.list("ada");
    expect(info).toMatchObject({
      label: "Firefox on Linux",
      device: { label: "Firefox on Linux", ip: "192.0.2.1" },
      current: false,
      persistent: false,
    });
  });

  test.each<[string, unknown, RegExp]>([
    ["a promise", Promise.resolve({}), /must be synchronous; it returned a promise/],
    ["nothing", undefined, /must return an object.*received undefined/],
    ["a list", ["phone"], /must return an object/],
    ["an object within", { browser: { name: "Firefox" } }, /of its field browser, received an object/],
    ["NaN", { n: Number.NaN }, /of its field n, received NaN/],
    ["too many fields", Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`f${n}`, n])), /received 21 fields/],
    ["a name that is none", { $: "x" }, /name of a field that describe returns must be/],
  ])("that returns %s fails the login, which changes nothing", async (_, device, text) => {
    const { sessions } = setUp({ describe: () => device as DeviceFields });
    const { value } = await request(sessions, undefined, (session) => {
      expect(() => session.login("ada")).toThrow(text);
      return session.subject;
    });
    expect(value).toBeUndefined();
    expect(await sessions.list("ada")).toEqual([]);
  });

  test("handles network input: a long text is cut, half a character replaced, an empty text left out", async () => {
    const { sessions } = setUp({
      describe: () => ({ ua: "x".repeat(9000), odd: "\ud800", none: undefined, nil: null }) as never,
    });
    const { error } = await request(sessions, undefined, (session) => session.login("ada"));
    expect(error).toBeUndefined();
    const [info] = await sessions.list("ada");
    expect(info?.device).toEqual({ ua: "x".repeat(500), odd: "\ufffd" });
  });

  test("is kept in encrypted records, and through changes of the id", async () => {
    const { clock, sessions } = setUp({
      format: encrypted(jsonFormat(), "a secret of at least 32 characters"),
      renewAfter: "30m",
    });
    const login = await request(sessions, undefined, (session) => session.login("ada"));
    clock.now += 31 * minute;
    const renewed = await request(sessions, login.cookie, (session) => session.subject);
    expect(renewed.cookie).not.toBe(login.cookie);
    await request(sessions, renewed.cookie, (session) => session.regenerate());
    expect(await sessions.list("ada")).toMatchObject([{ device: { ip: "192.0.2.1" } }]);
  });

  test("is not in events, nor in what a session shows of itself", async () => {
    const { sessions } = setUp();
    const said: unknown[] = [];
    sessions.on((event) => said.push(event));
    await request(sessions, undefined, (session) => {
      session.login("ada");
      session.label = "secret desk";
      said.push(String(session), JSON.stringify(session));
    });
    await sessions.revoke("ada");
    expect(said.length).toBeGreaterThan(3);
    expect(JSON.stringify(said)).not.toMatch(/Firefox|192\.0\.2|desk/);
  });

  test("is refused where the record has no room for it", () => {
    const format = { store: memoryStore(), ...flaskSession({ subjectKey: "_user_id" }) };
    expect(() => new Sessions<Data>({ ...format, describe: () => ({}) })).toThrow(
      /^describe must be left out with format/,
    );
  });

  test("is noted by the home part", async () => {
    const store = memoryStore();
    const sessions = createPartsSessions<Data, string>({
      describe: () => ({ ip: "192.0.2.1" }),
      parts: {
        login: { cookie: { name: "session" }, store, fields: ["user"] },
        cart: { cookie: { name: "cart" }, store, fields: ["cart"] },
      },
    });
    const browser = new Browser(sessions);
    const { value } = await browser.visit((session) => {
      session.data.cart = 1;
      session.login("ada");
      session.label = "kitchen";
      return session.label;
    });
    expect(value).toBe("kitchen");
    expect(await sessions.list("ada")).toMatchObject([{ device: { ip: "192.0.2.1" }, label: "kitchen" }]);
    const flask = {
      ...flaskSession({ subjectKey: "_user_id" }),
      fields: ["user"],
      store: memoryStore(),
    } as const;
    expect(() => createPartsSessions<Data, string>({ describe: () => ({}), parts: { flask } })).toThrow(
      /^describe must be left out: the format of parts.flask/,
    );
  });
});

describe("session.label", () => {
  test("renames the device, and stays when the user logs in again, but not for another user", async () => {
    const { sessions } = setUp();
    const login = await request(sessions, undefined, (session) => session.login("ada"));
    await request(sessions, login.cookie, (session) => {
      expect(session.label).toBe("Firefox on Linux");
      session.label = "my desk";
      expect(session.label).toBe("my desk");
    });
    expect(await sessions.list("ada")).toMatchObject([{ label: "my desk", device: { label: "Firefox on Linux" } }]);
    const again = await request(sessions, login.cookie, (session) => session.login("ada"));
    expect(await sessions.list("ada")).toMatchObject([{ label: "my desk" }]);
    await request(sessions, again.cookie, (session) => session.login("bob"));
    expect(await sessions.list("bob")).toMatchObject([{ label: "Firefox on Linux" }]);
  });

  test("during a change of the data loses nothing, in either order", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    await Promise.all([
      request(sessions, cookie, (session) => {
        session.label = "my desk";
      }),
      request(sessions, cookie, (session) => {
        session.data.n = 1;
      }),
    ]);
    const { value } = await request(sessions, cookie, ({ data, label }) => [data.n, label]);
    expect(value).toEqual([1, "my desk"]);
  });

  test.each(["", "x".repeat(101), undefined, "\ud800"])("refuses %j", async (label) => {
    const { sessions } = setUp();
    await request(sessions, undefined, (session) => {
      expect(() => {
        session.label = label as string;
      }).toThrow(/^session.label must be a text of 1 to 100 characters/);
    });
  });
});

describe("sessions.list", () => {
  test("marks the session of the request, and says what is persistent", async () => {
    const { sessions } = setUp();
    await request(sessions, undefined, (session) => session.login("ada"));
    const { value } = await request(sessions, undefined, async (session) => {
      session.login("ada", { persistent: true, idleTimeout: "30d", absoluteTimeout: "30d" });
      await session.save();
      return sessions.list("ada", { current: session });
    });
    const seen = value?.map(({ current, persistent, expiresAt }) => [current, persistent, expiresAt - start]);
    expect(seen?.sort()).toEqual([
      [false, false, 60 * minute],
      [true, true, 30 * 24 * 60 * minute],
    ]);
    await expect(sessions.list("ada", { curent: 1 } as never)).rejects.toThrow(/did you mean "current"/);
    await expect(sessions.list("ada", { current: {} } as never)).rejects.toThrow(
      /^current of list\(\) must be a session/,
    );
  });

  test("says when a session was last used, to within touchInterval, without a write", async () => {
    const { clock, store, sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    const lastSeen = async () => ((await sessions.list("ada"))[0]?.lastSeenAt ?? 0) - start;
    expect(await lastSeen()).toBe(0);
    clock.now = start + 59_000;
    store.reset();
    await request(sessions, cookie, (session) => session.subject);
    expect(store.calls).toEqual({ read: 1 });
    expect(await lastSeen()).toBe(0);
    clock.now = start + 25 * minute;
    await request(sessions, cookie, (session) => session.subject);
    expect(await lastSeen()).toBe(25 * minute);
    clock.now = start + 26 * minute;
    const exchange = sessions.open(
      { cookie },
      { cookie: (of: { cookie: string | undefined }) => of.cookie, secure: () => true },
    );
    exchange.restrict("no-touch");
    await exchange.get();
    await exchange.commit(new Headers());
    expect(await lastSeen()).toBe(25 * minute);
  });

  test("computes the last use from the idle timeout of that login, and is absent where it cannot be known", async () => {
    const { clock, sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada", { idleTimeout: "10m" }));
    clock.now += 5 * minute;
    await request(sessions, cookie, (session) => session.subject);
    expect(await sessions.list("ada")).toMatchObject([{ lastSeenAt: start + 5 * minute }]);
    const byAge = setUp({ idleTimeout: false });
    await request(byAge.sessions, undefined, (session) => session.login("ada"));
    expect(await byAge.sessions.list("ada")).toMatchObject([{ lastSeenAt: undefined }]);
  });
});
