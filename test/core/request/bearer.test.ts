/** `transport: bearer()`: where a token is found, when it is handed out, and that no cookie is ever looked at. */

import { describe, expect, test } from "vitest";
import { bearer, handOut } from "../../../src/bearer.ts";
import { findBearer } from "../../../src/core/client/bearer.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import { createSessions, type SessionOptions, signedToken } from "../../../src/index.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { request as byCookie } from "../../support/requests.ts";

const secrets = "a secret of at least 32 characters";

interface Incoming {
  readonly cookie?: string | undefined;
  readonly headers: Headers;
}
const reader = {
  cookie: ({ cookie }: Incoming) => cookie,
  head: ({ headers }: Incoming) => ({ headers }),
  secure: () => true,
};

function begin(options: Partial<SessionOptions> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const store = countedStore(memoryStore({ now: () => clock.now }));
  const sessions = createSessions({ store, transport: bearer(), now: () => clock.now, warn: false, ...options });
  const events: string[] = [];
  sessions.on(({ type }) => events.push(type));
  /** One request with these headers; the answer's headers, and what the handler gave or threw. */
  async function request<T>(
    authorization: string | undefined,
    handler: (session: Session) => T | Promise<T>,
    cookie?: string,
  ) {
    const incoming: Incoming = { cookie, headers: new Headers(authorization === undefined ? {} : { authorization }) };
    const exchange = sessions.open(incoming, reader);
    const headers = new Headers();
    try {
      const value = await handler(await sessions.get(incoming));
      await exchange.commit(headers);
      return { value, error: undefined, headers };
    } catch (error) {
      await exchange.commit(headers, { failed: true });
      return { value: undefined, error, headers };
    }
  }
  const logIn = async (): Promise<string> => {
    const { value } = await request(undefined, (session) => {
      session.login("ada");
      return handOut(session);
    });
    return `Bearer ${value}`;
  };
  return { clock, store, sessions, events, request, logIn };
}

const subject = (session: Session): string | undefined => session.subject;

describe("the header", () => {
  test.each([
    [undefined, undefined],
    ["", undefined],
    ["Basic dXNlcjpwYXNz", undefined],
    ["Bearerabc", undefined],
    ["Bearer abc", "abc"],
    ["bearer   abc==", "abc=="],
    ["BEARER a-b.c_d~e+f/g", "a-b.c_d~e+f/g"],
    ["Bearer", null],
    ["Bearer ", null],
    ["Bearer a b", null],
    ["Bearer a, Bearer b", null],
    ["Bearer =", null],
    ["Bearer a=b", null],
    [`Bearer ${"a".repeat(5000)}`, null],
    ["Bearer \u00e4", null],
  ])("%s holds %s", (header, token) => {
    expect(findBearer(header)).toBe(token);
  });

  test("text that cannot be a token reaches no store and is an event; another scheme is neither", async () => {
    const { request, store, events } = begin();
    for (const header of ["Bearer a b", "Bearer abc", "Bearer", "Basic abc"])
      expect((await request(header, (session) => session.isNew)).value).toBe(true);
    expect(store.total).toBe(0);
    expect(events).toEqual(["token_refused", "token_refused", "token_refused"]);
  });

  test("a cookie is ignored, also without the header, and none is set", async () => {
    const { store, logIn, request, clock } = begin();
    const authorization = await logIn();
    const token = authorization.slice("Bearer ".length);
    const web = createSessions({ store, now: () => clock.now, warn: false });
    const cookie = `__Host-session=${token}`;
    expect((await byCookie(web, cookie, subject)).value).toBe("ada");
    expect((await request(undefined, subject, cookie)).value).toBeUndefined();
    const both = await request("Bearer nonsense", subject, cookie);
    expect([both.value, both.headers.get("set-cookie")]).toEqual([undefined, null]);
  });
});

