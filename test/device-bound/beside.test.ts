/** What binding costs browsers that cannot bind, which options it refuses, and what an outage of the store leaves. */

import { createSessions, encrypted, jsonFormat, sealedToken, signedToken } from "sojourn";
import { type DeviceBoundOptions, deviceBound } from "sojourn/device-bound";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { cachedStore } from "sojourn/stores/cached";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore, type Fault, faultyStore } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { type DbscClient, signer } from "../support/dbsc-client.ts";
import { shop, who } from "./setup.ts";

const minute = 60_000;
const secret = "a secret of at least 32 characters, for tests";

test("a browser that cannot bind gets the registration header at login, and no further byte, call or cookie", async () => {
  const run = async (binds: boolean): Promise<{ seen: unknown[]; offers: string[] }> => {
    const clock = { now: 1_800_000_000_000 };
    const store = countedStore(memoryStore({ now: () => clock.now }));
    const { client } = shop({
      store,
      clock,
      options: { renewAfter: "30m", ...(binds ? {} : { deviceBound: undefined }) },
    });
    const ada = await client();
    const seen: unknown[] = [];
    const offers: string[] = [];
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    for (const [path, headers] of [
      ["/", {}],
      ["/visit", {}],
      ["/login", {}],
      ["/static", link],
      ["/", link],
      ["/visits", {}],
      ["/login?as=bob", {}],
      ["/regenerate", {}],
      ["/visits", link],
      ["/logout", {}],
      ["/", {}],
    ] as const) {
      clock.now += 16 * minute;
      store.reset();
      const response = await ada.raw(path, { headers });
      const offer = response.headers.get("secure-session-registration");
      if (offer !== null) offers.push(path);
      response.headers.delete("secure-session-registration");
      const cookies = response.headers.getSetCookie().map((line) => line.replace(/=[\w-]{43}/, "=…"));
      const others = [...response.headers].filter(([name]) => name !== "set-cookie");
      seen.push([path, response.status, others, cookies, { ...store.calls }, await response.text()]);
    }
    return { seen, offers };
  };
  const [plain, binding] = [await run(false), await run(true)];
  expect(binding.seen).toEqual(plain.seen);
  expect([plain.offers, binding.offers]).toEqual([[], ["/login", "/login?as=bob"]]);
});

