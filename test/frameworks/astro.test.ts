/** Astro 7, built with its adapter for Node: the framework suite, and what is Astro's own. */

import { createReadStream, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { APIContext, AstroGlobal, MiddlewareHandler } from "astro";
import makeFetchCookie from "fetch-cookie";
import type { Session, SessionError } from "sojourn";
import { type AstroContext, astroSessions } from "sojourn/frameworks/astro";
import { type FrameworkHarness, frameworkConformance, type Reply, type RunningApp } from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type BuiltApp, buildApp } from "../support/app-build.ts";
import { faultySessions, ours } from "../support/faulty-sessions.ts";
import { responseOf } from "../support/fetch-reply.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "astro",
  server: nodeServer,
  clients: [clientVersion("astro"), clientVersion("@astrojs/node")],
});

/** What the built application asks for each request. */
interface Trial {
  /** Its middleware, with the adapter as the application has it. */
  middleware(adapter: typeof astroSessions): MiddlewareHandler[];
  /** Its endpoint, for every path but `/page`. */
  endpoint?(context: APIContext): unknown;
  /** The text of `/page`, of a component in it, and of the page for errors. */
  page?(astro: AstroGlobal): unknown;
  component?(astro: AstroGlobal): unknown;
  errorPage?(astro: AstroGlobal): unknown;
}

/** By port. */
const trials = new Map<string, Trial>();
Object.assign(globalThis, { sojournTrials: trials });

let app: BuiltApp;
let handler: (req: IncomingMessage, res: ServerResponse) => void;
beforeAll(async () => {
  app = await buildApp("test/support/astro-app", "astro");
  ({ handler } = await import(/* @vite-ignore */ pathToFileURL(join(app.path, "dist", "server", "entry.mjs")).href));
}, 120_000);
afterAll(async () => {
  await app?.remove();
});

async function serve(trial: Trial): ReturnType<typeof listen> {
  const server = createServer((req, res) => {
    // The trial is found by it, also behind a cache that has another port.
    req.headers.host = `127.0.0.1:${req.socket.localPort}`;
    // What browsers say, without which Astro refuses forms.
    req.headers.origin ??= `http://${req.headers.host}`;
    handler(req, res);
  });
  const running = await listen(server);
  trials.set(new URL(running.url).port, trial);
  return running;
}

const respond = (given: Reply): Response => responseOf(given, { file: createReadStream });

const harness: FrameworkHarness = {
  name: clientVersion("astro"),
  start({ sessions, attach, handle, onError }) {
    /** Astro answers every error with 500: who wants another status has middleware for it. */
    const errors: MiddlewareHandler = (context, next) =>
      next().catch(async (error) => respond(await onError(error, context)));
    const asProperty: MiddlewareHandler = (context, next) => {
      // The suite looks for what is attached among the properties.
      if (attach !== undefined) Object.defineProperty(context, attach, { value: Reflect.get(context.locals, attach) });
      return next();
    };
    const answer = async (error: SessionError, context: AstroContext): Promise<Response> =>
      respond(await onError(error, context));
    return serve({
      middleware: (adapter) => [
        errors,
        ...sessions.map((one) => adapter(one, { attach, onError: answer })),
        asProperty,
      ],
      async endpoint(context) {
        const { pathname, search } = context.url;
        return respond(await handle(context, pathname + search, () => context.request.text()));
      },
    });
  },
};

describeCases(harness.name, frameworkConformance(harness));
describeCaches(harness);

interface Data {
  a: string;
  b: string;
}

const setup = faultySessions<Data>;

const running: RunningApp[] = [];
afterEach(() => {
  for (const one of running.splice(0)) one.close();
});

/** Starts the application, and gives a browser for it that remembers cookies. */
async function browse(trial: Trial) {
  const app = await serve(trial);
  running.push(app);
  const browser = makeFetchCookie(fetch, new CookieJar());
  return (path: string, init: RequestInit = {}): Promise<Response> =>
    browser(app.url + path, { redirect: "manual", ...init });
}