describe("handOut", () => {
  test("a token is handed out once for a login, and finds the session", async () => {
    const { request } = begin();
    const { value, headers } = await request(undefined, async (session) => {
      session.login("ada");
      return [await handOut(session), await handOut(session)];
    });
    const [token, again] = value as [string, undefined];
    expect(again).toBeUndefined();
    expect([headers.get("set-cookie"), headers.get("cache-control"), headers.get("vary")]).toEqual([
      null,
      "no-store",
      "Authorization",
    ]);
    expect((await request(`Bearer ${token}`, subject)).value).toBe("ada");
  });

  test.each([
    ["a login", (session: Session) => session.login("bob")],
    ["regenerate()", (session: Session) => session.regenerate()],
  ])("%s that is not handed out is an error, and the previous token stays valid", async (_, change) => {
    const { request, logIn } = begin();
    const authorization = await logIn();
    const { error, headers } = await request(authorization, (session) => change(session));
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_HANDED_OUT", status: 500 });
    expect(headers.get("set-cookie")).toBeNull();
    expect((await request(authorization, subject)).value).toBe("ada");
  });

  test("a guest's first change needs it too; otherwise nothing is kept", async () => {
    const { request, store } = begin();
    const change = (session: Session): unknown => Object.assign(session.data, { cart: 1 });
    expect((await request(undefined, change)).error).toMatchObject({ code: "ERR_SESSION_NOT_HANDED_OUT" });
    expect(store.total).toBe(0);
    const { value } = await request(undefined, (session) => {
      change(session);
      return handOut(session);
    });
    expect((await request(`Bearer ${value}`, ({ data }) => ({ ...data }))).value).toEqual({ cart: 1 });
  });

  test("changes, reads and a logout need no new token", async () => {
    const { request, logIn } = begin();
    const authorization = await logIn();
    expect((await request(authorization, (session) => session.update("n", () => 1))).error).toBeUndefined();
    expect((await request(authorization, (session) => handOut(session))).value).toBeUndefined();
    const out = await request(authorization, (session) => session.destroy());
    expect([out.error, out.headers.get("set-cookie")]).toEqual([undefined, null]);
    expect((await request(authorization, subject)).value).toBeUndefined();
  });

  test("an id is renewed only when it is handed out, and renewed once more if the answer was lost", async () => {
    const { request, logIn, clock } = begin({ renewAfter: "10m", idleTimeout: "10h" });
    const authorization = await logIn();
    clock.now += 11 * 60_000;
    await request(authorization, subject);
    const lost = (await request(authorization, (session) => handOut(session))).value;
    expect(lost).toMatch(/^[\w-]{43}$/);
    clock.now += 2 * 60_000;
    const next = (await request(authorization, (session) => handOut(session))).value;
    expect(next).toMatch(/^[\w-]{43}$/);
    expect((await request(`Bearer ${next}`, subject)).value).toBe("ada");
  });

  test("a change of credentials ends all others at once, and gives a new token", async () => {
    const { sessions, logIn, request } = begin();
    const [mine, other] = [await logIn(), await logIn()];
    const { value } = await request(mine, async (session) => [
      await sessions.credentialsChanged(session),
      await handOut(session),
    ]);
    expect(value).toEqual([1, expect.any(String)]);
    expect((await request(other, subject)).value).toBeUndefined();
    expect((await request(mine, subject)).value).toBeUndefined();
    expect((await request(`Bearer ${value?.[1]}`, subject)).value).toBe("ada");
    const { error } = await request(await logIn(), (session) => sessions.credentialsChanged(session));
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_HANDED_OUT" });
    expect(await sessions.list("ada")).toHaveLength(1);
  });

  test("with a failing store nothing is handed out, and the previous token stays valid", async () => {
    let fault: Fault = "pass";
    const { request, logIn } = begin({ store: faultyStore(memoryStore(), () => fault), now: Date.now });
    const authorization = await logIn();
    const { error } = await request(authorization, (session) => {
      session.regenerate();
      fault = "throw-before";
      return handOut(session);
    });
    expect(error).toMatchObject({ status: 503 });
    fault = "pass";
    expect((await request(authorization, subject)).value).toBe("ada");
  });

  test("a login revoked while it is saved hands out nothing", async () => {
    const { request, sessions } = begin();
    const { value } = await request(undefined, async (session) => {
      session.login("ada");
      await sessions.revoke("ada");
      return handOut(session);
    });
    expect(value).toBeUndefined();
    expect(await sessions.list("ada")).toEqual([]);
  });

  test("signed tokens of a cookie are not accepted in a header", async () => {
    const { store, request, clock } = begin({ token: signedToken(secrets) });
    const web = createSessions({ store, now: () => clock.now, warn: false, token: signedToken(secrets) });
    const { cookie = "" } = await byCookie(web, undefined, (session) => session.login("ada"));
    expect((await request(`Bearer ${cookie.slice("__Host-session=".length)}`, subject)).value).toBeUndefined();
  });
});

describe("together with browsers", () => {
  test("two managers over one store share the list of a user's sessions, and revoke each other's", async () => {
    const { store, request, logIn, clock, sessions } = begin();
    const web = createSessions({ store, now: () => clock.now, warn: false });
    const authorization = await logIn();
    const { cookie } = await byCookie(web, undefined, (session) => session.login("ada"));
    expect(await web.list("ada")).toHaveLength(2);
    await sessions.revoke("ada");
    expect((await byCookie(web, cookie, subject)).value).toBeUndefined();
    expect((await request(authorization, subject)).value).toBeUndefined();
  });
});

describe("wrong calls", () => {
  test.each([
    [{ cookie: { name: "a" } }, "cookie cannot be given together with transport: bearer()"],
    [{ persistent: true }, "persistent cannot be given together with transport: bearer()"],
    [{ store: cookieStore({ secrets }) }, "transport: bearer() cannot be given with cookieStore"],
  ])("%j is refused", (options, message) => {
    expect(() => begin(options as Partial<SessionOptions>)).toThrow(message);
  });

  test("a session held by a cookie, one in parts, or no session cannot be handed out", async () => {
    const web = createSessions({ store: memoryStore(), warn: false });
    const { error } = await byCookie(web, undefined, (session) => handOut(session));
    expect(String(error)).toContain("this one is held by a cookie");
    const parts = createPartsSessions({ parts: { all: { store: memoryStore(), fields: "rest" } } });
    expect((await byCookie(parts, undefined, (session) => handOut(session))).error).toBeInstanceOf(TypeError);
    await expect(handOut({} as Session)).rejects.toThrow("the argument of handOut() must be a session");
  });

  test("an adapter that cannot read the header is an error, not a guest", async () => {
    const { sessions } = begin();
    expect(String((await byCookie(sessions, undefined, subject)).error)).toContain("needs an adapter that can read");
  });
});
