/** Login as another user: nothing of the last one's is kept, also against requests of theirs at the same time. */

import { describe, expect, test } from "vitest";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore } from "../../../src/testing/explore.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;

async function setUp(options: Omit<SessionOptions<Data>, "store"> = {}) {
  const store = memoryStore();
  const sessions = new Sessions<Data>({ store, ...options });
  const events: SessionEvent[] = [];
  const ada = await request(sessions, undefined, (session) => {
    Object.assign(session.data, { address: "1 Ada Street", isAdmin: true, mfaPassed: true });
    session.login("ada", { persistent: true });
    return session.handle;
  });
  sessions.on((event) => events.push(event));
  return { store, sessions, events, ada };
}

describe("login as another user", () => {
  test("starts with empty data, a new handle, and the cookie as configured", async () => {
    const { sessions, ada, events } = await setUp();
    const bob = await request(sessions, ada.cookie, (session) => {
      session.data.late = "set before the login";
      session.login("bob");
      expect(session.data).toEqual({});
      expect([session.persistent, session.subject, session.authenticatedAt]).toEqual([
        false,
        "bob",
        expect.any(Number),
      ]);
      session.data.theme = "dark";
    });
    expect(bob.setCookie).not.toContain("Max-Age");
    const { value } = await request(sessions, bob.cookie, ({ data, subject, handle }) => [
      { ...data },
      subject,
      handle,
    ]);
    expect(value).toEqual([{ theme: "dark" }, "bob", expect.not.stringMatching(ada.value as string)]);
    expect((await request(sessions, ada.cookie, (session) => session.isNew)).value).toBe(true);
    expect(await sessions.list("ada")).toEqual([]);
    // Who follows ada's session in a log sees it end.
    const logout = events.find(({ type }) => type === "session_logout");
    expect(logout).toMatchObject({ handle: ada.value, subject: "ada" });
  });

  test("with its own option for the cookie: persistent counts, and false overrides the configuration", async () => {
    for (const persistent of [true, false]) {
      const { sessions, ada } = await setUp({ persistent: !persistent });
      const bob = await request(sessions, ada.cookie, (session) => session.login("bob", { persistent }));
      expect(bob.setCookie?.includes("Max-Age")).toBe(persistent);
    }
  });

  test("refused for a wrong option leaves the session as it is", async () => {
    const { sessions, ada } = await setUp();
    await request(sessions, ada.cookie, (session) => {
      expect(() => session.login("bob", { persistent: "yes" as never })).toThrow(TypeError);
      expect(() => session.login("", {})).toThrow(TypeError);
    });
    const { value } = await request(sessions, ada.cookie, ({ data, subject }) => [subject, Object.keys(data)]);
    expect(value).toEqual(["ada", ["address", "isAdmin", "mfaPassed"]]);
  });

  test("keeps nothing in a Flask session", async () => {
    const options: SessionOptions<Data> = flaskSession({ subjectKey: "_user_id" });
    const { sessions, ada } = await setUp(options);
    const bob = await request(sessions, ada.cookie, (session) => session.login("bob"));
    const { value } = await request(sessions, bob.cookie, ({ data, subject }) => [{ ...data }, subject]);
    expect(value).toEqual([{}, "bob"]);
  });

  test("keeps nothing in a session in a cookie, whose old cookie is then refused", async () => {
    const secrets = "a secret of at least 32 characters";
    const sessions = new Sessions<Data>({ store: cookieStore({ secrets, revocations: memoryStore() }) });
    const ada = await request(sessions, undefined, (session) => {
      session.data.isAdmin = true;
      session.login("ada");
    });
    const bob = await request(sessions, ada.cookie, (session) => session.login("bob"));
    const seen = async (cookie: string | undefined) =>
      (await request(sessions, cookie, ({ data, subject }) => [{ ...data }, subject])).value;
    expect([await seen(bob.cookie), await seen(ada.cookie)]).toEqual([
      [{}, "bob"],
      [{}, undefined],
    ]);
  });

  test("keeps data and handle for the same user and for a guest", async () => {
    const { sessions, ada } = await setUp();
    const again = await request(sessions, ada.cookie, (session) => session.login("ada"));
    const { value } = await request(sessions, again.cookie, ({ data, handle }) => [{ ...data }, handle]);
    expect(value).toEqual([{ address: "1 Ada Street", isAdmin: true, mfaPassed: true }, ada.value]);
    const guest = await request(sessions, undefined, ({ data, handle }) => {
      data.cart = ["tea"];
      return handle;
    });
    const user = await request(sessions, guest.cookie, (session) => session.login("eve"));
    expect((await request(sessions, user.cookie, ({ data, handle }) => [{ ...data }, handle])).value).toEqual([
      { cart: ["tea"] },
      guest.value,
    ]);
  });

  test("takes only what merge names from the new user's other session", async () => {
    const { sessions, ada } = await setUp();
    await request(sessions, undefined, (session) => {
      Object.assign(session.data, { address: "2 Bob Street", isAdmin: false });
      session.login("bob");
    });
    const bob = await request(sessions, ada.cookie, (session) =>
      session.login("bob", { merge: { address: (guest) => guest } }),
    );
    expect((await request(sessions, bob.cookie, ({ data }) => ({ ...data }))).value).toEqual({
      address: "2 Bob Street",
    });
  });

  test("keeps nothing that a request of the last user saves at the same time, in every order", async () => {
    const now = () => 1_800_000_000_000;
    const { complete } = await explore(async (gate) => {
      const inner = memoryStore({ now });
      const served = () => new Sessions<Data>({ store: gate.store(inner), now, wait: () => Promise.resolve() });
      const sessions = served();
      const ada = await request(sessions, undefined, (session) => {
        session.data.isAdmin = true;
        session.login("ada");
      });
      const answers: { cookie: string | undefined; error: unknown }[] = [];
      const task = (at: number, handler: Parameters<typeof request<Data, unknown>>[2]) => async () => {
        answers[at] = await request(served(), ada.cookie, (session) => (session.isNew ? undefined : handler(session)));
        if (answers[at]?.error) throw answers[at]?.error;
      };
      const takeOver = task(0, (session) => {
        session.login("bob");
        session.data.his = 1;
      });
      const write = task(1, (session) => {
        session.data.secret = "ada's";
        session.update("count", (n = 0) => (n as number) + 1);
        session.persistent = true;
      });
      return {
        tasks: [takeOver, write],
        async check() {
          const { value } = await request(sessions, answers[0]?.cookie, (session) => [
            { ...session.data },
            session.subject,
            session.persistent,
          ]);
          expect(value).toEqual([{ his: 1 }, "bob", false]);
          expect(await sessions.list("ada")).toEqual([]);
        },
      };
    });
    expect(complete).toBe(true);
  });
});
