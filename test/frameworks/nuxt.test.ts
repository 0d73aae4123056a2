/** Nuxt's server without Nuxt: h3 1 on Node and inside itself, as Nitro 2 calls it; the framework suite, and inner calls. */

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import {
  type App,
  appendResponseHeader,
  createApp,
  createError,
  createEvent,
  createRouter,
  type EventHandler,
  eventHandler,
  fetchWithEvent,
  type H3Event,
  send,
  sendRedirect,
  setResponseStatus,
  toNodeListener,
} from "h3v1";
import { fetchNodeRequestHandler } from "node-mock-http";
import type { Sessions } from "sojourn";
import { bearer, handOut } from "sojourn/bearer";
import { nuxtSessions } from "sojourn/frameworks/nuxt";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "nuxt", server: nodeServer, clients: [clientVersion("h3v1")] });

function prepared(event: H3Event, given: Reply): unknown {
  for (const [name, value] of given.headers ?? []) appendResponseHeader(event, name, value);
  if (given.kind === "redirect") return sendRedirect(event, given.location, given.status ?? 302);
  setResponseStatus(event, given.status ?? 200);
  if (given.kind === "text") return given.text;
  return given.kind === "file" ? createReadStream(given.path) : Readable.from(given.chunks);
}

function application({ sessions, attach, handle, onError }: TrialApp): App {
  const app = createApp({
    async onError(error, event) {
      const given = await onError(error.cause ?? error, event);
      if (event.handled || given.kind !== "text") return;
      setResponseStatus(event, given.status ?? 500);
      await send(event, given.text, "text/plain");
    },
  });
  app.use(
    eventHandler(async (event) => {
      if (attach !== undefined) Object.assign(event, { [attach]: Reflect.get(event.context, attach) });
      return prepared(event, await handle(event, event.node.req.url ?? "/", () => bodyOf(requestOf(event))));
    }),
  );
  // The innermost first: each goes around the one before.
  for (const one of sessions.toReversed()) nuxtSessions(one, { attach })(app);
  return app;
}

/** Inside Nitro the body of a request is there at once. */
function requestOf({ node: { req } }: H3Event): AsyncIterable<Buffer> {
  const { body } = req as { body?: BodyInit | null };
  return body === undefined
    ? req
    : (Readable.from(body === null ? [] : [Buffer.from(`${body}`)]) as AsyncIterable<Buffer>);
}

type Nodes = Parameters<typeof fetchNodeRequestHandler>[0];

/** As Nitro answers where there is no server of Node: through its own requests and responses. */
function inside(app: App): Promise<RunningApp> {
  const nodes = toNodeListener(app) as unknown as Nodes;
  const fetch = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const body = ["GET", "HEAD"].includes(request.method) ? null : await request.text();
    const { method, headers } = request;
    return fetchNodeRequestHandler(nodes, pathname + search, { method, headers, body, protocol: "http" } as never);
  };
  return listen(createAdaptorServer({ fetch, createServer }) as ReturnType<typeof createServer>);
}

const harnesses: readonly FrameworkHarness[] = [
  { name: clientVersion("h3v1"), start: (app) => listen(createServer(toNodeListener(application(app)))) },
  {
    name: `${clientVersion("h3v1")}, called inside Nitro`,
    lacks: { "late save": "a stream is handed over, and its end is not seen" },
    start: (app) => inside(application(app)),
  },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));

interface Data {
  a: string;
  b?: string;
}

const setup = faultySessions<Data>;

/** `event.fetch(path)`, which Nitro adds to events, and `useFetch` calls. */
function call(event: H3Event, path: string, init: object = {}): Promise<Response> {
  return (event as unknown as { fetch(path: string, init: object): Promise<Response> }).fetch(path, init);
}

/** Answers the subject of the session. */
function who(sessions: Pick<Sessions, "get">): EventHandler {
  return eventHandler(async (event) => (await sessions.get(event)).subject ?? "guest");
}

/** Logs ada in. */
function login(sessions: Pick<Sessions, "get">): EventHandler {
  return eventHandler(async (event) => {
    (await sessions.get(event)).login("ada");
    return "welcome";
  });
}

