/** What comes from the network: 10,000 mutated JWTs and headers, none accepted, none an error, and the browser stays in. */

import { describe, expect, test } from "vitest";
import { readProof } from "../../src/device-bound/proof.ts";
import { type DbscClient, signer } from "../support/dbsc-client.ts";
import { seeded } from "../support/random.ts";
import { shop, who } from "./setup.ts";

const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.\"{}=+/ \t,;:'()%\\~\u00e9";

/** Changes a text in one to three places: a sign replaced, put in, taken out; a part doubled, moved or dropped. */
function mutated(text: string, random: () => number): string {
  let changed = text;
  for (let times = 1 + Math.floor(random() * 3); times > 0; times--) {
    const at = Math.floor(random() * (changed.length + 1));
    const to = at + Math.floor(random() * 30);
    const sign = signs[Math.floor(random() * signs.length)] as string;
    const parts = changed.split(".");
    const ways = [
      () => changed.slice(0, at) + sign + changed.slice(at + 1),
      () => changed.slice(0, at) + sign + changed.slice(at),
      () => changed.slice(0, at) + changed.slice(at + 1),
      () => changed.slice(0, at) + changed.slice(to),
      () => changed.slice(0, to) + changed.slice(at),
      () => parts.reverse().join("."),
      () => parts.slice(0, -1).join("."),
      () => `${changed}.${parts[0]}`,
      () => changed.repeat(20),
      () => "",
    ];
    // The ways that keep most of it are tried most.
    changed = (ways[Math.floor(random() * random() * ways.length)] as () => string)();
  }
  return changed;
}

/** A header value as `Headers` takes it. */
const sendable = (value: string): string => value.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?").trim();

/** What is beside the cookies of a client, kept as it was. */
function guarded(client: DbscClient): () => void {
  const jar = new Map(client.jar);
  return () => {
    client.jar.clear();
    for (const [name, value] of jar) client.jar.set(name, value);
  };
}

for (const alg of ["ES256", "RS256"] as const)
  describe(`${alg}`, () => {
    test("3,000 mutated JWTs of a refresh renew nothing, and the browser can go on", { timeout: 60_000 }, async () => {
      const random = seeded(alg === "ES256" ? 7 : 11);
      const { bound, violations } = shop();
      const ada = await bound(await signer(alg));
      const { challenge } = ada.bound as NonNullable<typeof ada.bound>;
      const jwt = await ada.proof(challenge as string);
      let tried = 0;
      while (tried < 3000) {
        const changed = sendable(mutated(jwt, random));
        if (changed === "" || changed.replace(/^"|"$/g, "") === jwt) continue;
        tried++;
        const answer = await ada.ask(changed);
        expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
        expect(answer.headers.get("secure-session-challenge")).toContain(challenge);
      }
      expect(violations()).toHaveLength(tried);
      expect(violations().join().includes(jwt.slice(-20))).toBe(false);
      expect((await ada.ask(jwt)).status).toBe(200);
      expect(await who(ada)).toBe("ada, bound");
    });

    test("1,000 mutated JWTs of a registration bind nothing, and the right one does", { timeout: 60_000 }, async () => {
      const random = seeded(alg === "ES256" ? 13 : 17);
      const { client } = shop();
      const ada = await client(await signer(alg));
      await ada.raw("/login", { method: "POST" });
      const { jwk } = ada.key;
      const jwt = await ada.key.sign({ alg, jwk, typ: "dbsc+jwt" }, { jti: ada.offer?.challenge });
      for (let tried = 0; tried < 1000; ) {
        const changed = sendable(mutated(jwt, random));
        if (changed === "" || changed.replace(/^"|"$/g, "") === jwt) continue;
        tried++;
        const answer = await ada.register(changed);
        expect([400, 403]).toContain(answer.status);
        expect(answer.headers.getSetCookie()).toEqual([]);
      }
      expect((await ada.register(jwt)).status).toBe(200);
      expect(await who(ada)).toBe("ada, bound");
    });
  });

test("2,000 requests with mutated headers cause no error and no proof, and the browser can go on", {
  timeout: 60_000,
}, async () => {
  const random = seeded(23);
  const { bound, send } = shop();
  const ada = await bound();
  const back = guarded(ada);
  const jwt = await ada.proof(ada.bound?.challenge as string);
  const own = {
    cookie: [...ada.jar].map(([name, value]) => `${name}=${value}`).join("; "),
    "sec-secure-session-id": ada.bound?.id as string,
    "secure-session-response": jwt,
    "secure-session-skipped": `unreachable;session_identifier="${ada.bound?.id}"`,
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
  };
  const names = Object.keys(own) as (keyof typeof own)[];
  const paths = [
    "/",
    "/device-bound/session/refresh",
    "/device-bound/session/register",
    "/device-bound/session/",
    "/visits",
  ];
  for (let tried = 0; tried < 2000; tried++) {
    const headers = new Headers();
    for (const name of names) {
      if (random() < 0.2) continue;
      // Its own proof is never sent as it is: it would be accepted.
      const change = name === "secure-session-response" || random() < 0.5;
      let value = own[name];
      while (change && value.replace(/^"|"$/g, "") === own[name]) value = sendable(mutated(own[name], random));
      headers.set(name, value);
    }
    const path = paths[Math.floor(random() * paths.length)] as string;
    const method = random() < 0.6 ? "POST" : "GET";
    const answer = await send(new Request(`${ada.origin}${path}`, { method, headers }));
    expect([200, 400, 403, 503]).toContain(answer.status);
    expect(answer.headers.getSetCookie().filter((line) => line.includes("-proof="))).toEqual([]);
  }
  back();
  expect((await ada.ask(jwt)).status).toBe(200);
  expect(await who(ada)).toBe("ada, bound");
});

test("a JWT is accepted only in the form that browsers write", async () => {
  const key = await signer();
  const good = await key.sign({ alg: "ES256", typ: "dbsc+jwt" }, { jti: "c" });
  expect(readProof(good)).toMatchObject({ alg: "ES256", jti: "c" });
  expect(readProof(`"${good}"`)).toMatchObject({ alg: "ES256", jti: "c" });
  const headers = [
    { alg: "none", typ: "dbsc+jwt" },
    { alg: "HS256", typ: "dbsc+jwt" },
    { alg: "ES384", typ: "dbsc+jwt" },
    { alg: ["ES256"], typ: "dbsc+jwt" },
    { alg: "ES256", typ: "JWT" },
    { alg: "ES256" },
  ];
  for (const header of headers) expect(readProof(await key.sign(header, { jti: "c" }))).toBeNull();
  for (const payload of [{}, { jti: 1 }, { jti: null }, [], { jti: { toString: "c" } }])
    expect(readProof(await key.sign({ alg: "ES256", typ: "dbsc+jwt" }, payload))).toBeNull();
  expect(readProof(`${good}=`)).toBeNull();
  expect(readProof(good.replace(".", ".."))).toBeNull();
  expect(readProof(`${good}${"A".repeat(9000)}`)).toBeNull();
});