describe("a browser that binds", () => {
  test("costs no extra store call from its second request on, except for refreshes", async () => {
    const clock = { now: 1_800_000_000_000 };
    const store = countedStore(memoryStore({ now: () => clock.now }));
    const { bound } = shop({ store, clock });
    const ada = await bound();
    const costs = async (work: () => Promise<unknown>): Promise<unknown> => {
      store.reset();
      await work();
      return { ...store.calls };
    };
    expect(await costs(() => who(ada))).toEqual({ read: 1, update: 1 });
    expect(await costs(() => who(ada))).toEqual({ read: 1 });
    ada.expire();
    expect(await costs(() => ada.refresh())).toEqual({ read: 1, update: 1 });
    expect(await costs(() => ada.raw("/static"))).toEqual({});
  });

  for (const [name, options] of Object.entries({
    "signed tokens": { token: signedToken(secret) },
    "sealed tokens": { token: sealedToken(secret) },
    "encrypted records": { format: encrypted(jsonFormat(), secret) },
    "a persistent cookie": { persistent: true },
    "a schema": {
      schema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value: unknown) => ({ value: { visits: 0, ...Object(value) } }),
        },
      } as never,
    },
  }))
    test(`does so with ${name}`, async () => {
      const { bound, clock } = shop({ options });
      const ada = await bound();
      await ada.page("/visit", { method: "POST" });
      for (let n = 0; n < 3; n++) {
        clock.now += 20 * minute;
        ada.expire();
        expect(await who(ada)).toBe("ada, bound");
      }
      expect(await (await ada.page("/visits")).text()).toBe("1");
    });

  test("does so over a store with a cache in front that is older than the proof", async () => {
    const clock = { now: 1_800_000_000_000 };
    const behind = memoryStore({ now: () => clock.now });
    const here = shop({ store: behind, clock });
    const there = shop({ store: cachedStore(behind, { staleness: "1m", now: () => clock.now }), clock });
    const ada = await here.bound();
    await who(ada);
    const at = (send: typeof here.send): DbscClient => Object.assign(ada, { send });
    clock.now += minute;
    expect(await who(at(there.send))).toBe("ada, bound");
    at(here.send).expire();
    await ada.refresh();
    ada.expire();
    await ada.refresh();
    ada.expire();
    await ada.refresh();
    expect(await (await at(there.send).raw("/")).text()).toBe("ada, bound");
    expect(there.violations()).toEqual([]);
  });

  test("keeps its binding through every failure of the store, before or after it took effect", async () => {
    for (const fault of ["throw-before", "throw-after"] as const)
      for (let failing = 0; failing < 4; failing++) {
        const clock = { now: 1_800_000_000_000 };
        let plan: (index: number) => Fault = () => "pass";
        let calls = 0;
        const store = faultyStore(memoryStore({ now: () => clock.now }), () => plan(calls++));
        const { bound, violations, events } = shop({ store, clock });
        const ada = await bound();
        await who(ada);
        clock.now += 20 * minute;
        ada.expire();
        calls = 0;
        plan = (index) => (index === failing ? fault : "pass");
        const skipped = await ada.refresh();
        if (failing < 2) expect(skipped).toBe("server_error");
        plan = () => "pass";
        expect(ada.bound).toBeDefined();
        ada.expire();
        expect(await who(ada)).toBe("ada, bound");
        expect(violations()).toEqual([]);
        expect(events.filter(({ type }) => type === "save_failed")).toHaveLength(failing < 2 ? 1 : 0);
      }
  });

  test("stays unbound when the store fails at its registration, and the session continues", async () => {
    for (const fault of ["throw-before", "throw-after"] as const)
      for (let failing = 0; failing < 2; failing++) {
        const clock = { now: 1_800_000_000_000 };
        let plan: (index: number) => Fault = () => "pass";
        let calls = 0;
        const store = faultyStore(memoryStore({ now: () => clock.now }), () => plan(calls++));
        const { client } = shop({ store, clock });
        const ada = await client();
        await ada.raw("/login", { method: "POST" });
        calls = 0;
        plan = (index) => (index === failing ? fault : "pass");
        expect((await ada.register()).status).toBe(503);
        plan = () => "pass";
        clock.now += 20 * minute;
        expect(await who(ada)).toMatch(/^ada/);
      }
  });

  test("is answered at the binding's own path; other paths stay with the application", async () => {
    const { bound, client } = shop({ bound: { path: "/keys" } });
    const ada = await bound();
    expect(ada.bound?.refreshUrl).toBe("/keys/refresh");
    expect(await (await ada.raw("/keys/refresh")).text()).toBe("ada, bound");
    expect(await (await ada.raw("/keys/other", { method: "POST" })).text()).toBe("ada, bound");
    expect((await ada.raw("/keys/refresh?a=1", { method: "POST" })).status).toBe(400);
    const two = await client();
    const inner = createSessions({ store: memoryStore(), name: "admin", warn: false, deviceBound: deviceBound() });
    const response = await fetchSessions(inner)(async (request) => {
      (await inner.get(request)).login("root");
      return new Response("in");
    })(new Request(`${two.origin}/`));
    expect(response.headers.get("secure-session-registration")).toContain('path="/device-bound/admin/register"');
  });

  test("is answered by sessions.deviceBound.handle where no adapter sees the request", async () => {
    const { bound, sessions } = shop();
    const ada = await bound();
    ada.expire();
    const router = ada.send;
    Object.assign(ada, {
      send: async (request: Request) => (await sessions.deviceBound.handle(request)) ?? new Response("other"),
    });
    expect(await (await ada.raw("/")).text()).toBe("other");
    expect(await ada.refresh()).toBeUndefined();
    Object.assign(ada, { send: router });
    expect(await who(ada)).toBe("ada, bound");
    const plain = createSessions({ store: memoryStore(), warn: false });
    expect(await plain.deviceBound.handle(new Request("https://a.example/"))).toBeUndefined();
  });

  test("may name its audience in the JWT: only the refresh URL is accepted", async () => {
    const { bound } = shop();
    const ada = await bound();
    const { challenge: jti, refreshUrl } = ada.bound as NonNullable<typeof ada.bound>;
    const sign = (aud: unknown): Promise<string> => ada.key.sign({ alg: "ES256", typ: "dbsc+jwt" }, { jti, aud });
    for (const aud of ["https://shop.example/other", "no address", 1, null])
      expect((await ada.ask(await sign(aud))).status).toBe(403);
    expect((await ada.ask(await sign(`${ada.origin}${refreshUrl}`))).status).toBe(200);
  });
});