/** An application as Nitro makes it: events can call its routes. */
function nitro(...plugins: ((app: App) => void)[]): {
  app: App;
  router: ReturnType<typeof createRouter>;
  start(): Promise<string>;
} {
  const app = createApp({
    onRequest(event) {
      const fetch = (url: string, init: object) => fetchWithEvent(event, url, init as never, { fetch: local as never });
      Object.assign(event, { fetch });
    },
  });
  const router = createRouter();
  app.use(router);
  for (const plugin of plugins) plugin(app);
  const nodes = toNodeListener(app);
  const local = (url: string, init: object): Promise<Response> =>
    fetchNodeRequestHandler(nodes as unknown as Nodes, url, init as never);
  return {
    app,
    router,
    async start() {
      const { url, close } = await listen(createServer(nodes));
      onTestFinished(() => void close());
      return url;
    },
  };
}

/** What Nitro's `defineCachedEventHandler` does: the event of its handler has the context of the request, one answer for all. */
function cached(handler: (event: H3Event) => Promise<string>): ReturnType<typeof eventHandler> {
  let answer: string | undefined;
  return eventHandler(async (incoming) => {
    const { req, res } = incoming.node;
    const bare = new Proxy(req, { get: (target, name) => (name === "headers" ? {} : Reflect.get(target, name)) });
    const event = createEvent(bare, new Proxy(res, {}));
    event.context = Object.assign(incoming.context, { cache: { options: {} } });
    Object.assign(event, { fetch: (url: string, init: object) => call(incoming, url, init) });
    answer ??= await handler(event);
    return answer;
  });
}

