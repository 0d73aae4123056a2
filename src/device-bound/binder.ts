/** The binder: judges requests by their proof, and finds those that the sessions answer themselves. */

import { findCookie } from "../core/client/cookie.ts";
import type { Binder, OwnAnswer, RequestHead, ResponseHead } from "../core/contracts/device-bound.ts";
import { SessionError } from "../core/contracts/errors.ts";
import type { Meta } from "../core/contracts/format.ts";
import type { Found, Late } from "../core/contracts/records.ts";
import { isBinding, judgeProof, readBound, type Verdict } from "./binding.ts";
import type { BinderCore } from "./core.ts";
import { type Asked, digestOf, randomText, refresh, register, violated } from "./endpoints.ts";
import { comesFromOutside, pathIn, registration, skippedIn } from "./headers.ts";
import type { BoundConfig } from "./options.ts";
import { reloadPage } from "./reload.ts";
import { type BoundFound, swap, write } from "./swap.ts";

/** How long a browser may take from the login to its registration, in milliseconds. */
const registrationTime = 600_000;
const registrationHeader = "secure-session-registration";

/** Binds the sessions of one manager to the browsers that log in to them. */
export class DeviceBinder implements Binder {
  readonly #core: BinderCore;
  readonly #config: BoundConfig;

  constructor(core: BinderCore, config: BoundConfig) {
    this.#core = core;
    this.#config = config;
  }

  begin(): NonNullable<Meta["bound"]> {
    return { challenge: randomText(), until: this.#core.config.now() + registrationTime };
  }

  write(headers: ResponseHead, bound: Meta["bound"], cookie: string | null | undefined): void {
    const { algorithms, registerPath, cookies } = this.#config;
    const { challenge } = bound ?? {};
    if (typeof challenge === "string") {
      const value = registration(algorithms, registerPath, challenge);
      if (!headers.get(registrationHeader)?.includes(value)) headers.append(registrationHeader, value);
    }
    // Those of a binding before would only lead astray.
    for (const one of [cookies.proof, cookies.marker]) {
      const isPresent = findCookie(cookie, one.name) !== undefined;
      if (isPresent && !headers.get("set-cookie")?.includes(one.remove())) headers.append("set-cookie", one.remove());
    }
  }

  async judge(found: Found, cookie: string | null | undefined, head: RequestHead | undefined): Promise<Found | Late> {
    const { meta } = (found as BoundFound).content;
    const value = findCookie(cookie, this.#config.cookies.proof.name);
    const proof = value ? await digestOf(value) : undefined;
    let verdict = this.#verdict(meta, proof);
    if (verdict === "first") return this.#noteSeen(found as BoundFound);
    // A store with a memory in front may not know the newest proof: a write on an old answer is refused, and read again.
    if (verdict === "unknown")
      verdict =
        (await swap(this.#core, found, (newest) => ({
          bound: newest.bound,
          result: this.#verdict(newest, proof),
        }))) ?? verdict;
    if (verdict === "unbound" || verdict === "early" || verdict === "proven" || verdict === "first") return found;
    const skipped = skippedIn(head);
    const linked = head && comesFromOutside(head) ? ", by a link of another origin" : "";
    const why = skipped === undefined ? "" : `; the browser could not renew it (${skipped})`;
    violated(this.#core, meta, `${words[verdict]}${linked}${why}`);
    if (!this.#config.enforces) return found;
    if (skipped === undefined) return { late: undefined };
    const message = `the browser could not prove that the session is its own just now (${skipped}); the session is as it was`;
    throw new SessionError("ERR_SESSION_UNPROVEN", message);
  }

  #verdict({ bound }: Meta, proof: string | undefined): Verdict | "unbound" | "unreadable" {
    const known = bound && readBound(bound);
    if (known === null) return "unreadable";
    return known && isBinding(known) ? judgeProof(known, proof, this.#core.config.now()) : "unbound";
  }

  /** Should this fail, the next request notes it. */
  async #noteSeen(found: BoundFound): Promise<Found> {
    const bound = { ...found.content.meta.bound, seen: true };
    const noted = await write(this.#core, found, bound).catch(() => null);
    return noted ?? found;
  }

  answerTo(head: RequestHead, cookie: string | null | undefined): (() => Promise<OwnAnswer>) | undefined {
    const { registerPath, refreshPath, enforces, cookies } = this.#config;
    if (head.method === "POST") {
      const path = pathIn(head.url);
      const asked = { core: this.#core, config: this.#config, head, cookie };
      if (path === refreshPath) return () => this.#answer(refresh, asked);
      return path === registerPath ? () => this.#answer(register, asked) : undefined;
    }
    if (!enforces || !comesFromOutside(head) || findCookie(cookie, cookies.marker.name) === undefined) return undefined;
    const needsProof = findCookie(cookie, cookies.proof.name) === undefined && this.#core.config.carrier.find(cookie);
    return needsProof ? async () => reloadPage(pathIn(head.url, true)) : undefined;
  }

  /** A browser ends its binding at most other answers; at a 503 it goes on without a proof, and tries again. */
  async #answer(answer: (asked: Asked) => Promise<OwnAnswer>, asked: Asked): Promise<OwnAnswer> {
    try {
      return await answer(asked);
    } catch (error) {
      this.#core.config.events.emit("save_failed", { reason: "a binding could not be read or saved", error });
      return { status: 503, headers: [["cache-control", "no-store"]], body: "" };
    }
  }

  async handle(request: Request): Promise<Response | undefined> {
    const answer = this.answerTo(request, request.headers.get("cookie"));
    if (!answer) return undefined;
    const { status, headers, body } = await answer();
    return new Response(body, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) });
  }
}

const words: Readonly<Record<"missing" | "ended" | "unknown" | "unreadable", string>> = {
  missing: "the proof of the browser is missing",
  ended: "the proof of the browser has ended",
  unknown: "the proof is none of this session's",
  unreadable: "the binding cannot be read",
};
