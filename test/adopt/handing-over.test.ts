/** An old session is handed over once: to one new session, and not again after its end, in every order. */

import { expect, test, vi } from "vitest";
import { adoptIronSession } from "../../src/adopt/iron-session.ts";
import { adoptKoaSession } from "../../src/adopt/koa-session.ts";
import { adopter } from "../../src/adopt.ts";
import { signedToken } from "../../src/core/client/token.ts";
import type { Adopter } from "../../src/core/contracts/adopter.ts";
import type { Session } from "../../src/core/contracts/session.ts";
import type { Store } from "../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../src/core/options/options.ts";
import { encrypted } from "../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { everybody } from "../../src/everybody.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { explore } from "../../src/testing/explore.ts";
import { type Fault, faultyStore } from "../../src/testing/faults.ts";
import { type Data, ironCookie } from "./old-apps.ts";
import { adopting, seen, type Visit, visit } from "./visits.ts";

const password = "a password of at least 32 characters";
const iron = adoptIronSession({ password, cookie: { name: "iron" }, subject: ({ user }) => user as string });
const old: Data = { user: "ada", n: 0 };
const cookie = await ironCookie(old, { cookieName: "iron", password });
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

type Handler = (session: Session<Data>) => unknown;
const set =
  (key: string): Handler =>
  ({ data }) => {
    data[key] = 1;
  };

/** Records of a koa-session, with a count of what was asked. */
function oldRecords() {
  const records = new Map<string, Data>([["0123456789-0123456789", { ...old }]]);
  const koa = adoptKoaSession({
    keys: false,
    subject: ({ user }) => user as string,
    store: { get: async (id) => records.get(id), destroy: async (id) => records.delete(id) },
  });
  return { records, koa, cookie: "koa.sess=0123456789-0123456789" };
}

test("after a logout, a copy of the old cookie is refused until it would have expired", async () => {
  const { sessions, clock, events } = adopting({ adopt: [iron] });
  const { cookie: ours } = await visit(sessions, cookie, seen);
  clock.now += minute;
  const out = await visit(sessions, ours, (session) => session.destroy());
  expect(out.cookie).toBe("");
  for (const later of [0, minute, hour, day, 12 * day]) {
    clock.now += later;
    const { value, setCookie } = await visit(sessions, cookie, seen);
    expect(value).toEqual({ data: {}, subject: undefined });
    expect(setCookie).toEqual([]);
  }
  expect(events.filter((event) => event.startsWith("session_created"))).toHaveLength(1);
});

test("an old cookie is refused after the new session expired, or after a logout in the same request", async () => {
  const idle = adopting({ adopt: [iron] });
  await visit(idle.sessions, cookie, seen);
  idle.clock.now += 25 * hour;
  expect((await visit(idle.sessions, cookie, seen)).value.subject).toBeUndefined();

  const { sessions, clock } = adopting({ adopt: [iron] });
  const out = await visit(sessions, cookie, (session) => session.destroy());
  expect(out.cookie).toBe("");
  clock.now += 10 * minute;
  expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
});

test("a logout that keeps something, in the adopting request, removes the old cookie too", async () => {
  const { sessions } = adopting({ adopt: [iron] });
  const out = await visit(sessions, cookie, (session) => session.logout({ keep: ["n"] }));
  expect(out.setCookie).toHaveLength(2);
  expect(out.setCookie[1]).toMatch(/^iron=; Max-Age=0/);
  expect((await visit(sessions, out.cookie, seen)).value).toEqual({ data: { n: 0 }, subject: undefined });
  const bare = await visit(adopting({ adopt: [iron] }).sessions, cookie, (session) => session.logout({ keep: [] }));
  expect(bare.setCookie).toHaveLength(2);
  expect(bare.cookie).toBe("");
});

test("a logout with an old cookie that was not adopted ends that session too", async () => {
  for (const out of [(session: Session<Data>) => session.destroy(), (session: Session<Data>) => session.logout({})]) {
    const { sessions, events } = adopting({ adopt: [iron] });
    const { cookie: ours } = await visit(sessions, "", (session) => session.login("ada"));
    const { setCookie, cookie: left } = await visit(sessions, `${ours}; ${cookie}`, out);
    expect(setCookie).toHaveLength(2);
    expect(left).toBe("");
    expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
    expect(events.filter((event) => event === "session_logout")).toHaveLength(2);
  }
});

