/** Sessions bound to their browser: its own requests are answered before the handlers, whatever the framework. */

import { base64url, utf8 } from "../../core/bytes/bytes.ts";
import { deviceBound } from "../../device-bound.ts";
import { check, same } from "../store/check.ts";
import { answered, inGroup } from "./answers.ts";
import type { Answer, Client } from "./client.ts";
import type { FrameworkCase, FrameworkTrial, StartedApp } from "./trial.ts";

const refreshPath = "/device-bound/session/refresh";
const proofName = "__Host-session-proof";

/** A browser's key, and what it signs. */
async function makeKey(): Promise<{ jwk: JsonWebKey; sign(header: object, jti: string): Promise<string> }> {
  const kind = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const { publicKey, privateKey } = await crypto.subtle.generateKey(kind, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  return {
    jwk: { kty, crv, x, y } as JsonWebKey,
    async sign(header, jti) {
      const parts = [{ alg: "ES256", typ: "dbsc+jwt", ...header }, { jti }].map((part) => JSON.stringify(part));
      const signed = parts.map((part) => base64url(utf8(part))).join(".");
      const signature = await crypto.subtle.sign(kind, privateKey, utf8(signed));
      return `${signed}.${base64url(new Uint8Array(signature))}`;
    },
  };
}

/** A browser that has logged in and bound its session, and the way it renews its proof. */
async function bindSession(trial: FrameworkTrial, attach?: string) {
  const clock = { ahead: 0 };
  const app: StartedApp = await trial.start({
    options: { deviceBound: deviceBound(), now: () => Date.now() + clock.ahead },
    ...(attach !== undefined && { attach }),
  });
  const client = app.client();
  const { jwk, sign } = await makeKey();
  const login = await client.post("/login");
  const offer = login.headers.get("secure-session-registration") ?? "";
  const [, path = "", challenge = ""] = /^\(ES256 RS256\);path="([^"]+)";challenge="([^"]+)"$/.exec(offer) ?? [];
  same(path, "/device-bound/session/register", "path of the registration header");
  const jwt = await sign({ jwk }, challenge);
  const registered = await client.post(path, { headers: { "secure-session-response": jwt } });
  same(registered.status, 200, "status of the registration");
  const { session_identifier: id } = JSON.parse(registered.text) as { session_identifier: string };
  const ask = (proof?: string): Promise<Answer> =>
    client.post(refreshPath, {
      headers: { "sec-secure-session-id": id, ...(proof !== undefined && { "secure-session-response": proof }) },
    });
  return { app, client, clock, sign, ask, id };
}

function challengeIn({ headers }: Answer): string {
  return /^"([^"]+)"/.exec(headers.get("secure-session-challenge") ?? "")?.[1] ?? "";
}

/** The proof ends in the browser, and for the server. */
function endProof(client: Client, clock: { ahead: number }): void {
  client.cookies.delete(proofName);
  clock.ahead += 1_200_000;
}

async function goesThroughItsLife(trial: FrameworkTrial, attach?: string): Promise<void> {
  const { app, client, clock, sign, ask, id } = await bindSession(trial, attach);
  answered(await client.get("/subject"), "ada");
  endProof(client, clock);
  const asked = await ask();
  same(asked.status, 403, "status of a refresh without a JWT");
  const renewed = await ask(await sign({}, challengeIn(asked)));
  same(renewed.status, 200, "status of the refresh");
  same(renewed.headers.get("content-type"), "application/json", "content type of the refresh");
  check(client.cookies.has(proofName), "the refresh set no proof cookie");
  answered(await client.get("/subject"), "ada");
  same(app.events.filter(({ type }) => type === "binding_violated").length, 0, "violations");
  endProof(client, clock);
  answered(await client.get("/subject"), "nobody");
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  const page = await client.get("/subject?a=1", { headers: link });
  same(page.status, 200, "status of the page that reloads itself");
  check(page.text.includes("location.reload()"), "a link of another site was not answered with a page that reloads");
  await ask(await sign({}, challengeIn(await ask())));
  answered(await client.post("/logout"), "logged out");
  same((await ask()).text, JSON.stringify({ session_identifier: id, continue: false }), "answer after the logout");
}

export const deviceBoundCases: readonly FrameworkCase[] = inGroup("device binding", [
  {
    name: "a browser registers, refreshes and learns of the logout before any handler",
    needs: "device binding",
    run: (trial) => goesThroughItsLife(trial),
  },
  {
    name: "attach: the browser's own requests load no session",
    needs: ["device binding", "attach"],
    run: (trial) => goesThroughItsLife(trial, "session"),
  },
]);
