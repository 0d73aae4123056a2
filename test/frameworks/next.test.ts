/** Next.js: the framework suite through a route handler, and server actions, components and the proxy. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import makeFetchCookie from "fetch-cookie";
import { createSessions } from "sojourn";
import { type NextOptions, nextSessions } from "sojourn/frameworks/next";
import { memoryStore } from "sojourn/stores/memory";
import {
  countedStore,
  type Fault,
  type FrameworkHarness,
  faultyStore,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { start } from "../examples/demo-process.ts";
import { describeExplain } from "../observe/explain-cases.ts";
import { ours } from "../support/faulty-sessions.ts";
import { closedRedirect, responseOf } from "../support/fetch-reply.ts";
import { buildNextApp, type NextApp, nextProgram } from "../support/next-app.ts";
import { type Backends, connections, type PooledData, probe, startBackends } from "../support/pooled.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { caches, describeCaches, visit } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "next", server: nodeServer, clients: [clientVersion("next"), clientVersion("react")] });

let built: NextApp;
beforeAll(async () => {
  built = await buildNextApp();
}, 240_000);
afterAll(() => built?.remove());

const respond = (reply: Reply): Response => responseOf(reply, { redirect: closedRedirect });

const trials = new Map<string, (request: Request) => Promise<Response>>();
/** What `next/headers` is in the application. */
let real: Pick<NextOptions, "cookies" | "headers">;
Object.assign(globalThis, {
  [Symbol.for("sojourn trial")](request: Request, functions: typeof real) {
    real = functions;
    return trials.get(request.headers.get("x-trial") ?? "")?.(request);
  },
});
const [cookies, headers] = [() => real.cookies(), () => real.headers()];

function handlerOf({ sessions, handle, onError }: TrialApp): (request: Request) => Promise<Response> {
  const onErrorOf = async (error: unknown, request: Request): Promise<Response> =>
    respond(await onError(error, request));
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    return respond(await handle(request, pathname.replace(/^\/trial/, "") + search, () => request.text()));
  };
  return sessions.reduceRight<(request: Request) => Promise<Response>>(
    (inner, one) => nextSessions(one, { cookies, headers, onError: onErrorOf }).route(inner),
    handler,
  );
}

const harness: FrameworkHarness = {
  name: clientVersion("next"),
  lacks: {
    attach: "route handlers are wrapped: nothing is mounted before them",
    file: "route handlers send no files",
    "error page": "what a route handler throws is answered with 500 by Next, and no page of the application gets it",
  },
  start(trial) {
    const name = `${trials.size}`;
    trials.set(name, handlerOf(trial));
    return built.serve((request) => {
      if (!request.url?.startsWith("/device-bound/")) request.url = `/trial${request.url}`;
      Object.assign(request.headers, { "x-trial": name });
    });
  },
};

describeCases(harness.name, frameworkConformance(harness));
describeCaches(harness);
describeExplain("Next", (app) => Promise.resolve(harness.start(app)), {
  untrusted_proxy: "Next trusts x-forwarded-proto",
});

const state = { fault: "pass" as Fault, warnings: [] as string[], ahead: 0 };
const now = (): number => Date.now() + state.ahead;
const store = countedStore(faultyStore(memoryStore({ now }), () => state.fault));
Object.assign(globalThis, {
  [Symbol.for("sojourn probe")]: { store, now, warn: (message: string) => state.warnings.push(message) },
});

describe("callbacks of shared connections", () => {
  let backends: Backends;
  beforeAll(async () => {
    backends = await startBackends();
  }, 120_000);
  afterAll(() => Promise.all([backends.postgres.stop(), backends.memcached.stop()]));

  test.each(Object.keys(connections))("%s opened by another request have no current session", async (kind) => {
    for (const call of ["current", "getSession"]) {
      const sessions = createSessions<PooledData>({ store: memoryStore(), current: true, cookie: { secure: false } });
      const { route, getSession } = nextSessions(sessions, { cookies, headers });
      const { handle, visit, close } = probe(sessions, backends, kind);
      const own = call === "getSession" ? getSession : undefined;
      const name = `pooled ${kind} ${call}`;
      trials.set(
        name,
        route(async (request) => new Response(await handle(request, new URL(request.url).pathname.slice(6), own))),
      );
      const server = await built.serve((request) => {
        request.url = `/trial${request.url}`;
        Object.assign(request.headers, { "x-trial": name });
      });
      running.push(server);
      await visit(server.url);
      await close();
    }
  });
});

interface Shown {
  readonly subject?: string;
  readonly isNew: boolean;
  readonly data: Record<string, unknown>;
  readonly same: boolean;
  readonly outcome?: string;
}

