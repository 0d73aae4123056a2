/** Every reason of `sojourn/explain`, one by one, over the HTTP of a real server. */

import { createSessions, encrypted, jsonFormat, type SessionOptions, sealedToken, signedToken } from "sojourn";
import { type Explanation, explain, explainHeader, type ReasonCode } from "sojourn/explain";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import type { RunningApp, TrialApp } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { visitor } from "./visitor.ts";

const [secret, other] = ["a secret of at least 32 characters, one", "a secret of at least 32 characters, two"];
const id = "A".repeat(43);

type Kept = ReturnType<typeof createSessions>;

/** What a case has to prepare with. */
interface Stage {
  readonly clock: { now: number };
  readonly sessions: Kept;
  /** A visit to them without HTTP; answers the cookie. */
  visit(handler: (session: Awaited<ReturnType<Kept["get"]>>) => unknown, cookie?: string): Promise<string>;
  /** Other sessions over the same store. */
  others(options: Partial<SessionOptions>): Stage;
  /** The explanation over HTTP. */
  why(cookie?: string): Promise<Explanation>;
}

interface Case {
  readonly code: ReasonCode;
  readonly because: string;
  readonly options?: Partial<SessionOptions>;
  readonly headers?: Record<string, string>;
  /** Where the request goes to. Default `/why`. */
  readonly path?: string;
  /** Gives the cookie of the request that is explained. */
  cookie?(stage: Stage): Promise<string> | string;
}

