/** TanStack Start 1, built by Vite: the framework suite, and its server functions. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import makeFetchCookie from "fetch-cookie";
import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { memoryStore } from "sojourn/stores/memory";
import { type FrameworkHarness, frameworkConformance, type RunningApp } from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type BuiltApp, buildApp } from "../support/app-build.ts";
import { fetchLacks } from "../support/fetch-app.ts";
import { responseOf } from "../support/fetch-reply.ts";
import { listenFetch } from "../support/fetch-server.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

const version = clientVersion("@tanstack/react-start");
reportBackend({ backend: "tanstack-start", server: nodeServer, clients: [version] });

type Handler = (request: Request) => Promise<Response>;

/** What the built application asks for each request. */
interface Trial {
  /** Its `server.ts`. */
  mount(start: Handler): Handler;
  /** Its server route, for every path but `/page`. */
  endpoint?: Handler;
  /** Its server function, which `/page` shows. */
  page?(request: Request): Promise<string>;
}

/** By port. */
const trials = new Map<string, Trial>();
Object.assign(globalThis, { sojournTrials: trials });

let app: BuiltApp;
let entry: { fetch: Handler };
beforeAll(async () => {
  app = await buildApp("test/support/tanstack-app", "tanstack");
  ({ default: entry } = await import(
    /* @vite-ignore */ pathToFileURL(join(app.path, "dist", "server", "server.js")).href
  ));
}, 120_000);
afterAll(async () => {
  await app?.remove();
});

async function serve(trial: Trial): Promise<RunningApp> {
  const running = await listenFetch((request) => entry.fetch(request));
  trials.set(new URL(running.url).port, trial);
  return running;
}

const harness: FrameworkHarness = {
  name: version,
  lacks: fetchLacks,
  start: ({ sessions, handle, onError }) =>
    serve({
      mount: (start) =>
        sessions.reduceRight<Handler>(
          (inner, one) =>
            fetchSessions(one, { onError: async (error, request) => responseOf(await onError(error, request)) })(inner),
          start,
        ),
      async endpoint(request) {
        const { pathname, search } = new URL(request.url);
        return responseOf(await handle(request, pathname + search, () => request.text()));
      },
    }),
};

describeCases(harness.name, frameworkConformance(harness));

describe("TanStack Start", () => {
  test("a server function has the session of getRequest(), and the page it is for brings the cookie", async () => {
    const sessions = createSessions<{ visits: number }>({ store: memoryStore(), cookie: { secure: false } });
    const { url, close } = await serve({
      mount: fetchSessions(sessions),
      async page(request) {
        const session = await sessions.get(request);
        return `${session.subject ?? "guest"}, visit ${session.update("visits", (n = 0) => n + 1)}`;
      },
      async endpoint(request) {
        (await sessions.get(request)).login("ada");
        return new Response(null, { status: 303, headers: { location: "/page" } });
      },
    });
    onTestFinished(() => void close());
    const browser = makeFetchCookie(fetch, new CookieJar());
    const first = await browser(`${url}/page`);
    expect(await first.text()).toContain("<p>guest, visit 1</p>");
    expect([first.headers.getSetCookie().length, first.headers.get("vary")]).toEqual([1, "Cookie"]);
    expect(await (await browser(`${url}/login`, { method: "POST" })).text()).toContain("<p>ada, visit 2</p>");
  });

  test("a server function that throws has changed nothing", async () => {
    const sessions = createSessions<{ visits: number }>({ store: memoryStore(), cookie: { secure: false } });
    let throws = false;
    const { url, close } = await serve({
      mount: fetchSessions(sessions),
      async page(request) {
        const visits = (await sessions.get(request)).update("visits", (n = 0) => n + 1);
        if (throws) throw new Error("a mistake");
        return `visit ${visits}`;
      },
    });
    onTestFinished(() => void close());
    const browser = makeFetchCookie(fetch, new CookieJar());
    await browser(`${url}/page`);
    throws = true;
    expect((await browser(`${url}/page`)).status).toBe(500);
    throws = false;
    expect(await (await browser(`${url}/page`)).text()).toContain("<p>visit 2</p>");
  });
});
