/** Device-bound sessions over the wire, with a client that does what Chromium does. */

import { everybody } from "sojourn/everybody";
import { describe, expect, test } from "vitest";
import { signer } from "../support/dbsc-client.ts";
import { shop, who } from "./setup.ts";

const minute = 60_000;

describe("a browser that binds", () => {
  for (const alg of ["ES256", "RS256"] as const)
    for (const quoted of [false, true]) {
      test(`logs in, binds with ${alg}${quoted ? ", quoted" : ""}, refreshes for hours, and logs out`, async () => {
        const { client, clock, violations, events } = shop({ bound: { reportRefresh: true } });
        const ada = await client(await signer(alg));
        ada.quoted = quoted;
        const login = await ada.page("/login", { method: "POST" });
        expect(await login.text()).toBe("ada");
        expect(ada.bound).toBeDefined();
        expect([...ada.jar.keys()]).toEqual(["__Host-session", "__Host-session-proof", "__Host-session-bound"]);
        expect(await who(ada)).toBe("ada, bound");
        for (let hour = 0; hour < 6; hour++) {
          clock.now += 50 * minute;
          ada.expire();
          expect(await who(ada)).toBe("ada, bound");
        }
        expect(ada.refreshes).toBeLessThanOrEqual(12);
        await ada.page("/logout", { method: "POST" });
        expect([...ada.jar.keys()]).toEqual([]);
        expect(await (await ada.ask(undefined)).json()).toEqual({ session_identifier: ada.bound?.id, continue: false });
        expect(violations()).toEqual([]);
        const told = events.map(({ type }) => type);
        expect(told.filter((type) => type === "binding_refreshed")).toHaveLength(6);
        expect(told.filter((type) => type === "session_bound")).toHaveLength(1);
      });
    }
});