test("a logout ends the new session even when the old library's store fails", async () => {
  const { records, koa, cookie: theirs } = oldRecords();
  const failing = adoptKoaSession({
    keys: false,
    store: { get: () => Promise.reject(new Error("down")), destroy: async () => {} },
  });
  let down = false;
  const either: Adopter = { name: koa.name, find: (header, desk) => (down ? failing : koa).find(header, desk) };
  const { sessions } = adopting({ adopt: [either] });
  const { cookie: ours } = await visit(sessions, "", (session) => session.login("ada"));
  down = true;
  await expect(visit(sessions, `${ours}; ${theirs}`, (session) => session.destroy())).rejects.toThrow();
  down = false;
  expect(await sessions.list("ada")).toHaveLength(0);
  await visit(sessions, theirs, (session) => session.destroy());
  expect(records.size).toBe(0);
});

test("when a response is lost, the old cookie leads to the session until the new one was seen", async () => {
  const { sessions, clock, events } = adopting({ adopt: [iron] });
  const lost = await visit(sessions, cookie, set("a"));
  expect(lost.setCookie).toHaveLength(2);
  const again = await visit(sessions, cookie, (session) => {
    session.data.b = 1;
    return seen(session);
  });
  expect(again).toMatchObject({ value: { data: { ...old, a: 1 }, subject: "ada" }, setCookie: [] });
  clock.now += 2 * minute;
  const { value, setCookie, cookie: ours } = await visit(sessions, cookie, seen);
  expect(value).toEqual({ data: { ...old, a: 1, b: 1 }, subject: "ada" });
  expect(setCookie[1]).toMatch(/^iron=; Max-Age=0/);
  expect((await visit(sessions, ours, seen)).value.data).toEqual({ ...old, a: 1, b: 1 });
  expect(await sessions.list("ada")).toHaveLength(1);
  clock.now += 2 * minute;
  // From here on it is a copy.
  expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
  expect(events.at(-1)).toBe("id_reused");
  expect((await visit(sessions, ours, seen)).value.subject).toBe("ada");
});

/** Requests with the old cookie at the same time, each served by a process of its own, in every order. */
async function together(
  handlers: Handler[],
  check: (scene: { look(): Promise<Data | undefined>; visits: Visit<unknown>[]; store: Store }) => Promise<void>,
  { oneProcess = false, extra = [] as ((sessions: Sessions<Data>) => Promise<unknown>)[], stored = false } = {},
): Promise<number> {
  const { orders, complete } = await explore(async (gate) => {
    const now = () => 1_800_000_000_000;
    const inner = memoryStore({ now });
    const store = gate.store(inner);
    const { koa, cookie: koaCookie } = oldRecords();
    const shared = { store, now, wait: () => Promise.resolve(), adopt: [stored ? koa : plain], warn: false as const };
    const make = () => new Sessions<Data>(shared);
    const one = make();
    const visits: Visit<unknown>[] = [];
    const header = stored ? koaCookie : "plain=an-unguessable-text";
    const tasks = handlers.map((handler, at) => async () => {
      visits[at] = await visit(oneProcess ? one : make(), header, handler);
    });
    return {
      tasks: [...tasks, ...extra.map((task) => () => task(make()))],
      check: () =>
        check({
          store: inner,
          visits,
          look: async () => {
            const { value } = await visit(make(), header, seen);
            return value.subject === undefined ? undefined : value.data;
          },
        }),
    };
  });
  expect(complete).toBe(true);
  return orders;
}

/** Without WebCrypto, for which the explorer cannot wait. */
const plain = adopter({
  name: "plain",
  cookie: { name: "plain" },
  subject: ({ user }) => user as string,
  read(cookies) {
    const credential = cookies("plain");
    return credential === undefined ? null : { credential, open: () => ({ data: { ...old } }) };
  },
});

async function sessionsIn(store: Store): Promise<number> {
  let count = 0;
  for await (const { payload } of store.list!()) if (!String(payload).startsWith("sojourn-renewed:")) count++;
  return count;
}