describe("options", () => {
  const make = (bound: unknown, options: object = {}) =>
    createSessions({
      store: memoryStore(),
      warn: false,
      deviceBound: deviceBound(bound as DeviceBoundOptions),
      ...options,
    });

  test.each([
    [{ mode: "strict" }, 'deviceBound.mode must be "enforce" or "report"; received a string of 6 characters'],
    [
      { proofLifetime: "1m" },
      'deviceBound.proofLifetime must be a duration from 3m to 1h, as a number of seconds or a text like "30m"; received "1m"',
    ],
    [{ algorithms: [] }, 'deviceBound.algorithms must be a list of "ES256" and "RS256"; received an array of 0'],
    [{ algorithms: ["none"] }, 'deviceBound.algorithms must be a list of "ES256" and "RS256"; received an array of 1'],
    [
      { path: "keys" },
      'deviceBound.path must be a path that begins and does not end with "/", such as "/device-bound"; received a string of 4 characters',
    ],
    [
      { path: '/a";x="' },
      'deviceBound.path must be a path that begins and does not end with "/", such as "/device-bound"; received a string of 7 characters',
    ],
    [
      { scope: { site: "shop.example" } },
      'deviceBound.scope.site must be an origin such as "https://shop.example"; received a string of 12 characters',
    ],
    [
      { scope: { site: "https://shop.example" } },
      'deviceBound.scope.site needs cookie: { domain: "shop.example" }, so that subdomains get the proof',
    ],
    [
      { scope: { exclude: "/static" } },
      'deviceBound.scope.exclude must be a list: each a path that begins and does not end with "/", such as "/device-bound"; received a string of 7 characters',
    ],
    [
      { lifetimes: "10m" },
      'deviceBound: there is no option "lifetimes"; there are mode, proofLifetime, algorithms, path, scope, reportRefresh',
    ],
  ])("%j is refused", (bound, message) => {
    expect(() => make(bound)).toThrow(new TypeError(message));
  });

  test("sessions that cannot be bound are refused", () => {
    const store = memoryStore();
    const noSwap = { ...store, capabilities: { ...store.capabilities, compareAndSwap: "none" as const } };
    const foreign = { ...jsonFormat(), foreign: true, name: "theirs" };
    for (const [options, message] of [
      [{ store: cookieStore({ secrets: secret }) }, /cannot be given with cookieStore/],
      [{ store: noSwap }, /needs a store with compare-and-swap, which memory has not/],
      [{ format: foreign, absoluteTimeout: false }, /cannot be given with format theirs/],
      [{ cookie: { partitioned: true, sameSite: "none" } }, /cannot be given with cookie.partitioned/],
      [{ cookie: { path: "/app" }, deviceBound: deviceBound({ path: "/keys" }) }, /must be below the cookie's path/],
      [{ deviceBound: true }, /deviceBound must be deviceBound\(\) of sojourn\/device-bound; received true/],
    ] as const)
      expect(() => make({}, options)).toThrow(message);
  });

  test("over plain http nothing is bound, and one warning says so", async () => {
    const said: string[] = [];
    const sessions = createSessions({
      store: memoryStore(),
      warn: (message) => said.push(message),
      cookie: { secure: false },
      deviceBound: deviceBound(),
    });
    const app = fetchSessions(sessions)(async (request) => {
      (await sessions.get(request)).login("ada");
      return new Response("in");
    });
    const response = await app(new Request("http://localhost/"));
    expect(response.headers.get("secure-session-registration")).toBeNull();
    expect(said).toEqual([
      "sojourn: deviceBound has no effect with cookie: { secure: false }: browsers bind only over https",
    ]);
  });
});

test("a key that is too weak, or missing, is not bound", async () => {
  const { client } = shop({ bound: { algorithms: ["ES256"] } });
  const ada = await client();
  await ada.raw("/login", { method: "POST" });
  expect(ada.offer?.algorithms).toEqual(["ES256"]);
  const { jwk } = ada.key;
  const rsa = await signer("RS256");
  const jti = ada.offer?.challenge;
  for (const [alg, key, by] of [
    ["RS256", rsa.jwk, rsa],
    ["ES256", { ...jwk, d: jwk.x }, ada.key],
    ["ES256", { ...jwk, crv: "P-384" }, ada.key],
    ["ES256", { ...jwk, y: jwk.x }, ada.key],
    ["ES256", { ...jwk, x: `${jwk.x}AA` }, ada.key],
    ["ES256", { ...rsa.jwk }, ada.key],
    ["RS256", { ...rsa.jwk, n: rsa.jwk.n?.slice(0, 171) }, rsa],
    ["RS256", { ...rsa.jwk, e: "Aw" }, rsa],
    ["RS256", jwk, rsa],
    ["ES256", undefined, ada.key],
    ["ES256", [jwk], ada.key],
    ["ES256", "jwk", ada.key],
  ] as const) {
    const answer = await ada.register(await by.sign({ alg, jwk: key, typ: "dbsc+jwt" }, { jti }));
    expect([400, 403]).toContain(answer.status);
  }
  expect((await ada.register()).status).toBe(200);
});