describe("what a page fetches of its own server", () => {
  test.each(["sessions.current()", "a call", "attach"])(
    "a cached route does not get the page's session by %s",
    async (by) => {
      const { sessions } = setup({ current: true });
      const { router, start } = nitro(nuxtSessions(sessions, by === "attach" ? { attach: "visitor" } : {}));
      const whose = async (event: H3Event): Promise<string> => {
        if (by === "a call") return (await call(event, "/who")).text();
        const session = by === "attach" ? event.context["visitor"] : await sessions.current();
        return `for ${session.subject}`;
      };
      router.get("/menu", cached(whose));
      router.get(
        "/who",
        eventHandler(async (event) => `for ${(await sessions.get(event)).subject}`),
      );
      router.get("/login", login(sessions));
      router.get(
        "/",
        eventHandler(async (event) => {
          const menu = await (await call(event, "/menu")).text();
          return `${menu}, page of ${(await sessions.current()).subject}`;
        }),
      );
      const url = await start();
      const headers = cookieOf(await fetch(`${url}/login`));
      const page = await (await fetch(url, { headers })).text();
      expect(page).toMatch(/"statusCode": 500(.|\n)*, page of ada$/);
      expect(await (await fetch(`${url}/menu`)).text()).not.toContain("ada");
    },
  );

  test("a call with another client's token, or with none, does not get the page's session", async () => {
    const { sessions } = setup({ transport: bearer() });
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get(
      "/login/:who",
      eventHandler(async (event) => {
        const session = await sessions.get(event);
        session.login(event.context.params?.["who"] ?? "");
        return handOut(session);
      }),
    );
    router.get("/who", who(sessions));
    router.get(
      "/",
      eventHandler(async (event) => {
        const others = [{}, { authorization: `${event.headers.get("x-other")}` }, { authorization: "" }];
        const said = others.map(async (headers) => (await call(event, "/who", { headers })).text());
        return [(await sessions.get(event)).subject, ...(await Promise.all(said))];
      }),
    );
    const url = await start();
    const token = async (who: string) => `Bearer ${await (await fetch(`${url}/login/${who}`)).text()}`;
    const headers = { authorization: await token("ada"), "x-other": await token("bob") };
    expect(await (await fetch(url, { headers })).json()).toEqual(["ada", "ada", "bob", "guest"]);
  });

  test.each([undefined, "visitor"])(
    "a page that skips its session calls routes that do not (attach: %s)",
    async (attach) => {
      const { sessions } = setup();
      const access = ({ path }: { readonly path: string }) => (path === "/" ? "skip" : undefined);
      const { router, start } = nitro(nuxtSessions(sessions, { attach, access }));
      router.get("/who", who(sessions));
      router.get("/login", login(sessions));
      router.get(
        "/",
        eventHandler(async (event) => (await call(event, "/who")).text()),
      );
      const url = await start();
      const headers = cookieOf(await fetch(`${url}/login`));
      expect(await (await fetch(url, { headers })).text()).toBe("ada");
    },
  );

  test("a call restricts itself, not the page", async () => {
    const { sessions } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    for (const access of ["read", "no-touch", "skip"] as const)
      router.get(
        `/${access}`,
        eventHandler(async (event) => {
          sessions.restrict(event, access);
          return (await sessions.get(event)).data.a;
        }),
      );
    router.get(
      "/page/:access",
      eventHandler(async (event) => {
        const session = await sessions.get(event);
        session.data.a = "kept";
        const { status } = await call(event, `/${event.context.params?.["access"]}`);
        return `${status} ${(await sessions.get(event)).data.a}`;
      }),
    );
    const url = await start();
    const said = ["read", "no-touch", "skip"].map(async (access) => {
      const page = await fetch(`${url}/page/${access}`);
      return [page.status, await page.text(), ours(page).length];
    });
    expect(await Promise.all(said)).toEqual([
      [200, "200 kept", 1],
      [200, "200 kept", 1],
      [200, "500 kept", 1],
    ]);
  });

  test("a call that throws leaves its changes to the page; one that discards takes the page's as well", async () => {
    const { sessions } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    for (const name of ["throws", "discards"])
      router.get(
        `/${name}`,
        eventHandler(async (event) => {
          (await sessions.get(event)).data.a = "half";
          if (name === "discards") sessions.discard(event);
          throw createError({ statusCode: 400 });
        }),
      );
    router.get(
      "/page/:name",
      eventHandler(async (event) => {
        (await sessions.get(event)).data.b = "page";
        return `${(await call(event, `/${event.context.params?.["name"]}`)).status}`;
      }),
    );
    router.get(
      "/data",
      eventHandler(async (event) => (await sessions.get(event)).data),
    );
    router.get("/login", login(sessions));
    const url = await start();
    const outcome = async (name: string) => {
      const headers = cookieOf(await fetch(`${url}/login`));
      const page = await (await fetch(`${url}/page/${name}`, { headers })).text();
      return [page, await (await fetch(`${url}/data`, { headers })).json()];
    };
    expect(await outcome("throws")).toEqual(["400", { a: "half", b: "page" }]);
    expect(await outcome("discards")).toEqual(["400", {}]);
  });

  describe("a call under way when the page's response has left", () => {
    /** Calls `/late` in a page, and lets it go on once the client has the page's response. */
    async function late(work: (event: H3Event) => Promise<string>, fail = false) {
      const { sessions, state } = setup();
      const events: string[] = [];
      sessions.on(({ type }) => void events.push(type));
      const { router, start } = nitro(nuxtSessions(sessions));
      const gone = Promise.withResolvers<void>();
      const answered = Promise.withResolvers<number>();
      const asked = Promise.withResolvers<void>();
      router.get(
        "/late",
        eventHandler(async (event) => {
          const session = await sessions.get(event);
          asked.resolve();
          await gone.promise;
          Object.assign(event.context, { session, state });
          return work(event);
        }),
      );
      router.get("/login", login(sessions));
      router.get(
        "/data",
        eventHandler(async (event) => {
          const { subject, data } = await sessions.get(event);
          return { subject, ...data };
        }),
      );
      router.get(
        "/",
        eventHandler(async (event) => {
          call(event, "/late").then(({ status }) => answered.resolve(status), answered.reject);
          await asked.promise;
          if (!fail) return "page";
          (await sessions.get(event)).data.b = "half";
          throw createError({ statusCode: 403 });
        }),
      );
      const url = await start();
      const headers = cookieOf(await fetch(`${url}/login`));
      events.length = 0;
      await (await fetch(url, { headers })).text();
      gone.resolve();
      const status = await answered.promise;
      state.fault = "pass";
      return { status, events, data: await (await fetch(`${url}/data`, { headers })).json() };
    }
    const change = async ({ context }: H3Event): Promise<string> => {
      context["session"].data.a = "late";
      return "saved";
    };

    test("saves what it changed", async () => {
      expect(await late(change)).toMatchObject({ status: 200, data: { subject: "ada", a: "late" } });
    });

    test("saves nothing when it throws", async () => {
      const done = await late(async (event) => {
        await change(event);
        throw createError({ statusCode: 400 });
      });
      expect(done).toMatchObject({ status: 400, data: { subject: "ada" } });
      expect(done.data).not.toHaveProperty("a");
    });

    test("saves nothing of a page that threw", async () => {
      expect((await late(change, true)).data).toEqual({ subject: "ada" });
    });

    test("reports that its changes could not be saved", async () => {
      const { events, data } = await late(async (event) => {
        event.context["state"].fault = "throw-before";
        return change(event);
      });
      expect([events, data]).toEqual([["store_unavailable", "save_failed"], { subject: "ada" }]);
    });

    test("cannot log out, and says so", async () => {
      const done = await late(async ({ context }) => context["session"].logout());
      expect(done).toMatchObject({ status: 500, events: ["save_failed"], data: { subject: "ada" } });
    });
  });

  test("has the session of the page: one read, one save, and the browser gets the cookie", async () => {
    const { sessions } = setup();
    const created: unknown[] = [];
    sessions.on(({ type }) => type === "session_created" && created.push(type));
    const { router, start } = nitro(nuxtSessions(sessions, { attach: "visitor" }));
    router.get(
      "/api/count",
      eventHandler(async (event) => (await sessions.get(event)).update("a", (a = "") => `${a}x`)),
    );
    router.get(
      "/api/through",
      eventHandler(async (event) => (await call(event, "/api/count")).text()),
    );
    router.get(
      "/",
      eventHandler(async (event) => {
        const calls = ["/api/count", "/api/count", "/api/through"].map(async (path) =>
          (await call(event, path)).text(),
        );
        const counted = await Promise.all(calls);
        return [...counted.sort(), (await sessions.get(event)).data.a];
      }),
    );
    const url = await start();
    const first = await fetch(url);
    expect(await first.json()).toEqual(["x", "xx", "xxx", "xxx"]);
    expect([ours(first).length, created.length]).toEqual([1, 1]);
    const second = await fetch(url, { headers: cookieOf(first) });
    expect(await second.json()).toEqual(["xxxx", "xxxxx", "xxxxxx", "xxxxxx"]);
    expect([ours(second).length, created.length]).toEqual([0, 1]);
  });

  test("a page that does not ask itself brings the cookie of the login that its call made", async () => {
    const { sessions } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get(
      "/api/login",
      eventHandler(async (event) => {
        (await sessions.get(event)).login("ada");
        return "welcome";
      }),
    );
    router.get(
      "/",
      eventHandler(async (event) => (await call(event, "/api/login")).text()),
    );
    router.get("/who", who(sessions));
    const url = await start();
    const page = await fetch(url);
    expect([await page.text(), ours(page).length, page.headers.get("cache-control")]).toEqual([
      "welcome",
      1,
      "no-store",
    ]);
    expect(await (await fetch(`${url}/who`, { headers: cookieOf(page) })).text()).toBe("ada");
  });

  // Nitro passes no empty header on, and the call was taken for another client's.
  test("also where the browser sends an empty cookie header", async () => {
    const { sessions } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get(
      "/api",
      eventHandler(async (event) => (await sessions.get(event)).update("a", (a = "") => `${a}x`)),
    );
    router.get(
      "/",
      eventHandler(async (event) => (await call(event, "/api")).text()),
    );
    const page = await fetch(await start(), { headers: { cookie: "" } });
    expect([await page.text(), ours(page).length]).toEqual(["x", 1]);
  });

  test("a call with another client's cookie has that client's session", async () => {
    const { sessions } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get("/who", who(sessions));
    router.get("/login", login(sessions));
    router.get(
      "/for",
      eventHandler(async (event) => {
        const cookie = `${event.headers.get("x-cookie")}`;
        const said = await (await call(event, "/who", { headers: { cookie } })).text();
        return `${(await sessions.get(event)).subject ?? "guest"} ${said}`;
      }),
    );
    const url = await start();
    const { cookie } = cookieOf(await fetch(`${url}/login`));
    expect(await (await fetch(`${url}/for`, { headers: { "x-cookie": cookie } })).text()).toBe("guest ada");
  });

  test("a page whose save fails is 503, with nothing of the page", async () => {
    const { sessions, state } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get(
      "/api",
      eventHandler(async (event) => {
        (await sessions.get(event)).data.a = "1";
        return "changed";
      }),
    );
    router.get(
      "/",
      eventHandler(async (event) => {
        const said = await (await call(event, "/api")).text();
        state.fault = "throw-before";
        appendResponseHeader(event, "x-handler", "1");
        return `secret ${said}`;
      }),
    );
    const response = await fetch(await start());
    expect([response.status, response.headers.get("x-handler"), ours(response)]).toEqual([503, null, []]);
    expect(await response.text()).not.toContain("secret");
  });
});