const login = (stage: Stage): Promise<string> => stage.visit((session) => session.login("ada"));
const named = (value: string): string => `__Host-session=${value}`;
const broken = () => ({ ...memoryStore(), read: () => Promise.reject(new Error("down")) });
const refusing = { "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "no" }] }) } };

const undeletable = { ...memoryStore(), delete: () => Promise.reject(new Error("no")) };
const inCookies = cookieStore({ secrets: secret, revocations: memoryStore() });

/** In another process. */
async function loggedOut(stage: Stage): Promise<string> {
  const cookie = await login(stage);
  await stage.visit((session) => session.destroy(), cookie);
  return cookie;
}

/** The decisive reason, or one that is named beside it. */
const cases: readonly Case[] = [
  { code: "found", because: "its session is there", cookie: login },
  { code: "no_cookie", because: "it is the first visit" },
  { code: "several_cookies", because: "two of one name came", cookie: () => `${named(id)}; ${named("B".repeat(43))}` },
  { code: "malformed", because: "the value is no id", cookie: () => named("short") },
  {
    code: "malformed",
    because: "the value was made before ids were signed",
    options: { token: signedToken(secret) },
    cookie: () => named(id),
  },
  ...[signedToken, sealedToken].map((token) => ({
    code: "other_secret" as const,
    because: `another secret made it (${token.name})`,
    options: { token: token(secret) },
    cookie: (stage: Stage) => login(stage.others({ token: token(other) })),
  })),
  {
    code: "other_secret",
    because: "another secret sealed the session in the cookie",
    options: { store: cookieStore({ secrets: secret }) },
    cookie: (stage) => login(stage.others({ store: cookieStore({ secrets: other }) })),
  },
  {
    code: "unreadable",
    because: "its secret has not come to this process yet",
    options: { token: sealedToken(secret) },
    cookie: (stage) => login(stage.others({ token: sealedToken([other, secret]) })),
  },
  { code: "no_such_session", because: "nothing is under the id", cookie: () => named(id) },
  {
    code: "no_such_session",
    because: "the session is under another prefix",
    cookie: (stage) => login(stage.others({ keyPrefix: "other:" })),
  },
  {
    code: "logged_out",
    because: "the session was logged out after it was seen",
    async cookie(stage) {
      const cookie = await login(stage);
      await stage.why(cookie);
      await stage.visit((session) => session.destroy(), cookie);
      return cookie;
    },
  },
  {
    code: "revoked",
    because: "the session was revoked after it was seen",
    async cookie(stage) {
      const cookie = await login(stage);
      await stage.why(cookie);
      await stage.sessions.revoke("ada");
      return cookie;
    },
  },
  {
    code: "ended",
    because: "the session was logged out, and its record could not be removed",
    options: { store: undeletable },
    cookie: (stage) => loggedOut(stage.others({ store: undeletable })),
  },
  {
    code: "ended",
    because: "the session in the cookie was logged out",
    options: { store: inCookies },
    cookie: (stage) => loggedOut(stage.others({ store: inCookies })),
  },
  {
    code: "replaced",
    because: "a login gave the session another id",
    async cookie(stage) {
      const cookie = await stage.visit((session) => Object.assign(session.data, { n: 1 }));
      await stage.visit((session) => session.login("ada"), cookie);
      return cookie;
    },
  },
  {
    code: "old_id",
    because: "the old id of a renewal came back after the new one was seen",
    options: { renewAfter: "10m", renewGrace: "1m" },
    async cookie(stage) {
      const cookie = await login(stage);
      stage.clock.now += 660_000;
      const renewed = await stage.visit(() => {}, cookie);
      await stage.visit(() => {}, renewed);
      stage.clock.now += 120_000;
      return cookie;
    },
  },
  {
    code: "expired_idle",
    because: "the session was unused for the idle timeout after it was seen",
    async cookie(stage) {
      const cookie = await login(stage);
      await stage.why(cookie);
      stage.clock.now += 3_600_000;
      return cookie;
    },
  },
  {
    code: "expired_absolute",
    because: "the session has lived for the absolute timeout after it was seen",
    options: { absoluteTimeout: "30m" },
    async cookie(stage) {
      const cookie = await login(stage);
      await stage.why(cookie);
      stage.clock.now += 1_800_000;
      return cookie;
    },
  },
  {
    code: "expired_absolute",
    because: "the absolute timeout was shortened",
    options: { absoluteTimeout: "10m" },
    async cookie(stage) {
      const cookie = await login(stage.others({ absoluteTimeout: "24h" }));
      stage.clock.now += 660_000;
      return cookie;
    },
  },
  ...(["expired_idle", "expired_absolute"] as const).map((code) => ({
    code,
    because: `the cookie itself says so (${code})`,
    options: {
      store: cookieStore({ secrets: secret }),
      idleTimeout: code === "expired_idle" ? "10m" : false,
      absoluteTimeout: "1h",
    } as const,
    async cookie(stage: Stage) {
      const cookie = await login(stage);
      stage.clock.now += code === "expired_idle" ? 660_000 : 3_660_000;
      return cookie;
    },
  })),
  {
    code: "undecodable",
    because: "the record was encrypted with another secret",
    options: { format: encrypted(jsonFormat(), secret) },
    cookie: (stage) => login(stage.others({ format: encrypted(jsonFormat(), other) })),
  },
  {
    code: "schema_refused",
    because: "the schema refuses the data",
    options: { schema: refusing as never },
    cookie: (stage) => login(stage.others({})),
  },
  { code: "store_unavailable", because: "the store is down", options: { store: broken() }, cookie: () => named(id) },
  { code: "skipped", because: "the route has no session", path: "/why?skip" },
  { code: "not_mounted", because: "no adapter has opened the request", path: "/why?mounted=no" },
  { code: "not_asked", because: "the handler asked for nothing", path: "/why" },
  { code: "nothing_to_keep", because: "the new session is empty", path: "/why?ask" },
  { code: "secure_over_http", because: "the cookie is Secure and the request is not" },
  { code: "untrusted_proxy", because: "a proxy says https", headers: { "x-forwarded-proto": "https" } },
  { code: "untrusted_proxy", because: "a proxy says https", headers: { forwarded: 'for=192.0.2.1;proto="https"' } },
  {
    code: "host_only_beside_domain",
    because: "the name came twice and the cookie has a domain",
    options: { cookie: { domain: "localhost" } },
    cookie: () => `__Secure-session=${id}; __Secure-session=${"B".repeat(43)}`,
  },
  {
    code: "partitioned_beside_plain",
    because: "the name came twice and the cookie is partitioned",
    options: { cookie: { partitioned: true, sameSite: "none" } },
    cookie: () => `${named(id)}; ${named("B".repeat(43))}`,
  },
  { code: "other_name", because: "the prefix is another", cookie: () => `session=${id}` },
  { code: "other_name", because: "the case is another", cookie: () => `__host-Session=${id}` },
  { code: "cross_site", because: "another site sent it", headers: { "sec-fetch-site": "cross-site" } },
  { code: "outside_path", because: "the path is another", options: { cookie: { path: "/shop" } } },
  { code: "outside_domain", because: "the host is another", options: { cookie: { domain: "example.com" } } },
];

/** Starts an application with sessions of the case. */
export type StartExplained = (app: TrialApp) => Promise<RunningApp>;

/**
 * Describes all cases over the server that `start` gives.
 *
 * @param lacks Codes that cannot come to pass there, and why.
 */
export function describeExplain(
  name: string,
  start: StartExplained,
  lacks: Partial<Record<ReasonCode, string>> = {},
): void {
  async function stageOf({ options, headers, path = "/why" }: Case) {
    const clock = { now: 1_800_000_000_000 };
    const store = memoryStore({ now: () => clock.now });
    const make = (more: Partial<SessionOptions> = {}): Kept =>
      createSessions({ store, now: () => clock.now, warn: false, wait: async () => {}, ...more });
    const sessions = make(options);
    const stop = explainHeader(sessions);
    const app = await start({
      sessions: [sessions as never],
      attach: undefined,
      async handle(request, url) {
        if (url.includes("skip")) sessions.restrict(request, "skip");
        if (url.includes("ask")) await sessions.get(request);
        const explained = url.includes("mounted=no") ? { url } : request;
        return { kind: "text", text: JSON.stringify(await explain(sessions, explained)) };
      },
      onError: async () => ({ kind: "text", text: "", status: 503 }),
    } as TrialApp);
    const ask = (cookie: string | undefined, at = path): Promise<Response> =>
      fetch(app.url + at, { headers: { ...headers, ...(cookie === undefined ? {} : { cookie }) } });
    const stage = (of: Kept): Stage => ({
      ...{ clock, sessions: of },
      async visit(handler, cookie = "") {
        const visit = visitor(of);
        let sent: string | undefined;
        const failed = await visit(handler, cookie, (set) => {
          sent = set;
        });
        if (failed) throw failed;
        return sent ?? cookie;
      },
      others: (more) => stage(make(more)),
      why: async (cookie) => (await (await ask(cookie)).json()) as Explanation,
    });
    return { ask, stop, app, stage: stage(sessions) };
  }

  describe(`explain on ${name}`, () => {
    for (const one of cases) {
      const missing = lacks[one.code];
      test.skipIf(missing !== undefined)(`${one.code}: ${one.because}${missing ? ` (${missing})` : ""}`, async () => {
        const { stage, stop, app, ask } = await stageOf(one);
        try {
          const cookie = await one.cookie?.(stage);
          const answer = await ask(cookie);
          const text = await answer.text();
          const { found, handle, reasons } = JSON.parse(text) as Explanation;
          const codes = reasons.map(({ code }) => code);
          expect(codes).toContain(one.code);
          expect(found).toBe(one.code === "found" || codes[0] === "found");
          if (found) expect(handle).toBe((await stage.sessions.list("ada"))[0]?.handle);
          expect(reasons.every(({ text }) => text.length > 10)).toBe(true);
          for (const value of (cookie ?? "").split(/[;=~.]/)) if (value.length > 20) expect(text).not.toContain(value);
          const header = answer.headers.get("sojourn-explain");
          if (one.path === "/why?ask") expect(header?.split(", ")).toContain(one.code);
          else expect(header).toBe(null);
        } finally {
          stop();
          await app.close();
        }
      });
    }

    test("the header has the codes where the session is used, and is absent after stop", async () => {
      const { ask, stop, app, stage } = await stageOf({ code: "found", because: "" });
      try {
        const cookie = await login(stage);
        const header = async (given: string): Promise<string | null> =>
          (await ask(given, "/why?ask")).headers.get("sojourn-explain");
        expect(await header(cookie)).toMatch(/^found(, (secure_over_http|untrusted_proxy))?$/);
        expect(await header(named(id))).toMatch(/^no_such_session, nothing_to_keep/);
        stop();
        expect(await header(cookie)).toBe(null);
      } finally {
        await app.close();
      }
    });
  });
}
