/** What browsers ask for by themselves: registering a key, and renewing the proof with it. */

import { randomBytes, sha256 } from "#crypto";
import { andThen, base64url, type MaybePromise } from "../core/bytes/bytes.ts";
import type { OwnAnswer, RequestHead } from "../core/contracts/device-bound.ts";
import type { Meta } from "../core/contracts/format.ts";
import type { Found } from "../core/contracts/records.ts";
import { isOver } from "../core/record/expiry.ts";
import { type Binding, isBinding, readBound, refreshed } from "./binding.ts";
import type { BinderCore } from "./core.ts";
import { challengeFor, sessionIdIn } from "./headers.ts";
import type { BoundConfig } from "./options.ts";
import { isSignedBy, keyOf, type Proof, readProof } from "./proof.ts";
import { swap } from "./swap.ts";

/** A request for one of the two paths, and the sessions it is for. */
export interface Asked {
  readonly core: BinderCore;
  readonly config: BoundConfig;
  readonly head: RequestHead;
  readonly cookie: string | null | undefined;
}

/** 128 unpredictable bits. */
export function randomText(): string {
  return base64url(randomBytes(16));
}

/** What is kept of a proof cookie: 128 bits of its SHA-256. */
export function digestOf(proof: string): MaybePromise<string> {
  return andThen(sha256(proof), (digest) => digest.slice(0, 22));
}

/**
 * Binds the key of a registration to the session that has just logged in. Any 4xx leaves the session unbound; a session
 * that is bound stays bound to its key.
 */
export async function register({ core, config, head, cookie }: Asked): Promise<OwnAnswer> {
  const { lifetime, algorithms, registerPath, cookies } = config;
  const proof = readProof(head.headers.get("secure-session-response") ?? "");
  const key = proof && keyOf(proof);
  if (!proof || !key || !algorithms.includes(proof.alg) || !isFor(proof, head, registerPath)) return empty(400);
  const found = await find(core, cookie);
  if (found === "busy") return empty(503);
  const { meta } = found?.content ?? {};
  if (!found || !meta) return empty(403);
  const before = meta.bound && readBound(meta.bound);
  if (before && isBinding(before)) violated(core, meta, "a key was shown for a session that is bound already");
  if (!awaits(meta, proof, core.config.now()) || !(await isSignedBy(proof, key))) return empty(403);
  const value = randomText();
  const digest = await digestOf(value);
  const binding = await swap<Binding | null>(core, found, (newest) => {
    const now = core.config.now();
    if (!awaits(newest, proof, now)) return { result: null };
    const times = { at: now, issued: now, until: now + lifetime };
    const bound = { ...key, ...times, id: randomText(), challenge: randomText(), proof: digest };
    return { bound, result: bound };
  });
  if (!binding) return empty(403);
  tell(core, "session_bound", meta, binding.alg);
  const marker = cookies.marker.set("1", meta.persistent ? 34_560_000 : undefined);
  return bound(config, binding, value, [["set-cookie", marker]]);
}

/** Whether the session waits for a registration that signs this. */
function awaits({ bound }: Meta, { jti }: Proof, now: number): boolean {
  const pending = bound && readBound(bound);
  return (
    pending !== undefined && pending !== null && !isBinding(pending) && pending.challenge === jti && now < pending.until
  );
}

/**
 * Renews the proof for a browser that signs the challenge with the session's key. Any other answer gets the
 * challenge to sign, which ends nothing: so no copy of the cookie can end the binding of the browser that has the key.
 */
export async function refresh(asked: Asked): Promise<OwnAnswer> {
  const { core, config, head, cookie } = asked;
  const id = sessionIdIn(head);
  if (id === undefined) return empty(400);
  const found = await find(core, cookie);
  // A request that was sent before its id was replaced tries again with the new one.
  if (found === "busy") return empty(503);
  const { meta } = found?.content ?? {};
  if (!found || !meta?.bound) return over(id);
  const binding = readBound(meta.bound);
  if (!binding) return empty(503);
  if (!isBinding(binding) || binding.id !== id) return over(id);
  const header = head.headers.get("secure-session-response");
  if (!header) return challenge(asked, found, id);
  const proof = readProof(header);
  const wrong = proof ? await faultOf(proof, binding, asked) : "it is no JWT of a browser";
  if (!proof || wrong) {
    violated(core, meta, `a refresh was refused: ${wrong}`);
    return challenge(asked, found, id);
  }
  const value = randomText();
  const digest = await digestOf(value);
  const done = await swap<Binding | "stale" | "replay" | "over">(core, found, (newest) => {
    const now = core.config.now();
    const current = newest.bound ? readBound(newest.bound) : null;
    if (!isBinding(current) || current.id !== id) return { result: "over" };
    if (current.challenge !== proof.jti) return { result: current.previous === proof.jti ? "stale" : "replay" };
    if (isOld(current, now, config)) return { result: "stale" };
    const next = refreshed(current, now, randomText(), digest, config.lifetime);
    return { bound: { ...next }, result: next };
  });
  if (done === null || done === "over") return over(id);
  if (done === "replay") violated(core, meta, "a refresh was refused: it signs a challenge that was not asked for");
  if (done === "replay" || done === "stale") return challenge(asked, found, id);
  if (config.reportRefresh) tell(core, "binding_refreshed", meta);
  return bound(config, done, value, []);
}