describe("astroSessions", () => {
  test("pages get the session from Astro.locals and Astro.request, also after a rewrite by middleware", async () => {
    const { sessions } = setup();
    const visit = await browse({
      middleware: (adapter) => [
        adapter(sessions),
        ({ url }, next) => (url.pathname === "/old" ? next("/page?rewritten") : next()),
      ],
      async page({ locals, request, url }) {
        const session = await sessions.get(locals);
        const same = url.searchParams.has("rewritten") || session === (await sessions.get(request));
        return `${same} ${session.update("a", (a = "") => `${a}x`)}`;
      },
    });
    const first = await visit("/page");
    expect(await first.text()).toContain("true x");
    expect([ours(first).length, first.headers.get("vary")]).toEqual([1, "Cookie"]);
    const rewritten = await visit("/old");
    expect(await rewritten.text()).toContain("xx");
    expect(ours(rewritten)).toEqual([]);
  });

  test("a rewrite by a page keeps the session, saved once", async () => {
    const { sessions } = setup();
    const visit = await browse({
      middleware: (adapter) => [adapter(sessions)],
      async endpoint(context) {
        const { data } = await sessions.get(context.locals);
        data.a ??= "1";
        if (context.url.pathname === "/go") return context.rewrite("/inner");
        return Response.json(data);
      },
    });
    const answer = await visit("/go");
    expect(await answer.json()).toEqual({ a: "1" });
    expect(ours(answer)).toHaveLength(1);
    expect(await (await visit("/read")).json()).toEqual({ a: "1" });
  });

  test("after a page's redirect the session is saved; Astro's own cookies and locals stay", async () => {
    const { sessions } = setup();
    const visit = await browse({
      middleware: (adapter) => [adapter(sessions, { attach: "visitor" })],
      page(astro) {
        const { visitor } = astro.locals as { visitor: Session<Data> };
        if (visitor.subject) return `${visitor.subject} ${astro.cookies.get("own")?.value}`;
        visitor.login("ada");
        astro.cookies.set("own", "1", { path: "/" });
        return astro.redirect("/page", 303);
      },
    });
    const first = await visit("/page");
    expect([first.status, first.headers.get("location")]).toEqual([303, "/page"]);
    expect(first.headers.getSetCookie()).toHaveLength(2);
    expect(await (await visit("/page")).text()).toContain("ada 1");
  });

  test.each([
    ["is saved", {}, "late"],
    ["is not, with streaming: false", { streaming: false }, "1"],
  ])("a component's change while the page is being sent %s", async (_what, options, expected) => {
    const { sessions } = setup();
    const visit = await browse({
      middleware: (adapter) => [adapter(sessions, options)],
      async endpoint(context) {
        const { data } = await sessions.get(context);
        data.a ??= "1";
        return new Response(data.a);
      },
      page: () => "page",
      async component({ locals }) {
        await wait(50);
        (await sessions.get(locals)).data.a = "late";
        return "component";
      },
    });
    await (await visit("/read")).text();
    expect(await (await visit("/page")).text()).toContain("component");
    expect(await (await visit("/read")).text()).toBe(expected);
  });

  test("changes of a page that throws are discarded; the error page can read the session, and due cookies are sent", async () => {
    const { sessions } = setup();
    const visit = await browse({
      middleware: (adapter) => [adapter(sessions)],
      async endpoint(context) {
        return Response.json((await sessions.get(context)).data);
      },
      async page({ locals }) {
        const session = await sessions.get(locals);
        session.data.a = "1";
        await session.save();
        session.data.b = "2";
        throw new Error("a mistake in the page");
      },
      async errorPage({ locals }) {
        return JSON.stringify((await sessions.get(locals)).data);
      },
    });
    const answer = await visit("/page");
    expect([answer.status, ours(answer).length]).toEqual([500, 1]);
    // It came without a session; the cookie is on its way.
    expect(await answer.text()).toContain("error page: {}");
    expect(await (await visit("/read")).json()).toEqual({ a: "1" });
    const second = await visit("/page");
    expect([second.status, ours(second).length]).toEqual([500, 0]);
    expect((await second.text()).replaceAll("&#34;", '"').replaceAll("&quot;", '"')).toContain('error page: {"a":"1"}');
  });

  test("an outage is a 503, read or write, and the answer of onError is sent", async () => {
    for (const onError of [undefined, () => Response.json("sorry", { status: 502 })]) {
      const { sessions, state } = setup();
      const visit = await browse({
        middleware: (adapter) => [adapter(sessions, { onError })],
        async page({ locals, cookies }) {
          (await sessions.get(locals)).data.a = "1";
          state.fault = "throw-before";
          cookies.set("own", "1", { path: "/" });
          return "page";
        },
      });
      for (const headers of [{}, { cookie: `__Host-session=${"A".repeat(43)}` }]) {
        const answer = await visit("/page", { headers });
        expect([answer.status, await answer.text()]).toEqual(onError ? [502, '"sorry"'] : [503, "Service Unavailable"]);
        expect(ours(answer)).toEqual([]);
      }
    }
  });

  test("access: a route that skips is not loaded for attach", async () => {
    const { sessions, state } = setup();
    const access = ({ routePattern }: AstroContext): "skip" | undefined =>
      routePattern === "/page" ? "skip" : undefined;
    const visit = await browse({
      middleware: (adapter) => [adapter(sessions, { attach: "visitor", access })],
      page: ({ locals }) => `${"visitor" in locals}`,
    });
    state.fault = "throw-before";
    const answer = await visit("/page", { headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
    expect(await answer.text()).toContain("false");
  });

  test("a prerendered page has no session: using it is an error", () => {
    const page = readFileSync(join(app.path, "dist", "client", "static", "index.html"), "utf8");
    expect(page).toContain("is prerendered");
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    expect(() => astroSessions(sessions, { attach: "" })).toThrow(/attach must be the name of a property/);
    expect(() => astroSessions(sessions, { access: "skip" as never })).toThrow(/access must be a function/);
    expect(() => astroSessions(sessions, { streaming: 1 as never })).toThrow(/streaming must be true or false/);
    expect(() => astroSessions(sessions, { onError: {} as never })).toThrow(/onError must be a function/);
  });
});
