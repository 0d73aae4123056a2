/** Parts of several sessions in one Cookie header: the part that says who is logged in keeps the others out. */

import type { SessionEvent } from "sojourn";
import { createPartsSessions, type PartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { Browser, type Data } from "./browser.ts";
import { secrets } from "./setup.ts";

const data = "__Host-data";

function setUp(inCookie: boolean): { sessions: PartsSessions<Data>; events: SessionEvent[]; browser(): Browser } {
  const sessions = createPartsSessions<Data, string>({
    warn() {},
    parts: {
      login: { cookie: { name: "session" }, store: memoryStore(), fields: ["userId"] },
      rest: {
        cookie: { name: "data" },
        store: inCookie ? cookieStore({ secrets }) : memoryStore(),
        fields: { exclude: ["userId", "theme"] },
      },
      more: { cookie: { name: "more" }, store: memoryStore(), fields: ["theme"] },
    },
  });
  const events: SessionEvent[] = [];
  sessions.on((event) => void events.push(event));
  return { sessions, events, browser: () => new Browser(sessions) };
}

/** `to` gets the cookie that `from` has for the part `rest`. */
function plant(from: Browser, to: Browser): void {
  to.cookies.set(data, from.cookies.get(data) as string);
}

describe.each([
  ["a store", false],
  ["a sealed cookie", true],
])("a part in %s", (_where, inCookie) => {
  test("of another user's session counts as absent, with an event", async () => {
    const { browser, events } = setUp(inCookie);
    const [mallory, ada] = [browser(), browser()];
    await mallory.visit((session) => {
      session.login("mallory");
      Object.assign(session.data, { userId: 666, role: "admin", mfaPassed: true });
    });
    await ada.visit((session) => {
      session.login("ada");
      Object.assign(session.data, { userId: 1, mfaPassed: false });
    });
    plant(mallory, ada);
    events.length = 0;
    const seen = await ada.visit((session) => [session.subject, { ...session.data }, session.part("rest").subject]);
    expect(seen.value).toEqual(["ada", { userId: 1 }, undefined]);
    expect(events).toMatchObject([
      { type: "record_refused", part: "rest", subject: "mallory", reason: "a part of another session" },
    ]);
    // What the request writes is a part of ada's own.
    await ada.visit((session) => Object.assign(session.data, { role: "user" }));
    expect((await ada.visit((session) => ({ ...session.data }))).value).toEqual({ userId: 1, role: "user" });
    expect((await mallory.visit((session) => session.data["role"])).value).toBe("admin");
  });

  test("of another session of the same user, or of a guest, counts as absent too", async () => {
    const { browser } = setUp(inCookie);
    const [phone, desk, guest] = [browser(), browser(), browser()];
    for (const one of [phone, desk]) {
      await one.visit((session) => {
        session.login("ada");
        Object.assign(session.data, { userId: 1, mfaPassed: one === phone });
      });
    }
    await guest.visit((session) => Object.assign(session.data, { userId: 0, mfaPassed: true }));
    for (const other of [phone, guest]) {
      plant(other, desk);
      expect((await desk.visit((session) => ({ ...session.data }))).value).toEqual({ userId: 1 });
    }
  });

  test("loaded before the home part is refused when the home part is loaded", async () => {
    const { sessions, browser } = setUp(inCookie);
    const [mallory, ada] = [browser(), browser()];
    await mallory.visit((session) => Object.assign(session.data, { userId: 666, role: "admin" }));
    await ada.visit((session) => Object.assign(session.data, { userId: 1 }));
    plant(mallory, ada);
    const seen = await ada.request(async (incoming) => {
      await sessions.get(incoming, ["role"]);
      return { ...(await sessions.get(incoming)).data };
    });
    expect(seen.value).toEqual({ userId: 1 });
  });

  test("begun before the login, and left behind, is absent until a login takes it over", async () => {
    const { browser, events } = setUp(inCookie);
    const mallory = browser();
    await mallory.visit((session) => Object.assign(session.data, { userId: 0, role: "admin" }));
    // The victim's browser gets the guest session without its rest, and logs in.
    const ada = mallory.another();
    ada.cookies.delete(data);
    await ada.visit((session) => session.login("ada"));
    plant(mallory, ada);
    events.length = 0;
    expect((await ada.visit((session) => [session.subject, session.data["role"]])).value).toEqual(["ada", undefined]);
    expect(events).toMatchObject([{ type: "record_refused", reason: "a part that was begun before the login" }]);
    await ada.visit((session) => session.login("bob"));
    plant(mallory, ada);
    await ada.visit((session) => session.login("carol"));
    expect((await ada.visit((session) => session.data["role"])).value).toBeUndefined();
  });

  test("of another guest's session counts as absent while no user is logged in", async () => {
    const { browser } = setUp(inCookie);
    const [mallory, guest] = [browser(), browser()];
    await mallory.visit((session) => Object.assign(session.data, { role: "admin", theme: "dark" }));
    await guest.visit((session) => Object.assign(session.data, { role: "guest", theme: "light" }));
    plant(mallory, guest);
    const seen = (await guest.visit((session) => ({ ...session.data }))).value;
    expect(Object.keys(seen ?? {})).toHaveLength(1);
  });
});

test("of a guest is kept through a login, and belongs to the session afterwards", async () => {
  const { browser, events } = setUp(false);
  const ada = browser();
  await ada.visit((session) => Object.assign(session.data, { cart: ["tea"], theme: "dark" }));
  await ada.visit((session) => session.login("ada"));
  expect((await ada.visit((session) => ({ ...session.data }))).value).toEqual({ cart: ["tea"], theme: "dark" });
  await ada.visit((session) => session.regenerate());
  expect((await ada.visit((session) => ({ ...session.data }))).value).toEqual({ cart: ["tea"], theme: "dark" });
  await ada.visit((session) => session.destroy({ parts: ["login"] }));
  expect((await ada.visit((session) => [session.subject, session.data["theme"]])).value).toEqual([undefined, "dark"]);
  expect(events.filter(({ type }) => type === "record_refused")).toEqual([]);
});