/** A browser without scripts, at the pages of the tests. */
async function browser() {
  const server = await built.serve();
  running.push(server);
  const jar = new CookieJar();
  const fetching = makeFetchCookie(fetch, jar);
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetching(server.url + path, { redirect: "manual", ...init });
  const shown = async (response: Response): Promise<Shown> => {
    const text = /<pre>(.*?)<\/pre>/.exec(await response.text())?.[1] ?? "";
    return JSON.parse(text.replaceAll("&quot;", '"')) as Shown;
  };
  const actions = async (): Promise<string[]> => {
    const page = await (await ask("/probe")).text();
    return [...page.matchAll(/name="(\$ACTION_ID_[0-9a-f]+)"/g)].map(([, name]) => name as string);
  };
  return {
    ask,
    shown: async (path: string) => shown(await ask(path)),
    showing: shown,
    /** Sends the form of an action. */
    async act(fields: Record<string, string>, which = 0): Promise<Response> {
      const body = new FormData();
      body.append((await actions())[which] ?? "", "");
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      return ask("/probe", { method: "POST", body, headers: { origin: server.url } });
    },
    /** What a browser with scripts sends. */
    async call(fields: Record<string, string>): Promise<Response> {
      const id = (await actions())[0]?.replace("$ACTION_ID_", "") ?? "";
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(`_1_${name}`, value);
      body.append("0", '["$K1"]');
      return ask("/probe", { method: "POST", body, headers: { origin: server.url, "next-action": id } });
    },
  };
}

const running: RunningApp[] = [];
afterEach(async () => {
  state.fault = "pass";
  state.ahead = 0;
  store.reset();
  for (const one of running.splice(0)) await one.close();
});

describe("server actions", () => {
  test("changes of an action are saved, and the page in its response shows them", async () => {
    const { act, shown, showing } = await browser();
    const answer = await act({ what: "set", a: "1" });
    expect(ours(answer)).toEqual([
      expect.stringMatching(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=lax$/),
    ]);
    expect(await showing(answer)).toMatchObject({ isNew: false, data: { a: "1" } });
    store.reset();
    const second = await act({ what: "set", a: "2" });
    expect(ours(second)).toEqual([]);
    expect(await showing(second)).toMatchObject({ data: { a: "2" } });
    expect(await shown("/probe")).toMatchObject({ data: { a: "2" }, same: true });
  });

  test("works the same in a browser with JavaScript", async () => {
    const { call, shown } = await browser();
    const answer = await call({ what: "set", a: "1" });
    expect([answer.status, ours(answer).length]).toEqual([200, 1]);
    expect(await answer.text()).toContain('\\"a\\":\\"1\\"');
    expect(await shown("/probe")).toMatchObject({ data: { a: "1" } });
  });

  test("a login before redirect() is saved, persistent, with the whole cookie", async () => {
    const { act, shown } = await browser();
    await act({ what: "set", a: "1" });
    const answer = await act({ what: "login" });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/probe"]);
    expect(ours(answer)[0]).toMatch(/; Path=\/; Expires=.*; Max-Age=\d+; Secure; HttpOnly; SameSite=lax$/);
    expect(await shown("/probe")).toMatchObject({ subject: "ada", data: { a: "1" } });
  });

  test("a logout removes the cookie, and the page in its response has no session", async () => {
    const { act, shown, showing } = await browser();
    await act({ what: "login" });
    const answer = await act({ what: "logout" });
    expect(ours(answer)[0]).toMatch(
      /^__Host-session=; Path=\/; Expires=Thu, 01 Jan 1970 .*Secure; HttpOnly; SameSite=lax$/,
    );
    expect(await showing(answer)).toMatchObject({ isNew: true, data: {} });
    expect((await shown("/probe")).subject).toBeUndefined();
  });

  test("notFound() is no failure; after another error nothing is saved", async () => {
    const { act, shown } = await browser();
    expect((await act({ what: "missing" })).status).toBe(404);
    expect(await shown("/probe")).toMatchObject({ data: { a: "before notFound" } });
    expect((await act({ what: "fail" })).status).toBe(500);
    expect(await shown("/probe")).toMatchObject({ data: { a: "before notFound" } });
  });

  test("a save before an error stays", async () => {
    const { act, call, shown } = await browser();
    await act({ what: "set", a: "1" });
    expect((await act({ what: "saveAndFail" })).status).toBe(500);
    expect(await shown("/probe")).toMatchObject({ data: { a: "saved" } });
    expect((await call({ what: "fail" })).status).toBe(500);
  });

  test("the application's own cookies stay beside the session's", async () => {
    const { act, showing } = await browser();
    const answer = await act({ what: "beside" });
    expect(
      answer.headers
        .getSetCookie()
        .map((line) => line.split("=")[0])
        .sort(),
    ).toEqual(["__Host-session", "own"]);
    expect(await showing(answer)).toMatchObject({ data: { a: "beside" } });
  });

  test("an action may call another; sessions.current() is the session; an action without session costs nothing", async () => {
    const { act, shown } = await browser();
    await act({ what: "nested" });
    expect(await shown("/probe")).toMatchObject({ data: { a: "nested", inner: "yes" } });
    await act({ what: "current" });
    expect(await shown("/probe")).toMatchObject({ data: { a: "true" } });
    const other = await browser();
    store.reset();
    expect(ours(await other.act({ what: "nothing" }))).toEqual([]);
    expect(store.total).toBe(0);
  });

  test("of two parallel actions, the changes of both are kept", async () => {
    const { ask, shown } = await browser();
    expect(ours(await ask("/probe/beside"))).toHaveLength(1);
    expect(await shown("/probe")).toMatchObject({ data: { quick: "yes", slow: "yes" } });
  });

  test("when the store fails the action fails, gives the reason in the digest, and the cookie stays", async () => {
    const { act, call, shown } = await browser();
    await act({ what: "set", a: "1" });
    state.fault = "throw-before";
    // The page of the form can be read no more.
    const [page] = [await (await browser()).call({ what: "set", a: "2" })];
    expect(page.status).toBe(500);
    expect(await page.text()).toContain("ERR_SESSION_STORE_UNAVAILABLE");
    expect(ours(page)).toEqual([]);
    state.fault = "pass";
    expect((await call({ what: "set", a: "3" })).status).toBe(200);
    expect(await shown("/probe")).toMatchObject({ data: { a: "3" } });
  });

  test("an unwrapped action cannot change the session, and fails", async () => {
    const { act, shown } = await browser();
    await act({ what: "set", a: "1" });
    expect((await act({}, 1)).status).toBe(500);
    expect(await shown("/probe")).toMatchObject({ data: { a: "1" } });
  });
});

