/** SvelteKit 3, built with its adapter for Node: the framework suite, and what is SvelteKit's own. */

import { createReadStream, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { error, RequestEvent, redirect } from "@sveltejs/kit";
import makeFetchCookie from "fetch-cookie";
import type { Session, SessionError } from "sojourn";
import {
  type SvelteKitEvent,
  type SvelteKitHandle,
  svelteKitSessionErrors,
  svelteKitSessions,
} from "sojourn/frameworks/sveltekit";
import { type FrameworkHarness, frameworkConformance, type Reply, type RunningApp } from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type BuiltApp, buildApp } from "../support/app-build.ts";
import { faultySessions, ours } from "../support/faulty-sessions.ts";
import { type ReplyWays, responseOf } from "../support/fetch-reply.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "sveltekit",
  server: nodeServer,
  clients: [clientVersion("@sveltejs/kit"), clientVersion("@sveltejs/adapter-node")],
});

/** SvelteKit's own functions: the application has its copy of them. */
interface Kit {
  readonly error: typeof error;
  readonly redirect: typeof redirect;
  readonly getRequestEvent?: () => RequestEvent;
}

/** What the built application asks for each request. */
interface Trial {
  /** Its `handle` hooks, with the adapter as the application has it. */
  hooks(adapter: typeof svelteKitSessions, kit: Kit): unknown[];
  /** Its `handleError` hook, wrapped by the adapter. */
  handleError?(error: unknown, event: RequestEvent): unknown;
  /** Its endpoint, for every path but `/page`. */
  endpoint?(event: RequestEvent, kit: Kit): unknown;
  /** The load function and the action of `/page`. */
  load?(event: RequestEvent, kit: Kit): unknown;
  action?(event: RequestEvent, kit: Kit): unknown;
}

/** By port. */
const trials = new Map<string, Trial>();
Object.assign(globalThis, { sojournTrials: trials });

let app: BuiltApp;
let handler: (req: IncomingMessage, res: ServerResponse) => void;
beforeAll(async () => {
  app = await buildApp("test/support/sveltekit-app", "sveltekit");
  process.env.PROTOCOL_HEADER = "x-forwarded-proto";
  ({ handler } = await import(/* @vite-ignore */ pathToFileURL(join(app.path, "build", "handler.js")).href));
}, 120_000);
afterAll(async () => {
  await app?.remove();
});

async function serve(trial: Trial): ReturnType<typeof listen> {
  const server = createServer((req, res) => {
    // SvelteKit takes every request for https that no proxy says something else about.
    req.headers["x-forwarded-proto"] ??= "http";
    // The trial is found by it, also behind a cache that has another port.
    req.headers.host = `127.0.0.1:${req.socket.localPort}`;
    // What browsers say, without which it refuses forms.
    req.headers.origin ??= `http://${req.headers.host}`;
    handler(req, res);
  });
  const running = await listen(server);
  const { port } = new URL(running.url);
  trials.set(port, trial);
  return running;
}

function respond(given: Reply, kit?: Kit): Response {
  const redirect: ReplyWays["redirect"] = (location, { status }) => kit?.redirect(status as 302, location) as never;
  return responseOf(given, { file: createReadStream, redirect });
}