/** Why a JWT is not that of the browser that holds the key. */
async function faultOf(proof: Proof, binding: Binding, { head, config }: Asked): Promise<string | undefined> {
  if (proof.jwk !== undefined) return "it shows a key";
  if (proof.alg !== binding.alg) return "another algorithm than the key's";
  if (!isFor(proof, head, config.refreshPath)) return "it is for another address";
  return (await isSignedBy(proof, binding)) ? undefined : "another key signed it";
}

/** Asks for a signature. The challenge stays the same until it is used or old, so asking often changes nothing. */
async function challenge({ core, config }: Asked, found: Found, id: string): Promise<OwnAnswer> {
  const text = await swap<string | null>(core, found, (meta) => {
    const now = core.config.now();
    const current = meta.bound ? readBound(meta.bound) : null;
    if (!isBinding(current) || current.id !== id) return { result: null };
    if (!isOld(current, now, config)) return { result: current.challenge };
    const next = { ...current, previous: current.challenge, challenge: randomText(), issued: now };
    return { bound: next, result: next.challenge };
  });
  if (text === null) return over(id);
  return { ...empty(403), headers: [...common, ["secure-session-challenge", challengeFor(id, text)]] };
}

/** A challenge outlives its proof cookie, so that most refreshes take one request. */
function isOld({ issued }: Binding, now: number, { lifetime }: BoundConfig): boolean {
  return now >= issued + lifetime + 900_000;
}

/** The live session of a request; `"busy"` if the browser has to ask again: the id is being replaced, or several cookies have the name. */
async function find(
  { config, records, everybody }: BinderCore,
  cookie: string | null | undefined,
): Promise<Found | null | "busy"> {
  const token = config.carrier.find(cookie);
  if (token === undefined) return null;
  const found = token === null ? null : await records.find(token, true);
  if (token === null || (found && "late" in found)) return "busy";
  if (!found?.content || isOver(config.now(), found.content.meta, config.timeouts)) return null;
  const { era = 0 } = found.content.meta;
  return everybody && era < (await everybody.recent()) ? null : found;
}

/** Browsers may say who a JWT is for, and need not. */
function isFor({ aud }: Proof, { headers }: RequestHead, path: string): boolean {
  if (aud === undefined) return true;
  if (typeof aud !== "string" || !URL.canParse(aud)) return false;
  const { host, pathname } = new URL(aud);
  return pathname === path && host === (headers.get("host") ?? host);
}

function tell(
  { config }: BinderCore,
  type: "session_bound" | "binding_refreshed" | "binding_violated",
  { handle, subject }: Meta,
  reason?: string,
): void {
  config.events.emit(type, { handle, subject, ...(reason !== undefined && { reason }) });
}

/** Tells that something without the key acts as the browser. */
export function violated(core: BinderCore, meta: Meta, reason: string): void {
  tell(core, "binding_violated", meta, reason);
}

const common: OwnAnswer["headers"] = [
  ["cache-control", "no-store"],
  ["cross-origin-resource-policy", "same-origin"],
];

function empty(status: number): OwnAnswer {
  return { status, headers: common, body: "" };
}

function json(value: object, headers: OwnAnswer["headers"]): OwnAnswer {
  return {
    status: 200,
    headers: [...common, ["content-type", "application/json"], ...headers],
    body: JSON.stringify(value),
  };
}

/** The session has ended, or is bound no more: the browser forgets its key. */
function over(id: string): OwnAnswer {
  return json({ session_identifier: id, continue: false }, []);
}

/** The answer that keeps the session bound: the rules, the proof cookie and the next challenge. */
function bound(config: BoundConfig, { id, challenge }: Binding, value: string, more: OwnAnswer["headers"]): OwnAnswer {
  const { cookies, refreshPath, lifetime, scope } = config;
  const credentials = [{ type: "cookie", name: cookies.proof.name, attributes: cookies.attributes }];
  return json({ session_identifier: id, refresh_url: refreshPath, scope, credentials }, [
    ["set-cookie", cookies.proof.set(value, lifetime / 1000)],
    ...more,
    ["secure-session-challenge", challengeFor(id, challenge)],
  ]);
}