test.each([
  { oneProcess: false, stored: false },
  { oneProcess: true, stored: false },
  { oneProcess: false, stored: true },
])("parallel first requests make one session with the changes of all: %o", { timeout: 60_000 }, async (how) => {
  const orders = await together(
    [set("a"), set("b")],
    async ({ look, visits, store }) => {
      expect(await look()).toEqual({ ...old, a: 1, b: 1 });
      expect(visits.filter(({ setCookie }) => setCookie.length > 0)).toHaveLength(1);
      expect(await sessionsIn(store)).toBe(1);
    },
    how,
  );
  expect(orders).toBeGreaterThan(10);
});

test("a counter that parallel first requests raise is exact, and a request that only reads loses nothing", {
  timeout: 60_000,
}, async () => {
  const count: Handler = (session) => session.update("n", (n) => (n as number) + 1);
  await together([count, count], async ({ look }) => expect(await look()).toEqual({ ...old, n: 2 }));
  await together([count, seen], async ({ look }) => expect(await look()).toEqual({ ...old, n: 1 }));
});

test("a logout during another first request ends the session for good", { timeout: 60_000 }, async () => {
  await together([(session) => session.destroy(), set("a")], async ({ look, store }) => {
    expect(await look()).toBeUndefined();
    expect(await sessionsIn(store)).toBe(0);
  });
});

test("a revocation during a first request, or before it, ends the session for good", { timeout: 60_000 }, async () => {
  const revoke = (sessions: Sessions<Data>) => sessions.revoke("ada");
  await together(
    [set("a")],
    async ({ look, store }) => {
      expect(await look()).toBeUndefined();
      for await (const row of store.listBySubject!("ada")) expect(row).toBeUndefined();
    },
    { extra: [revoke] },
  );
  const { sessions, clock, events } = adopting({ adopt: [iron] });
  await sessions.revoke("ada");
  clock.now += 12 * day;
  expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
  expect(events).toContain("session_use_after_expire: sessions of the subject were revoked");
});

test("after everybody was revoked, no older session is adopted, and adopted ones have ended", async () => {
  const { sessions, clock } = adopting({ adopt: [iron], everybody: everybody({ within: "100ms" }) });
  const first = await visit(sessions, cookie, seen);
  expect((await visit(sessions, first.cookie, seen)).value.subject).toBe("ada");
  await sessions.revokeEverybody();
  expect((await visit(sessions, first.cookie, seen)).value.subject).toBeUndefined();
  const other = await ironCookie({ user: "bob" }, { cookieName: "iron", password });
  for (const later of [0, 5 * day]) {
    clock.now += later;
    for (const header of [cookie, other]) expect((await visit(sessions, header, seen)).value.subject).toBeUndefined();
  }
});

test("login in the first request keeps the data for the same user and starts empty for another", async () => {
  const { sessions } = adopting({ adopt: [iron] });
  const same = await visit(sessions, cookie, (session) => session.login("ada"));
  expect((await visit(sessions, same.cookie, seen)).value).toEqual({ data: old, subject: "ada" });
  expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
  const other = adopting({ adopt: [iron] });
  const bob = await visit(other.sessions, cookie, (session) => session.login("bob"));
  expect(bob.cookie).toMatch(/^__Host-session=[\w-]+$/);
  expect((await visit(other.sessions, bob.cookie, seen)).value).toEqual({ data: {}, subject: "bob" });
  expect(await other.sessions.list("ada")).toEqual([]);
});

const kinds: Fault[] = ["throw-before", "throw-after", "hang-before", "hang-after"];
test.each(kinds)("whichever store call fails (%s), the user stays logged in", { timeout: 60_000 }, async (fault) => {
  for (const handler of [seen, set("a")] as Handler[]) {
    for (let nth = 0; ; nth++) {
      let calls = 0;
      const clock = { now: Date.now() };
      const now = () => clock.now;
      const store = faultyStore(memoryStore({ now }), () => (calls++ === nth ? fault : "pass"));
      const sessions = new Sessions<Data>({ store, now, adopt: [iron], storeTimeout: "20ms", warn: false });
      const failed = await visit(sessions, cookie, handler).catch((error) => {
        expect(error.status).toBe(503);
        return undefined;
      });
      if (calls <= nth) break;
      await new Promise((resolve) => setTimeout(resolve, 30));
      clock.now += 2 * minute;
      const { value, cookie: after } = await visit(sessions, failed?.cookie ?? cookie, seen);
      expect(value.subject).toBe("ada");
      expect((await visit(sessions, after, seen)).value.subject).toBe("ada");
      expect(await sessions.list("ada")).toHaveLength(1);
    }
  }
});

