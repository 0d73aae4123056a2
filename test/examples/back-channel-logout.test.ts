/** The recipe of docs/back-channel-logout.md, run as it stands there, with tokens that jose signed. */

import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { createSessions, type Sessions } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";
import { expect, test } from "vitest";
import { request } from "../support/requests.ts";

const page = readFileSync(new URL("../../docs/back-channel-logout.md", import.meta.url), "utf8");
const [, , recipe = ""] = page.split("```ts\n").map((part) => part.split("```")[0] as string);
const code = stripTypeScriptTypes(recipe)
  .replace(/^import .*$/gm, "")
  .replace("export async function backChannelLogout", "return async function");
type Options = { issuer: string; audience: string; keys: ReturnType<typeof createLocalJWKSet> };
type Recipe = (sessions: Sessions, request: Request, options: Options) => Promise<Response>;
const backChannelLogout = new Function("jwtVerify", code)(jwtVerify) as Recipe;

const issuer = "https://id.example";
const audience = "shop";
const events = { "http://schemas.openid.net/event/backchannel-logout": {} };

const pair = await generateKeyPair("RS256");
const stranger = await generateKeyPair("RS256");
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(pair.publicKey)), alg: "RS256", kid: "1" }] });

function sign(claims: JWTPayload, key = pair.privateKey, age = 0): Promise<string> {
  const now = Math.floor(Date.now() / 1000) - age;
  return new SignJWT({ iss: issuer, aud: audience, iat: now, jti: "1", events, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "1", typ: "logout+jwt" })
    .sign(key);
}

async function setUp() {
  const sessions = createSessions({ store: memoryStore(), warn: false });
  const enter = (sid: string) =>
    request(sessions, undefined, (session) => session.login("ada", { external: { issuer, sid } }));
  const [one, two] = [await enter("s1"), await enter("s2")];
  const live = async (): Promise<boolean[]> => {
    const looks = [one, two].map(({ cookie }) => request(sessions, cookie, (session) => !session.isNew));
    return (await Promise.all(looks)).map(({ value }) => value === true);
  };
  const post = async (token: string) => {
    const body = new URLSearchParams({ logout_token: token });
    const asked = new Request("https://shop.example/logout", { method: "POST", body });
    return backChannelLogout(sessions, asked, { issuer, audience, keys });
  };
  return { post, live };
}

test("a token with sid ends that session, one with sub ends all of the user's", async () => {
  const { post, live } = await setUp();
  const answer = await post(await sign({ sid: "s1" }));
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(await live()).toEqual([false, true]);
  expect((await post(await sign({ sub: "ada" }))).status).toBe(200);
  expect(await live()).toEqual([false, false]);
});

test.each<[string, () => Promise<string>]>([
  ["no token", async () => ""],
  ["signed by another key", () => sign({ sid: "s1" }, stranger.privateKey)],
  ["of another provider", () => sign({ sid: "s1", iss: "https://other.example" })],
  ["for another application", () => sign({ sid: "s1", aud: "blog" })],
  ["an ID token, which has a nonce", () => sign({ sid: "s1", nonce: "n" })],
  ["without the event", () => sign({ sid: "s1", events: {} })],
  ["an hour old", () => sign({ sid: "s1" }, pair.privateKey, 3600)],
  ["that names nobody", () => sign({})],
])("a token is refused, and no session ends: %s", async (_, token) => {
  const { post, live } = await setUp();
  expect((await post(await token())).status).toBe(400);
  expect(await live()).toEqual([true, true]);
});