describe("a thief with the cookie but without the key", () => {
  test("gets in until the proof ends, and is a guest from then on, on every route", async () => {
    const { bound, clock, violations, events } = shop();
    const ada = await bound();
    expect(await who(ada)).toBe("ada, bound");
    const thief = ada.copy(await signer());
    expect(await who(thief)).toBe("ada, bound");
    clock.now += 12 * minute;
    expect(await who(thief)).toBe("guest");
    expect(await (await thief.page("/visit", { method: "POST" })).text()).toBe("guest");
    expect((await thief.page("/regenerate", { method: "POST" })).headers.getSetCookie()).toEqual([]);
    expect(violations()).toEqual(Array(3).fill("the proof of the browser has ended"));
    thief.jar.delete("__Host-session-proof");
    expect(await who(thief)).toBe("guest");
    expect(violations().at(-1)).toBe("the proof of the browser is missing");
    await thief.page("/logout", { method: "POST" });

    ada.expire();
    expect(await who(ada)).toBe("ada, bound");
    expect(await (await ada.page("/visits")).text()).toBe("0");
    const { handle } = events.find(({ type }) => type === "session_bound") ?? {};
    expect(events.filter(({ type }) => type === "binding_violated").every((event) => event.handle === handle)).toBe(
      true,
    );
    // No key, no challenge, no cookie value.
    const secrets = [ada.key.jwk.x, ada.bound?.challenge, ada.bound?.id, ...ada.jar.values()].filter(
      (one) => one !== "1",
    );
    for (const one of secrets) expect(JSON.stringify(events)).not.toContain(one);
  });

  test("gets the same challenge however often it asks, and never a proof", async () => {
    const { bound, violations, store } = shop();
    const ada = await bound();
    const thief = ada.copy(await signer());
    const { id, challenge, refreshUrl, cookieName } = ada.bound as NonNullable<typeof ada.bound>;
    thief.bound = { id, refreshUrl, cookieName, challenge };
    const version = async (): Promise<unknown> => {
      for await (const { version } of store.list?.() ?? []) return version;
      return undefined;
    };
    const before = await version();
    const asked = `"${challenge}";id="${id}"`;
    for (let n = 0; n < 20; n++) {
      const answer = await thief.ask(undefined);
      expect([answer.status, answer.headers.get("secure-session-challenge")]).toEqual([403, asked]);
    }
    const jwts = [
      await thief.proof(challenge as string),
      await thief.proof(challenge as string, { jwk: thief.key.jwk }),
      await thief.proof(challenge as string, { alg: "none" }),
      `${(await thief.proof(challenge as string)).split(".").slice(0, 2).join(".")}.`,
      await (await signer("RS256")).sign({ alg: "RS256", typ: "dbsc+jwt" }, { jti: challenge }),
      await thief.key.sign({ alg: "ES256", typ: "JWT" }, { jti: challenge }),
      await thief.key.sign({ alg: "ES256", typ: "dbsc+jwt" }, {}),
    ];
    for (const jwt of jwts) {
      const answer = await thief.ask(jwt);
      expect([answer.status, answer.headers.get("secure-session-challenge")]).toEqual([403, asked]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect(violations()).toHaveLength(jwts.length);
    expect(await version()).toEqual(before);
    expect(await thief.refresh()).toBeUndefined();
    expect(thief.bound).toBeUndefined();
    ada.expire();
    expect(await who(ada)).toBe("ada, bound");
    expect(ada.refreshes).toBe(1);
  });

  test("cannot register a key for a bound session, nor bind with the challenge of another", async () => {
    const { bound, client, violations } = shop();
    const ada = await bound();
    const offer = ada.offer;
    const thief = ada.copy(await signer());
    thief.offer = offer;
    expect((await thief.register()).status).toBe(403);
    expect(violations()).toEqual(["a key was shown for a session that is bound already"]);
    expect((await ada.register()).status).toBe(403);
    ada.expire();
    expect(await who(ada)).toBe("ada, bound");

    const bob = await client();
    await bob.raw("/login?as=bob", { method: "POST" });
    const own = bob.offer;
    bob.offer = { ...(own as NonNullable<typeof own>), challenge: offer?.challenge as string };
    expect((await bob.register()).status).toBe(403);
    expect(await (await bob.raw("/")).text()).toBe("bob");
    bob.offer = own;
    expect((await bob.register()).status).toBe(200);
  });

  test("cannot replay what the browser signed: a new signature is required", async () => {
    const { bound, violations } = shop();
    const ada = await bound();
    const first = await ada.proof(ada.bound?.challenge as string);
    expect((await ada.ask(first)).status).toBe(200);
    const thief = ada.copy(await signer());
    thief.bound = ada.bound;
    // The last one may come again, when its answer was lost.
    const again = await thief.ask(first);
    expect([again.status, violations()]).toEqual([403, []]);
    const [, challenge] = /^"([^"]+)"/.exec(again.headers.get("secure-session-challenge") ?? "") ?? [];
    const second = await ada.proof(challenge as string);
    expect((await ada.ask(second)).status).toBe(200);
    expect((await thief.ask(first)).status).toBe(403);
    expect(violations()).toEqual(["a refresh was refused: it signs a challenge that was not asked for"]);
  });

  test("of two refreshes with one challenge, one counts; the other signs again", async () => {
    const { bound, violations } = shop();
    const ada = await bound();
    const jwt = await ada.proof(ada.bound?.challenge as string);
    const answers = await Promise.all([ada.ask(jwt), ada.ask(jwt), ada.ask(jwt)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403]);
    expect(violations()).toEqual([]);
  });

  test("the challenge of another session, signed with this key, renews nothing", async () => {
    const { bound, violations } = shop();
    const [ada, bob] = [await bound(), await bound()];
    const jwt = await bob.proof(bob.bound?.challenge as string);
    expect((await ada.ask(jwt)).status).toBe(403);
    // Its name at another's cookie: that session is not here.
    const answer = await ada.ask(jwt, bob.bound?.id);
    expect(await answer.json()).toEqual({ session_identifier: bob.bound?.id, continue: false });
    expect(violations()).toEqual(["a refresh was refused: another key signed it"]);
    expect([await who(ada), await who(bob)]).toEqual(["ada, bound", "ada, bound"]);
  });
});