test("a failure of the old store is a 503, and the old cookie stays", async () => {
  const store = { get: async () => Promise.reject(new Error("down")), destroy: async () => {} };
  const { sessions } = adopting({ adopt: [adoptKoaSession({ keys: false, store })] });
  await expect(visit(sessions, "koa.sess=0123456789-0123456789", seen)).rejects.toMatchObject({ status: 503 });
});

test("an old record that cannot be ended leads to no other session", async () => {
  const { records, koa, cookie: header } = oldRecords();
  const failing = adoptKoaSession({
    keys: false,
    subject: ({ user }) => user as string,
    store: { get: async (id) => records.get(id), destroy: async () => Promise.reject(new Error("down")) },
  });
  expect(koa.name).toBe(failing.name);
  const { sessions, clock } = adopting({ adopt: [failing] });
  const { cookie: ours } = await visit(sessions, header, seen);
  await visit(sessions, ours, (session) => session.destroy());
  clock.now += 10 * day;
  expect((await visit(sessions, header, seen)).value.subject).toBeUndefined();
});

test("a request with a new session, or without an old cookie, costs nothing extra", async () => {
  const asked = vi.fn(async () => null);
  const watched: Adopter = { name: "watched", find: asked };
  const { sessions } = adopting({ adopt: [watched] });
  const { cookie: ours } = await visit(sessions, "", set("a"));
  expect(asked).not.toHaveBeenCalled();
  await visit(sessions, ours, seen);
  expect(asked).not.toHaveBeenCalled();
  await visit(sessions, "theme=dark", seen);
  expect(asked).toHaveBeenCalledOnce();
});

test("a request that cannot set a cookie adopts if it must, and the next one sets the cookie", async () => {
  const { sessions, clock } = adopting({ adopt: [iron] });
  const incoming = { cookie };
  const reader = { cookie: (one: { cookie: string }) => one.cookie, secure: () => true };
  const exchange = sessions.open(incoming, reader);
  exchange.headersGone();
  (await sessions.get(incoming)).data.late = 1;
  await exchange.finish();
  clock.now += 2 * minute;
  const { value, setCookie } = await visit(sessions, cookie, seen);
  expect(value).toEqual({ data: { ...old, late: 1 }, subject: "ada" });
  expect(setCookie).toHaveLength(2);
});

test("adoption works with encrypted records, signed tokens, a schema and several adopters", async () => {
  const secret = "another secret of at least 32 characters";
  const schema = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value: { ...(value as object), seen: true } }),
    },
  } as never;
  const never: Adopter = { name: "never", find: async () => null };
  const options: Partial<SessionOptions<Data>> = {
    adopt: [never, iron],
    format: encrypted(jsonFormat(), secret),
    token: signedToken(secret),
    schema,
    renewAfter: "10m",
    persistent: true,
  };
  const { sessions, clock } = adopting(options);
  const first = await visit(sessions, cookie, seen);
  expect(first.setCookie[0]).toMatch(/Max-Age=/);
  clock.now += 11 * minute;
  const second = await visit(sessions, first.cookie, seen);
  expect(second.value).toEqual({ data: { ...old, seen: true }, subject: "ada" });
  await visit(sessions, second.cookie, (session) => session.destroy());
  clock.now += 12 * day;
  expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
});

test("two applications in one store adopt separately", async () => {
  const store = memoryStore();
  const shop = new Sessions<Data>({ store, name: "shop", adopt: [iron], warn: false });
  const blog = new Sessions<Data>({ store, name: "blog", adopt: [iron], warn: false });
  expect((await visit(shop, cookie, seen)).value.subject).toBe("ada");
  expect((await visit(blog, cookie, seen)).value.subject).toBe("ada");
});

test("nothing of the old credential is in the store, in events or in errors", async () => {
  const { sessions, store, events } = adopting({ adopt: [iron] });
  await visit(sessions, cookie, seen);
  const rows: unknown[] = [];
  for await (const row of store.list!()) rows.push(row);
  const told = JSON.stringify([rows, events]);
  for (const part of cookie.split(/[=*~]/).filter(({ length }) => length > 20)) expect(told).not.toContain(part);
});