const harness: FrameworkHarness = {
  name: clientVersion("@sveltejs/kit"),
  start({ sessions, attach, handle, onError }) {
    const asProperty = ({ event, resolve }: Parameters<SvelteKitHandle>[0]): Response | Promise<Response> => {
      // The suite looks for what is attached among the properties.
      if (attach !== undefined) Object.assign(event, { [attach]: Reflect.get(event.locals, attach) });
      return resolve(event);
    };
    const answer = async (error: SessionError, event: SvelteKitEvent): Promise<Response> =>
      respond(await onError(error, event));
    return serve({
      hooks: (adapter) => [...sessions.map((one) => adapter(one, { attach, onError: answer })), asProperty],
      async handleError(error, event) {
        const given = await onError(error, event);
        return { status: given.status, message: given.kind === "text" ? given.text : "" };
      },
      async endpoint(event, kit) {
        return respond(await handle(event, event.url.pathname + event.url.search, () => event.request.text()), kit);
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

const form = { method: "POST", body: new URLSearchParams({ name: "ada" }), headers: { accept: "text/html" } };
/** As the browser asks when it follows a link inside the application. */
const dataOf = "/page/__data.json";

describe("svelteKitSessions", () => {
  test("load functions and actions have the session; it is saved before a redirect that an action throws", async () => {
    const { sessions } = setup();
    const visit = await browse({
      hooks: (adapter) => [adapter(sessions)],
      async load(event, { getRequestEvent }) {
        const session = await sessions.get(getRequestEvent?.() ?? {});
        expect([await sessions.get(event), await sessions.get(event.request)]).toEqual([session, session]);
        return { text: `${session.subject ?? "guest"} ${session.update("a", (a = "") => `${a}x`)}` };
      },
      async action(event, { redirect }) {
        const session = await sessions.get(event);
        session.login(`${(await event.request.formData()).get("name")}`);
        redirect(303, "/page");
      },
    });
    const first = await visit("/page");
    expect(await first.text()).toContain("guest x");
    expect([ours(first).length, first.headers.get("vary")]).toEqual([1, "Cookie"]);
    const signedIn = await visit("/page", form);
    expect([signedIn.status, signedIn.headers.get("location"), ours(signedIn).length]).toEqual([303, "/page", 1]);
    expect(await (await visit("/page")).text()).toContain("ada xx");
    const data = await visit(dataOf);
    expect(await data.text()).toContain("ada xxx");
    expect([ours(data).length, data.headers.get("vary")]).toEqual([0, "Cookie"]);
  });

  test("cookies of event.cookies, headers of setHeaders and locals stay beside the session's", async () => {
    const { sessions } = setup();
    const visit = await browse({
      hooks: (adapter) => [adapter(sessions, { attach: "visitor" })],
      load(event) {
        const { visitor } = event.locals as unknown as { visitor: Session<Data> };
        const seen = event.cookies.get("own");
        event.cookies.set("own", "1", { path: "/", secure: false });
        event.setHeaders({ "cache-control": "private, no-store", vary: "accept-language" });
        return { text: `${seen} ${visitor.update("a", (a = "") => `${a}x`)}` };
      },
    });
    const first = await visit("/page");
    expect(await first.text()).toContain("undefined x");
    expect(first.headers.getSetCookie()).toHaveLength(2);
    expect(first.headers.get("cache-control")).toBe("private, no-store");
    expect(first.headers.get("vary")).toBe("accept-language, Cookie");
    expect(await (await visit("/page")).text()).toContain("1 xx");
  });

  test.each(["/page", dataOf])(
    "a redirect thrown by a hook behind the sessions has the cookies of both (%s)",
    async (path) => {
      const { sessions } = setup();
      const visit = await browse({
        hooks: (adapter, { redirect }) => [
          adapter(sessions),
          async ({ event, resolve }: { event: RequestEvent; resolve(event: RequestEvent): Promise<Response> }) => {
            const session = await sessions.get(event);
            if (session.data.a) return resolve(event);
            event.cookies.set("own", "1", { path: "/", secure: false });
            session.data.a = event.url.pathname;
            return redirect(307, "/login");
          },
        ],
        endpoint: async (event) => Response.json((await sessions.get(event)).data),
      });
      const answer = await visit(path);
      if (path === "/page") expect([answer.status, answer.headers.get("location")]).toEqual([307, "/login"]);
      else expect(await answer.json()).toMatchObject({ type: "redirect", location: "/login" });
      const [line = ""] = ours(answer);
      expect(line).toMatch(/^__Host-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/i);
      expect(answer.headers.getSetCookie()).toHaveLength(2);
      expect(await (await visit("/read")).json()).toEqual({ a: "/page" });
    },
  );

  test("a hook behind the sessions that redirects while the store is down gets a 503", async () => {
    const { sessions, state } = setup();
    const visit = await browse({
      hooks: (adapter, { redirect }) => [
        adapter(sessions),
        async ({ event }: { event: RequestEvent }) => {
          (await sessions.get(event)).data.a = "1";
          state.fault = "throw-before";
          redirect(307, "/login");
        },
      ],
    });
    const answer = await visit("/page");
    expect([answer.status, await answer.text(), ours(answer).length]).toEqual([503, "Service Unavailable", 0]);
  });

  test("an error thrown by a load function discards changes, whatever its status, also in a data request", async () => {
    const { sessions } = setup();
    const visit = await browse({
      hooks: (adapter) => [adapter(sessions)],
      handleError: () => {},
      async endpoint(event) {
        const { data } = await sessions.get(event);
        data.a ??= "1";
        return new Response(data.a);
      },
      async load(event, { error }) {
        (await sessions.get(event)).data.a = "2";
        error(403, "not you");
      },
    });
    expect(await (await visit("/read")).text()).toBe("1");
    expect((await visit("/page")).status).toBe(403);
    const data = await visit(dataOf);
    expect([data.status, await data.text()]).toEqual([200, expect.stringContaining("not you")]);
    expect(await (await visit("/read")).text()).toBe("1");
  });

  test("without onError and handleError an outage is a 503, read or write, and the answer of onError is sent", async () => {
    for (const onError of [undefined, () => Response.json("sorry", { status: 502 })]) {
      const { sessions, state } = setup();
      const visit = await browse({
        hooks: (adapter) => [adapter(sessions, { onError })],
        async load(event) {
          (await sessions.get(event)).data.a = "1";
          state.fault = "throw-before";
          event.cookies.set("own", "1", { path: "/", secure: false });
          return { text: "page" };
        },
      });
      for (const headers of [{}, { cookie: `__Host-session=${"A".repeat(43)}` }]) {
        const answer = await visit("/page", { headers });
        expect([answer.status, await answer.text()]).toEqual(onError ? [502, '"sorry"'] : [503, "Service Unavailable"]);
        expect(answer.headers.getSetCookie()).toEqual([]);
      }
    }
  });

  test.each([
    ["with streaming: true", { streaming: true }, "late"],
    ["not otherwise", {}, "1"],
  ])("changes by a promise of a load function are saved %s", async (_when, options, expected) => {
    const { sessions } = setup();
    const visit = await browse({
      hooks: (adapter) => [adapter(sessions, options)],
      async endpoint(event) {
        const { data } = await sessions.get(event);
        data.a ??= "1";
        return new Response(data.a);
      },
      async load(event) {
        const { data } = await sessions.get(event);
        const late = async (): Promise<string> => {
          await wait(50);
          data.a = "late";
          return "done";
        };
        return { text: "page", late: late() };
      },
    });
    await (await visit("/read")).text();
    expect(await (await visit("/page")).text()).toContain("done");
    expect(await (await visit("/read")).text()).toBe(expected);
  });

  test("an endpoint fetched by a load function changes the same session", async () => {
    const { sessions } = setup();
    const visit = await browse({
      hooks: (adapter) => [adapter(sessions)],
      async endpoint(event) {
        const { data } = await sessions.get(event);
        data.a = `${data.a ?? ""}x`;
        return Response.json(data);
      },
      async load(event) {
        const { data } = await sessions.get(event);
        data.b = `${data.b ?? ""}y`;
        return { text: JSON.stringify(await (await event.fetch("/inner")).json()) };
      },
    });
    expect(await (await visit("/read")).json()).toEqual({ a: "x" });
    expect(await (await visit("/page")).text()).toContain("xx");
    expect(await (await visit("/read")).json()).toEqual({ a: "xxx", b: "y" });
  });

  test("access: a route that skips is not loaded for attach", async () => {
    const { sessions, state } = setup();
    const access = ({ route }: SvelteKitEvent): "skip" | undefined => (route.id === "/page" ? "skip" : undefined);
    const visit = await browse({
      hooks: (adapter) => [adapter(sessions, { attach: "session", access })],
      load: ({ locals }) => ({ text: Object.keys(locals).join() || "no session" }),
    });
    state.fault = "throw-before";
    const answer = await visit("/page", { headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
    expect(await answer.text()).toContain("no session");
  });

  test("a prerendered page gets no session, with access and building", () => {
    expect(readFileSync(join(app.path, "build", "prerendered", "static"), "utf8")).toContain("is prerendered");
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    expect(() => svelteKitSessions(sessions, { attach: "" })).toThrow(/attach must be the name of a property/);
    expect(() => svelteKitSessions(sessions, { access: "skip" as never })).toThrow(/access must be a function/);
    expect(() => svelteKitSessions(sessions, { streaming: 1 as never })).toThrow(/streaming must be true or false/);
    expect(() => svelteKitSessions(sessions, { onError: {} as never })).toThrow(/onError must be a function/);
    expect(() => svelteKitSessionErrors(undefined as never)).toThrow(/handleError must be a function/);
  });
});
