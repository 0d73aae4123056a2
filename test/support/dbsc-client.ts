/** A browser that binds its sessions, without the browser: what Chromium 156 does on the wire, and what it never would. */

import { base64url } from "../../src/core/bytes/bytes.ts";

export type Send = (request: Request) => Promise<Response>;
export type Algorithm = "ES256" | "RS256";

/** A key pair, and the JWTs it signs. */
export interface Signer {
  readonly alg: Algorithm;
  readonly jwk: JsonWebKey;
  sign(header: object, payload: object): Promise<string>;
}

const text = (value: string): string => base64url(new TextEncoder().encode(value));

export async function signer(alg: Algorithm = "ES256"): Promise<Signer> {
  const kind =
    alg === "ES256"
      ? { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
      : { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(kind, true, ["sign", "verify"])) as CryptoKeyPair;
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", keys.publicKey);
  const jwk = alg === "ES256" ? { crv, kty, x, y } : { kty, n, e };
  return {
    alg,
    jwk: jwk as JsonWebKey,
    async sign(header, payload) {
      const signed = `${text(JSON.stringify(header))}.${text(JSON.stringify(payload))}`;
      const signature = await crypto.subtle.sign(kind, keys.privateKey, new TextEncoder().encode(signed));
      return `${signed}.${base64url(new Uint8Array(signature))}`;
    },
  };
}

/** What the browser knows of a bound session. */
export interface Bound {
  readonly id: string;
  readonly refreshUrl: string;
  readonly cookieName: string;
  challenge: string | undefined;
}

export class DbscClient {
  readonly jar: Map<string, string>;
  readonly send: Send;
  key: Signer;
  bound: Bound | undefined;
  /** The last registration header that came. */
  offer: { algorithms: string[]; path: string; challenge: string } | undefined;
  readonly origin: string;
  /** Sends ids and JWTs as quoted strings, as the specification has it. */
  quoted = false;
  refreshes = 0;

  constructor(send: Send, key: Signer, { origin = "https://shop.example", jar = new Map<string, string>() } = {}) {
    this.send = send;
    this.key = key;
    this.origin = origin;
    this.jar = jar;
  }

  /** Another client with a copy of the cookies, and no key: a thief. */
  copy(key: Signer = this.key): DbscClient {
    return new DbscClient(this.send, key, { origin: this.origin, jar: new Map(this.jar) });
  }

  /** One request with the cookies, and what the response does to them. */
  async raw(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
    if (cookie) headers.set("cookie", cookie);
    const response = await this.send(new Request(new URL(path, this.origin), { ...init, headers }));
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      if (attributes.includes("Max-Age=0")) this.jar.delete(pair.slice(0, at));
      else this.jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const offer = /^\(([^)]*)\);path="([^"]*)";challenge="([^"]*)"$/.exec(
      response.headers.get("secure-session-registration") ?? "",
    );
    if (offer) this.offer = { algorithms: (offer[1] as string).split(" "), path: offer[2]!, challenge: offer[3]! };
    return response;
  }

  /** What a browser does for a page: refreshes first when the proof is missing, and registers when it was asked to. */
  async page(path: string, init: RequestInit = {}): Promise<Response> {
    let skipped: string | undefined;
    if (this.bound && !this.jar.has(this.bound.cookieName)) skipped = await this.refresh();
    const headers = new Headers(init.headers);
    if (skipped) headers.set("secure-session-skipped", skipped);
    this.offer = undefined;
    const response = await this.raw(path, { ...init, headers });
    if (this.offer) await this.register();
    return response;
  }

  #word(value: string): string {
    return this.quoted ? `"${value}"` : value;
  }

  async register(jwt?: string): Promise<Response> {
    const { path, challenge } = this.offer as NonNullable<typeof this.offer>;
    const { alg, jwk } = this.key;
    const proof = jwt ?? (await this.key.sign({ alg, jwk, typ: "dbsc+jwt" }, { jti: challenge }));
    const response = await this.raw(path, {
      method: "POST",
      headers: { "secure-session-response": this.#word(proof), "sec-fetch-site": "same-origin" },
    });
    if (response.ok) {
      const told = JSON.parse(await response.clone().text());
      this.bound = {
        id: told.session_identifier,
        refreshUrl: told.refresh_url,
        cookieName: told.credentials[0].name,
        challenge: undefined,
      };
      this.#takeChallenge(response);
    }
    return response;
  }

  #takeChallenge(response: Response): void {
    const [, challenge, id] =
      /^"([^"]+)";id="([^"]+)"$/.exec(response.headers.get("secure-session-challenge") ?? "") ?? [];
    if (this.bound && id === this.bound.id) this.bound.challenge = challenge;
  }

  proof(challenge: string, header: object = {}): Promise<string> {
    return this.key.sign({ alg: this.key.alg, typ: "dbsc+jwt", ...header }, { jti: challenge });
  }

  /** One request to the refresh address. */
  ask(jwt: string | undefined, id: string = this.bound?.id ?? ""): Promise<Response> {
    const headers: Record<string, string> = { "sec-secure-session-id": this.#word(id) };
    if (jwt !== undefined) headers["secure-session-response"] = this.#word(jwt);
    return this.raw(this.bound?.refreshUrl ?? "/device-bound/session/refresh", { method: "POST", headers });
  }

  /** Answers why there is no new proof, if there is none. Forgets its session when it is told to, or meets what Chromium does not forgive. */
  async refresh(): Promise<string | undefined> {
    const { bound } = this;
    if (!bound) return undefined;
    for (let attempt = 0; attempt < 5; attempt++) {
      const response = await this.ask(bound.challenge === undefined ? undefined : await this.proof(bound.challenge));
      this.refreshes++;
      if (response.status >= 500) return "server_error";
      if (response.ok) {
        const told = JSON.parse(await response.text());
        if (told.continue === false || told.session_identifier !== bound.id) this.bound = undefined;
        else {
          bound.challenge = undefined;
          this.#takeChallenge(response);
        }
        return undefined;
      }
      const asked = response.status === 403 && response.headers.has("secure-session-challenge");
      if (!asked) break;
      this.#takeChallenge(response);
    }
    this.bound = undefined;
    return undefined;
  }

  /** The proof cookie ends. */
  expire(): void {
    if (this.bound) this.jar.delete(this.bound.cookieName);
  }
}