describe("nuxtSessions", () => {
  test("without onError h3 answers 503, and onError has the error of the sessions as its cause", async () => {
    const { sessions, state } = setup();
    const causes: unknown[] = [];
    const app = createApp({ onError: ({ cause }) => void causes.push(cause) });
    app.use(
      eventHandler(async (event) => {
        (await sessions.get(event)).data.a = "1";
        state.fault = "throw-before";
        return { secret: true };
      }),
    );
    nuxtSessions(sessions)(app);
    const { url, close } = await listen(createServer(toNodeListener(app)));
    onTestFinished(() => void close());
    const response = await fetch(url);
    expect([response.status, await response.json()]).toEqual([503, expect.objectContaining({ statusCode: 503 })]);
    expect(causes).toEqual([expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" })]);
  });

  test("a handler that waits for the end of its response does not keep a failed save from being answered", async () => {
    const { sessions, state } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get(
      "/",
      eventHandler(async (event) => {
        (await sessions.get(event)).data.a = "1";
        state.fault = "throw-before";
        event.node.res.end("secret");
        await new Promise((resolve) => event.node.res.once("close", resolve));
      }),
    );
    const response = await fetch(await start());
    expect(response.status).toBe(503);
  });

  test("what a route changed before it threw is discarded, whatever status answers", async () => {
    const { sessions } = setup();
    const { router, start } = nitro(nuxtSessions(sessions));
    router.get(
      "/make",
      eventHandler(async (event) => ((await sessions.get(event)).data.a = "1")),
    );
    router.get(
      "/read",
      eventHandler(async (event) => (await sessions.get(event)).data),
    );
    router.get(
      "/throw",
      eventHandler(async (event) => {
        (await sessions.get(event)).data.a = "2";
        throw createError({ statusCode: 403 });
      }),
    );
    const url = await start();
    const headers = cookieOf(await fetch(`${url}/make`));
    expect((await fetch(`${url}/throw`, { headers })).status).toBe(403);
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "1" });
  });

  test("access: a route that skips is not loaded for attach, one that reads does not write", async () => {
    const { sessions, state } = setup();
    const access = ({ path }: { readonly path: string }) => (path === "/skips" ? "skip" : "read");
    const { router, start } = nitro(nuxtSessions(sessions, { attach: "visitor", access }));
    router.get(
      "/skips",
      eventHandler(({ context }) => `${"visitor" in context}`),
    );
    router.get(
      "/reads",
      eventHandler(async (event) => {
        (await sessions.get(event)).data.a = "1";
        return "saved";
      }),
    );
    const url = await start();
    expect((await fetch(`${url}/reads`)).status).toBe(500);
    state.fault = "throw-before";
    const headers = { cookie: `__Host-session=${"A".repeat(43)}` };
    expect(await (await fetch(`${url}/skips`, { headers })).text()).toBe("false");
  });

  test("a cached handler, whose answer goes to every visitor, gets no session", async () => {
    const { sessions } = setup({ current: true });
    const said: string[] = [];
    const { router, start } = nitro(nuxtSessions(sessions, { attach: "visitor" }));
    router.get(
      "/",
      eventHandler(async (event) => {
        // What Nitro's cached handlers do before they call what is cached.
        event.context["cache"] = { options: {} };
        for (const ask of [
          () => sessions.get(event),
          () => sessions.current(),
          async () => event.context["visitor"],
          async () => (await call(event, "/api")).text(),
        ])
          await ask().then(
            (answer) => said.push(`${answer}`),
            (error: Error) => said.push(error.message),
          );
        return "done";
      }),
    );
    router.get(
      "/api",
      eventHandler(async (event) => sessions.get(event).then(String, (error: Error) => error.message)),
    );
    await fetch(await start());
    expect(said).toHaveLength(4);
    for (const one of said) expect(one).toMatch(/inside a cached handler|"statusCode": 500/);
  });

  // What Nitro does where the request comes with what its platform gives, as on Cloudflare.
  test("nor does one whose context was copied after the session was attached", async () => {
    const { router, start } = nitro((app) => {
      const { onRequest } = app.options;
      app.options.onRequest = async (event) => {
        await onRequest?.(event);
        event.context = { ...event.context };
      };
      nuxtSessions(setup().sessions, { attach: "visitor" })(app);
    });
    router.get(
      "/",
      cached(async ({ context }) => `for ${context["visitor"].subject}`),
    );
    router.get(
      "/own",
      eventHandler(({ context }) => `for ${context["visitor"].subject}`),
    );
    const url = await start();
    expect(await (await fetch(`${url}/own`)).text()).toBe("for undefined");
    expect((await fetch(url)).status).toBe(500);
  });

  test("a response that no code asks for its session is as it was", async () => {
    const { router, start } = nitro(nuxtSessions(setup().sessions));
    router.get(
      "/",
      eventHandler(() => "untouched"),
    );
    const response = await fetch(await start());
    expect([await response.text(), response.headers.get("vary"), ours(response)]).toEqual(["untouched", null, []]);
  });
});