describe("server components", () => {
  test("a session is read once for all components; a request without a cookie reads nothing", async () => {
    const { act, shown } = await browser();
    expect(await shown("/probe")).toMatchObject({ isNew: true, data: {}, same: true });
    expect(store.total).toBe(0);
    await act({ what: "set", a: "1" });
    store.reset();
    await shown("/probe");
    expect(store.calls).toEqual({ read: 1 });
  });

  test("a change throws where it is made, and nothing is changed", async () => {
    const { ask, shown } = await browser();
    await ask("/probe/route?end=list");
    for (const attempt of ["set", "remove", "update", "login", "destroy"])
      expect(await shown(`/probe?attempt=${attempt}`)).toMatchObject({ outcome: "ERR_SESSION_READ_ONLY" });
    expect(await shown("/probe?attempt=nested")).toMatchObject({ outcome: "TypeError" });
    expect(await shown("/probe")).toMatchObject({ data: { a: "list", list: ["1"] } });
  });

  test("a page view keeps the session alive", async () => {
    const { act, shown } = await browser();
    await act({ what: "set", a: "1" });
    store.reset();
    for (let minutes = 0; minutes < 150; minutes += 50) {
      state.ahead += 50 * 60_000;
      expect(await shown("/probe")).toMatchObject({ data: { a: "1" } });
    }
    expect(store.calls).toEqual({ read: 3, touch: 3 });
    state.ahead += 61 * 60_000;
    expect(await shown("/probe")).toMatchObject({ isNew: true, data: {} });
  });

  test("an outage is an error page, and the user stays logged in", async () => {
    const { act, ask, shown } = await browser();
    await act({ what: "login" });
    state.fault = "throw-before";
    const page = await ask("/probe");
    expect(await page.text()).toContain("ERR_SESSION_STORE_UNAVAILABLE");
    expect(ours(page)).toEqual([]);
    state.fault = "pass";
    expect((await shown("/probe")).subject).toBe("ada");
  });
});

