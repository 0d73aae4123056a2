/**
 * Why a request has no session, or its response no cookie: for the developer who looks at one.
 *
 * @module
 */

import { wrongArgument } from "./core/contracts/errors.ts";
import { checkKnown } from "./core/contracts/known.ts";
import { oneOf } from "./core/options/checks.ts";
import type { Exchange } from "./core/request/exchange.ts";
import type { Keeping } from "./core/request/kept.ts";
import type { Sessions } from "./core/request/sessions.ts";
import { overHttp } from "./explain/hints.ts";
import { lookFor, sentCookie } from "./explain/look.ts";
import { History } from "./explain/past.ts";
import { type Reason, reason } from "./explain/reasons.ts";

export { type Reason, type ReasonCode, reasonTexts } from "./explain/reasons.ts";

/** The result of {@link explain}. */
export interface Explanation {
  /** Whether a session came with the request. */
  readonly found: boolean;
  /** Its public handle. */
  readonly handle?: string | undefined;
  /** Why there is none, the decisive reason first; then what may be behind it, and why no cookie is sent. */
  readonly reasons: readonly Reason[];
}

/** Options of {@link explainHeader}. */
export interface ExplainHeaderOptions {
  /** The name of the header. Default `"sojourn-explain"`. */
  readonly name?: string | undefined;
  /** Lets it run with `NODE_ENV=production`, where it tells clients whether their cookie is valid. Default false. */
  readonly production?: boolean | undefined;
}

const pasts = new WeakMap<Keeping<never>, History>();

/**
 * Explains why a request has no session, or why its response gets no cookie, with codes for programs and texts for
 * people. It looks for the session a second time, as the request did, and changes nothing. The result contains no id.
 *
 * A store does not remember ended sessions. From its first call on, `explain` remembers how the sessions ended that
 * this process has seen: logged out, revoked, unused for too long. For others the reason is `no_such_session`.
 *
 * @param request What handlers pass to `sessions.get`.
 * @throws `TypeError` when these are not sessions of `createSessions`. It never rejects otherwise.
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import { explain } from "sojourn/explain";
 * import { expressSessions } from "sojourn/frameworks/express";
 *
 * const sessions = createSessions();
 * const app = express().use(expressSessions(sessions));
 * app.get("/why", async (req, res) => {
 *   const { reasons } = await explain(sessions, req);
 *   res.json(reasons); // [{ code: "no_cookie", text: "No session cookie came with the request." }, …]
 * });
 * ```
 */
export async function explain<Data extends object>(sessions: Sessions<Data>, request: object): Promise<Explanation> {
  const kept = keptOf("explain", sessions);
  const past = historyOf(kept);
  const exchange = sessions.exchangeOf(request);
  if (!exchange) return { found: false, reasons: [reason("not_mounted")] };
  return explained(kept, exchange, past);
}

async function explained<Data extends object>(
  kept: Keeping<Data>,
  exchange: Exchange<Data>,
  past: History,
): Promise<Explanation> {
  const { arrived } = exchange;
  if (arrived.skipped) return { found: false, reasons: [reason("skipped")] };
  // What an unused session is looked for does not make it used.
  const looking = kept.kinds.map(async ({ part, config }) => {
    const seen = await lookFor(config, arrived, past);
    return { ...seen, reasons: seen.reasons.map((one) => (part === undefined ? one : { ...one, part })) };
  });
  const all = await Promise.all(looking);
  const found = all.find((one) => one.reasons[0]?.code === "found");
  if (found?.unless && (await isWithheld(exchange, found.handle)))
    return { found: false, reasons: [reason(found.unless)] };
  const reasons = all.flatMap((one) => one.reasons);
  const outgoing = await whyNoCookie(kept, exchange);
  const isKnown = ({ code }: Reason): boolean => reasons.some((one) => one.code === code);
  return {
    found: found !== undefined,
    ...(found?.handle === undefined ? {} : { handle: found.handle }),
    reasons: [...reasons, ...outgoing.filter((one) => !isKnown(one))],
  };
}