describe("a binding", () => {
  test("begins again with a login, of the same user or another; the old name ends", async () => {
    const { bound, clock } = shop();
    const ada = await bound();
    await who(ada);
    for (const user of ["ada", "bob"]) {
      const before = ada.bound?.id;
      await ada.page(`/login?as=${user}`, { method: "POST" });
      expect(ada.bound?.id).not.toBe(before);
      expect(await (await ada.ask(undefined, before)).json()).toMatchObject({ continue: false });
      clock.now += 20 * minute;
      ada.expire();
      expect(await who(ada)).toBe(`${user}, bound`);
    }
  });

  test("stays with regenerate, and with renewal in passing", async () => {
    const { bound, clock } = shop({ options: { renewAfter: "15m" } });
    const ada = await bound();
    const id = ada.jar.get("__Host-session");
    await ada.page("/regenerate", { method: "POST" });
    expect(ada.jar.get("__Host-session")).not.toBe(id);
    for (let n = 0; n < 4; n++) {
      clock.now += 16 * minute;
      ada.expire();
      const held = ada.jar.get("__Host-session");
      expect(await who(ada)).toBe("ada, bound");
      expect(ada.jar.get("__Host-session")).not.toBe(held);
    }
  });

  test("ends with the session: by revoke, absolute timeout or idle timeout", async () => {
    const { bound, clock, sessions } = shop({ options: { absoluteTimeout: "2h" } });
    const ada = await bound();
    await sessions.revoke("ada");
    expect(await (await ada.ask(undefined)).json()).toEqual({ session_identifier: ada.bound?.id, continue: false });
    const bob = await bound();
    clock.now += 61 * minute;
    expect(await (await bob.ask(undefined)).json()).toMatchObject({ continue: false });
    const eve = await bound();
    for (let n = 0; n < 2; n++) {
      clock.now += 50 * minute;
      eve.expire();
      expect(await who(eve)).toBe("ada, bound");
    }
    clock.now += 21 * minute;
    expect(await (await eve.ask(undefined)).json()).toMatchObject({ continue: false });
  });

  test("ends when everybody is revoked", async () => {
    const { bound, sessions } = shop({ options: { everybody: everybody({ within: "100ms" }) } });
    const ada = await bound();
    await who(ada);
    await sessions.revokeEverybody();
    expect(await (await ada.ask(undefined)).json()).toEqual({ session_identifier: ada.bound?.id, continue: false });
    expect(await who(ada)).toBe("guest");
  });

  test("whose browser lost its key is replaced by a login, and the old session stays out of reach", async () => {
    const { bound, clock, violations, sessions } = shop();
    const ada = await bound();
    await who(ada);
    clock.now += 20 * minute;
    ada.expire();
    // As when the browser's keys are cleared and its cookies are not.
    ada.bound = undefined;
    expect(await who(ada)).toBe("guest");
    expect(violations()).toHaveLength(1);
    const old = ada.copy();
    await ada.page("/login", { method: "POST" });
    expect(ada.bound).toBeDefined();
    expect(await who(ada)).toBe("ada, bound");
    expect(await who(old)).toBe("guest");
    expect(await sessions.list("ada")).toHaveLength(2);
  });

  test("is not required until the browser presented a proof: the answer to the registration may be lost", async () => {
    const { client, clock } = shop();
    const ada = await client();
    await ada.raw("/login", { method: "POST" });
    const before = new Map(ada.jar);
    expect((await ada.register()).status).toBe(200);
    const lost = ada.copy();
    lost.jar.clear();
    for (const [name, value] of before) lost.jar.set(name, value);
    clock.now += 30 * minute;
    expect(await who(lost)).toBe("ada, bound");
  });

  test("is not required of requests that left before the browser knew of it", async () => {
    const { client, clock } = shop();
    const ada = await client();
    await ada.raw("/login", { method: "POST" });
    const before = ada.copy();
    await ada.register();
    expect(await who(ada)).toBe("ada, bound");
    clock.now += 5000;
    expect(await who(before)).toBe("ada, bound");
    clock.now += 6000;
    expect(await who(before)).toBe("guest");
  });

  test("that cannot be read is refused", async () => {
    const { bound, store, violations, clock } = shop();
    const ada = await bound();
    await who(ada);
    for await (const { key, payload, expiresAt, subject, version } of store.list?.() ?? [])
      await store.update(key, { payload: String(payload).replace('"ES256"', '"ES999"'), expiresAt, subject }, version);
    clock.now += minute;
    expect(await who(ada)).toBe("guest");
    expect(violations()).toEqual(["the binding cannot be read"]);
    expect((await ada.ask(undefined)).status).toBe(503);
  });

  test("is skipped when the login asks for that", async () => {
    const { client } = shop();
    const robot = await client();
    const response = await robot.page("/login-unbound", { method: "POST" });
    expect(response.headers.get("secure-session-registration")).toBeNull();
    expect([...robot.jar.keys()]).toEqual(["__Host-session"]);
  });

  test("in the mode report refuses nothing, and reports what it would refuse", async () => {
    const { bound, clock, violations } = shop({ bound: { mode: "report" } });
    const ada = await bound();
    await who(ada);
    clock.now += 20 * minute;
    ada.expire();
    const thief = ada.copy(await signer());
    expect(await who(thief)).toBe("ada, bound");
    expect(violations()).toEqual(["the proof of the browser is missing"]);
    const link = await thief.page("/", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" } });
    expect(await link.text()).toBe("ada, bound");
  });

  test("is required by requireFresh({ bound: true })", async () => {
    const { client, clock } = shop();
    const ada = await client();
    await ada.raw("/login", { method: "POST" });
    const needs = { within: 3_600_000, bound: true };
    expect([(await ada.raw("/vault")).status, await (await ada.raw("/vault")).json()]).toEqual([401, needs]);
    await ada.register();
    expect((await ada.raw("/vault")).status).toBe(200);
    clock.now += 20 * minute;
    ada.expire();
    expect((await ada.raw("/vault")).status).toBe(401);
    expect((await ada.page("/vault")).status).toBe(200);
  });

  test("whose browser could not refresh its proof gets a 503, and stays", async () => {
    const { bound, clock } = shop();
    const ada = await bound();
    await who(ada);
    clock.now += 20 * minute;
    ada.expire();
    for (const why of ["unreachable", "server_error", "quota_exceeded"]) {
      const header = { "secure-session-skipped": `${why};session_identifier="${ada.bound?.id}"` };
      const response = await ada.raw("/", { headers: header });
      expect([response.status, response.headers.getSetCookie()]).toEqual([503, []]);
    }
    expect(await who(ada)).toBe("ada, bound");
  });
});

describe("a link from another site", () => {
  const link = { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" } };

  test("gets a page that reloads itself, only for a bound session without its proof", async () => {
    const { bound, client, clock } = shop();
    const ada = await bound();
    await who(ada);
    clock.now += minute;
    expect(await (await ada.raw("/", link)).text()).toBe("ada, bound");
    ada.expire();
    const page = await ada.raw('/a?q="><script>1</script>', link);
    expect(await page.text()).toContain("<script>location.reload()</script>");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(await (await ada.raw("/a?b=<i>&c='", link)).text()).not.toMatch(/<i>|c='/);
    // Also without the script it stays on this host: two slashes begin no other one.
    expect(await (await ada.raw("/.//evil.example/", link)).text()).toContain('content="1;url=/.//evil.example/"');
    const guest = await client();
    expect(await (await guest.raw("/", link)).text()).toBe("guest");
    const robot = await client();
    await robot.page("/login-unbound", { method: "POST" });
    expect(await (await robot.raw("/", link)).text()).toBe("robot");
    // What is not a navigation, or no GET, is no link.
    expect(await (await ada.raw("/", { ...link, method: "POST" })).text()).toBe("guest");
  });
});