describe("route handlers", () => {
  test("changes before redirect() and notFound() are saved; before another error they are not", async () => {
    const { ask, shown } = await browser();
    for (const [end, status, location] of [
      ["redirect", 307, "/probe?a;b"],
      ["permanent", 308, "/probe"],
      ["missing", 404, null],
    ] as const) {
      const answer = await ask(`/probe/route?end=${end}`);
      expect([answer.status, answer.headers.get("location")]).toEqual([status, location]);
      expect(await shown("/probe")).toMatchObject({ data: { a: end } });
    }
    expect((await ask("/probe/route?end=fail")).status).toBe(500);
    expect(await shown("/probe")).toMatchObject({ data: { a: "missing" } });
  });

  test("cookies() of Next work beside ours: both are sent, ours unchanged", async () => {
    const { ask } = await browser();
    const answer = await ask("/probe/route?end=cookies");
    expect(answer.headers.getSetCookie()).toHaveLength(2);
    expect(ours(answer)[0]).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=lax$/);
  });

  test("getSession() in a route handler is the request's session", async () => {
    const { ask } = await browser();
    expect(await (await ask("/probe/route?end=read")).json()).toEqual({ list: ["1"], a: "read" });
  });

  test("proxy.ts: its changes are saved before the route runs, and before a redirect", async () => {
    const { ask } = await browser();
    expect(ours(await ask("/probe/passed"))).toHaveLength(1);
    expect(await (await ask("/probe/passed")).json()).toEqual({ passed: 2 });
    const away = await ask("/probe/passed?away");
    expect([away.status, away.headers.get("location")?.endsWith("/elsewhere")]).toEqual([307, true]);
    expect(await (await ask("/probe/passed")).json()).toEqual({ passed: 4 });
  });

  test("a prerendered route handler has no session, and its response sets no cookie", async () => {
    const { ask } = await browser();
    for (const path of ["/probe/static", "/probe/static-page"]) {
      const answer = await ask(path);
      expect([answer.status, ours(answer)]).toEqual([200, []]);
      expect(await answer.text()).toContain("is prerendered");
    }
  });

  test.each(["/probe/members", "/probe/rewritten"])(
    "a static page behind a proxy that reads the session: no shared cache gives %s to another client",
    async (path) => {
      const { ask, act } = await browser();
      const cookie = ours(await act({ what: "login" }))[0]?.split(";")[0];
      const direct = await ask(path);
      expect([direct.status, direct.headers.get("cache-control")]).toEqual([200, "private"]);
      const port = Number(new URL(running.at(-1)?.url as string).port);
      for (const [name, open] of Object.entries(caches)) {
        const cache = await open(port);
        try {
          for (const who of ["member", "stranger", "member", "stranger"]) {
            const { status, text } = await visit(cache.url + path, who === "member" ? cookie : undefined);
            const seen = { name, who, status, page: text.includes("for members") };
            expect(seen).toEqual({ name, who, status: who === "member" ? 200 : 307, page: who === "member" });
          }
        } finally {
          await cache.stop();
        }
      }
    },
  );

  test("two cookies of different value are refused by pages as well", async () => {
    const server = await built.serve();
    running.push(server);
    const [one, two] = ["A".repeat(43), "B".repeat(43)];
    const page = await fetch(`${server.url}/probe`, {
      headers: { cookie: `__Host-session=${one}; __Host-session=${two}` },
    });
    expect(await page.text()).toContain("isNew");
    expect(store.total).toBe(0);
  });
});

test("wrong options are refused where they are passed", () => {
  const sessions = createSessions({ store });
  const real = { cookies: cookies, headers: headers };
  expect(() => nextSessions(sessions, undefined as never)).toThrow(
    "cookies must be the function cookies of next/headers",
  );
  expect(() => nextSessions(sessions, { ...real, headers: {} as never })).toThrow(
    "headers must be the function headers",
  );
  expect(() => nextSessions(sessions, { ...real, secure: 1 as never })).toThrow(
    "secure must be a function; received 1",
  );
  expect(() => nextSessions(sessions, { ...real, streaming: 1 as never })).toThrow("streaming must be true or false");
});

describe("the example", () => {
  test("counts visits, logs in and out, under next start", async () => {
    const program = start([join(projectRoot, nextProgram), "start", "-p", "0"], {
      cwd: built.directory,
      env: { NEXT_TELEMETRY_DISABLED: "1" },
    });
    try {
      const url = await program.url;
      const visit = makeFetchCookie(fetch, new CookieJar());
      const said = async (path: string): Promise<string> => (await visit(url + path)).text();
      const press = async (): Promise<string> => {
        const body = new FormData();
        body.append(/\$ACTION_ID_[0-9a-f]+/.exec(await said("/"))?.[0] ?? "", "");
        return (await visit(`${url}/`, { method: "POST", body, headers: { origin: url } })).text();
      };
      expect(await said("/visits")).toBe("guest, visit 1\n");
      expect(await said("/visits")).toBe("guest, visit 2\n");
      expect(await said("/")).toContain("guest, 2 visits");
      expect(await press()).toContain("ada, 2 visits");
      expect(await said("/visits")).toBe("ada, visit 3\n");
      expect(await press()).toContain("guest, 0 visits");
    } finally {
      await program.stop();
    }
  });

  test("equals the one in the documentation", () => {
    const page = readFileSync(join(projectRoot, "docs", "frameworks", "next.md"), "utf8");
    for (const file of ["sessions.ts", "app/visits/route.ts", "app/actions.ts", "app/page.tsx"]) {
      const program = readFileSync(join(projectRoot, "examples", "next", file), "utf8");
      const shown = program.replace(/^\/\*\*.*\n\n/, "").replace(/^\/\/ biome-ignore.*\n/m, "");
      // As Next sets TypeScript up, imports have no extension.
      expect(page).toContain(shown.replace(/(from "\.[^"]+)\.ts"/g, '$1"'));
    }
  });
});