test("a session that the application's functions cannot convert is not adopted, and an event is emitted", async () => {
  const bad = adopter({
    name: "bad",
    cookie: { name: "iron" },
    subject: () => "x".repeat(201),
    read: (cookies) => ({ credential: cookies("iron") as string, open: () => ({ data: {} }) }),
  });
  const { sessions, events } = adopting({ adopt: [bad] });
  expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
  expect(events).toEqual(["record_refused: the session of bad could not be adopted"]);
});

test("after `until`, nothing is adopted", async () => {
  const { sessions, clock } = adopting({
    adopt: [adoptIronSession({ password, cookie: { name: "iron" }, until: new Date(Date.now() + minute) })],
  });
  clock.now += minute;
  expect((await visit(sessions, cookie, seen)).value.data).toEqual({});
});

test("an old cookie sent twice with different values is ignored", async () => {
  const { sessions } = adopting({ adopt: [iron] });
  expect((await visit(sessions, `${cookie}; iron=other`, seen)).value.subject).toBeUndefined();
});

const wrong: [string, () => unknown, string][] = [
  [
    "a short password",
    () => adoptIronSession({ password: "short", cookie: { name: "iron" } }),
    "at least 32 characters",
  ],
  ["no cookie name", () => adoptIronSession({ password } as never), "cookie.name"],
  ["an unknown option", () => adoptIronSession({ password, cookie: { name: "a" }, ttl: 1 } as never), "ttl"],
  ["unsigned cookies without a store", () => adoptKoaSession({ keys: false }), "anybody's"],
  [
    "until as a text",
    () => adoptIronSession({ password, cookie: { name: "a" }, until: "soon" } as never),
    "until must be a Date",
  ],
  ["no list", () => new Sessions({ store: memoryStore(), adopt: iron } as never), "adopt must be a list"],
  [
    "sessions in cookies",
    () => new Sessions({ store: cookieStore({ secrets: password }), adopt: [iron] }),
    "adopt cannot be given with cookieStore",
  ],
];
test.each(wrong)("%s is a TypeError that says what to pass", (_, make, message) => {
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});

test("with a limit, an old session counts, and is adopted only where there is room", async () => {
  for (const excess of ["end-oldest", "refuse"] as const) {
    const { sessions, events } = adopting({ adopt: [iron], limit: { perSubject: 2, excess } });
    const login = (): Promise<Visit<void>> => visit(sessions, "", (session) => session.login("ada"));
    const [first, second] = [await login(), await login()];
    const refused = await visit(sessions, cookie, seen);
    expect([refused.value.subject, refused.setCookie]).toEqual([undefined, []]);
    expect(events.at(-1)).toMatch(/^excess_sessions_exceeded: .*is not adopted/);
    for (const { cookie: ours } of [first, second])
      expect((await visit(sessions, ours, seen)).value.subject).toBe("ada");

    await visit(sessions, first.cookie, (session) => session.destroy());
    const adopted = await visit(sessions, cookie, seen);
    expect(adopted.value.subject).toBe("ada");
    expect(await sessions.list("ada")).toHaveLength(2);
    if (excess === "refuse") {
      await expect(login()).rejects.toMatchObject({ code: "ERR_SESSION_LIMIT" });
      continue;
    }
    // Its login was before all others.
    const third = await login();
    expect((await visit(sessions, adopted.cookie, seen)).value.subject).toBeUndefined();
    for (const { cookie: ours } of [second, third])
      expect((await visit(sessions, ours, seen)).value.subject).toBe("ada");
  }
});

test("with a limit, old sessions that are adopted at the same time are never more than allowed", async () => {
  const other = await ironCookie({ user: "ada", n: 1 }, { cookieName: "iron", password });
  const { sessions } = adopting({ adopt: [iron], limit: { perSubject: 1 } });
  const both = await Promise.all([visit(sessions, cookie, seen), visit(sessions, other, seen)]);
  expect(both).toHaveLength(2);
  expect((await sessions.list("ada")).length).toBeLessThanOrEqual(1);
  for (const one of [cookie, other]) await visit(sessions, one, seen);
  expect(await sessions.list("ada")).toHaveLength(1);
});