/** Whether the handler was given another session than the one that is stored. */
async function isWithheld<Data extends object>(exchange: Exchange<Data>, handle: string | undefined): Promise<boolean> {
  const session = exchange.used ? await exchange.get().catch(() => undefined) : undefined;
  return session?.isNew === true && session.handle !== handle;
}

/** Why the response gets no cookie, or one that is not kept, as far as that is known by now. */
async function whyNoCookie<Data extends object>(kept: Keeping<Data>, exchange: Exchange<Data>): Promise<Reason[]> {
  const { arrived } = exchange;
  if (!exchange.used) return [reason("not_asked")];
  const late = arrived.headersSent ? [reason("headers_sent")] : [];
  const session = await exchange.get().catch(() => undefined);
  if (!session) return late;
  const isEmpty = session.isNew && session.subject === undefined && Object.keys(session.data).length === 0;
  if (isEmpty) return [reason("nothing_to_keep"), ...late];
  if (!session.isNew) return late;
  return [...late, ...kept.kinds.slice(0, 1).flatMap(({ config }) => overHttp(sentCookie(config).removal, arrived))];
}

/**
 * Adds a header with the codes of {@link explain} to every response that used its session: `sojourn-explain: no_cookie,
 * secure_over_http`. For development, with every framework that lets you set response headers (not in actions and
 * components of Next). Each session is read a second time.
 *
 * @returns A function that stops it.
 * @throws `TypeError` when an option is wrong, or with `NODE_ENV=production` unless `production` is true.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { explainHeader } from "sojourn/explain";
 *
 * const sessions = createSessions();
 * if (process.env.NODE_ENV !== "production") explainHeader(sessions);
 * ```
 */
export function explainHeader<Data extends object>(
  sessions: Sessions<Data>,
  options: ExplainHeaderOptions = {},
): () => void {
  checkKnown("explainHeader", options, ["name", "production"]);
  const { name = "sojourn-explain" } = options;
  if (typeof name !== "string" || !/^[a-z0-9-]{1,60}$/i.test(name))
    throw wrongArgument("name", "the name of a header", name);
  if (!oneOf("production", options.production, [false, true]) && isProduction())
    throw new TypeError(
      "explainHeader tells clients whether their cookie is valid, and NODE_ENV is production. Remove it there, or set production: true",
    );
  const kept = keptOf("explainHeader", sessions);
  const past = historyOf(kept);
  const before = sessions.opened;
  const opened = (exchange: Exchange<Data>): void => {
    before?.(exchange);
    const { commit } = exchange;
    exchange.commit = (headers, outcome) => {
      if (!exchange.used) return commit.call(exchange, headers, outcome);
      return explained(kept, exchange, past)
        .then(({ reasons }) => headers.set(name, reasons.map(inHeader).join(", ")))
        .then(() => commit.call(exchange, headers, outcome));
    };
  };
  sessions.opened = opened;
  return () => {
    if (sessions.opened === opened) sessions.opened = before;
  };
}

function inHeader({ code, part }: Reason): string {
  return part === undefined ? code : `${code};part="${part.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "?")}"`;
}

function isProduction(): boolean {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.["NODE_ENV"] === "production";
}

function keptOf<Data extends object>(call: string, sessions: Sessions<Data>): Keeping<Data> {
  const kept = (Object(sessions) as Partial<Sessions<Data>>).kept;
  if (kept && kept.kinds.length > 0) return kept;
  throw wrongArgument(`the first argument of ${call}()`, "sessions of createSessions()", sessions);
}

function historyOf<Data extends object>(kept: Keeping<Data>): History {
  const known = pasts.get(kept as never);
  if (known) return known;
  const past = new History();
  pasts.set(kept as never, past);
  kept.on(past.listener, true);
  return past;
}
