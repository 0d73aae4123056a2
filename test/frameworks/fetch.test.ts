/** Fetch handlers: the framework suite, over a real socket. */

import { Hono } from "hono";
import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { honoSessions } from "sojourn/frameworks/hono";
import { memoryStore } from "sojourn/stores/memory";
import { type FrameworkHarness, faultyStore, frameworkConformance } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { faultySessions } from "../support/faulty-sessions.ts";
import { fetchApp, fetchLacks } from "../support/fetch-app.ts";
import { type BunRequest, listenBunRoutes, listenFetch } from "../support/fetch-server.ts";
import { nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "fetch", server: nodeServer });

const harness: FrameworkHarness = {
  name: "fetch handler",
  lacks: fetchLacks,
  start: (app) => listenFetch(fetchApp(app)),
};

describeCases(harness.name, frameworkConformance(harness));
describeCaches(harness);

describe.runIf("Bun" in globalThis)("routes of Bun.serve", () => {
  describeCases(
    harness.name,
    frameworkConformance({ ...harness, start: async (app) => listenBunRoutes({ "/*": fetchApp(app) }) }),
  );

  test("by parameter and by method, beside a cookie of Bun's own", async () => {
    const sessions = createSessions<{ seen: string[] }>({ store: memoryStore(), warn() {} });
    const withSessions = fetchSessions(sessions);
    const { url, close } = listenBunRoutes({
      "/see/:what": {
        POST: withSessions(async (request: BunRequest) => {
          request.cookies.set("theme", "dark");
          const session = await sessions.get(request);
          return Response.json(session.update("seen", (seen = []) => [...seen, request.params.what ?? ""]));
        }),
      },
      "/seen": withSessions(async (request: BunRequest) => Response.json((await sessions.get(request)).data)),
    });
    onTestFinished(() => void close());
    const first = await fetch(`${url}/see/one`, { method: "POST" });
    expect([await first.json(), first.headers.getSetCookie().length]).toEqual([["one"], 2]);
    const cookie = first.headers
      .getSetCookie()
      .find((line) => line.startsWith("__Host-session="))
      ?.split(";")[0];
    const headers = { cookie: `${cookie}` };
    await fetch(`${url}/see/two`, { method: "POST", headers });
    expect(await (await fetch(`${url}/seen`, { headers })).json()).toEqual({ seen: ["one", "two"] });
    expect((await fetch(`${url}/see/two`)).status).toBe(404);
  });
});

type Upgrade = (request: Request) => { socket: WebSocket; response: Response };
const { upgradeWebSocket } = (globalThis as { Deno?: { upgradeWebSocket: Upgrade } }).Deno ?? {};

/** The first message of a server that a WebSocket is opened to. */
function greeting(url: string, cookie = ""): Promise<string> {
  const options = { headers: { cookie } } as unknown as string[]; // An addition of Deno's.
  const socket = new WebSocket(url.replace("http:", "ws:"), options);
  return new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(`${data}`);
    socket.onerror = () => reject(new Error("the server did not upgrade"));
  }).finally(() => socket.close());
}

describe("fetchSessions", () => {
  const setup = faultySessions<{ a: string }>;
  const ask = (url = "https://shop.test/", cookie?: string): Request =>
    new Request(url, cookie === undefined ? {} : { headers: { cookie } });
  const cookieOf = (response: Response): string => `${response.headers.getSetCookie()[0]?.split(";")[0]}`;

  test("a response with an unused session, or with mutable headers, is passed on unchanged", async () => {
    const { sessions } = setup();
    const [plain, redirect, used] = [
      new Response("body"),
      Response.redirect("https://shop.test/"),
      new Response("body"),
    ];
    const withSessions = fetchSessions(sessions);
    expect(await withSessions(() => plain)(ask())).toBe(plain);
    expect(await withSessions(() => redirect)(ask())).toBe(redirect);
    const change = withSessions(async (request: Request, response: Response) => {
      (await sessions.get(request)).data.a = "1";
      return response;
    });
    expect(await change(ask(), used)).toBe(used);
    const copied = await change(ask(), redirect);
    expect([copied.status, copied.headers.get("location")]).toEqual([302, "https://shop.test/"]);
    expect(copied.headers.getSetCookie()).toHaveLength(1);
  });

  test("further arguments after the request are passed on", async () => {
    const handler = fetchSessions(setup().sessions)((_request, env: { name: string }, count: number) =>
      Response.json([env.name, count]),
    );
    expect(await (await handler(ask(), { name: "worker" }, 2)).json()).toEqual(["worker", 2]);
  });

  test("an error of the handler is rethrown, and nothing is saved", async () => {
    const { sessions } = setup();
    const mistake = new Error("a mistake");
    const handler = fetchSessions(sessions)(async (request) => {
      const { data } = await sessions.get(request);
      if (data.a) throw mistake;
      data.a = "1";
      return new Response();
    });
    const cookie = cookieOf(await handler(ask()));
    await expect(handler(ask(undefined, cookie))).rejects.toBe(mistake);
    const sync = fetchSessions(sessions)(() => {
      throw mistake;
    });
    await expect(sync(ask())).rejects.toBe(mistake);
  });

  test("a failed save cancels the body that is not sent", async () => {
    const { sessions, state } = setup();
    let reason: unknown = "not cancelled";
    const handler = fetchSessions(sessions)(async (request) => {
      (await sessions.get(request)).data.a = "1";
      state.fault = "throw-before";
      const cancel = (why: unknown): void => {
        reason = why;
      };
      return new Response(new ReadableStream({ cancel }));
    });
    const response = await handler(ask());
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
    expect(reason).toBeUndefined();
  });

  test("onError answers for the session, or passes the error on", async () => {
    const { sessions, state } = setup();
    const change = async (request: Request): Promise<Response> => {
      (await sessions.get(request)).data.a = "1";
      return new Response();
    };
    state.fault = "throw-before";
    const own = fetchSessions(sessions, { onError: ({ code }) => Response.json({ code }, { status: 502 }) })(change);
    const response = await own(ask());
    expect([response.status, await response.json()]).toEqual([502, { code: "ERR_SESSION_STORE_UNAVAILABLE" }]);
    const onError = (error: Error): never => {
      throw error;
    };
    await expect(fetchSessions(sessions, { onError })(change)(ask())).rejects.toHaveProperty("status", 503);
  });

  test.each([
    ["server-sent events", {}, "text/event-stream", "late"],
    ["any body with streaming: true", { streaming: true }, "text/plain", "late"],
    ["no other body", {}, "text/plain", "1"],
  ])("late changes are saved at the end of %s", async (_what, options, type, expected) => {
    const { sessions } = setup();
    const handler = fetchSessions(
      sessions,
      options,
    )(async (request) => {
      const { data } = await sessions.get(request);
      if (request.url.endsWith("/read")) return new Response(data.a);
      data.a ??= "1";
      if (!request.url.endsWith("/late")) return new Response();
      const source = {
        pull(controller: ReadableStreamDefaultController) {
          data.a = "late";
          controller.close();
        },
      };
      const body = new ReadableStream(source, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-type": type } });
    });
    const cookie = cookieOf(await handler(ask()));
    await (await handler(ask("https://shop.test/late", cookie))).text();
    expect(await (await handler(ask("https://shop.test/read", cookie))).text()).toBe(expected);
  });

  test("when the client disconnects during events, the changes until then are saved", async () => {
    const { sessions } = setup();
    const handler = fetchSessions(sessions)(async (request) => {
      const { data } = await sessions.get(request);
      if (request.url.endsWith("/read")) return new Response(data.a);
      data.a ??= "1";
      if (!request.url.endsWith("/late")) return new Response();
      const source = {
        pull(controller: ReadableStreamDefaultController) {
          data.a = "late";
          controller.enqueue(new Uint8Array(1));
        },
      };
      const body = new ReadableStream(source, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const cookie = cookieOf(await handler(ask()));
    const reader = (await handler(ask("https://shop.test/late", cookie))).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(await (await handler(ask("https://shop.test/read", cookie))).text()).toBe("late");
  });

  // On Bun the headers of every response can be changed.
  test.skipIf("Bun" in globalThis)(
    "an upgrade with immutable headers is passed on unchanged, since it cannot be copied",
    async () => {
      const { sessions } = setup();
      // What Deno.upgradeWebSocket gave, made where no such response can be had.
      const upgrade = Object.defineProperty(Response.redirect("https://shop.test/"), "status", { value: 101 });
      const handler = fetchSessions(sessions)(async (request) => {
        const { data } = await sessions.get(request);
        if (request.url.endsWith("/read")) return new Response(data.a);
        data.a = request.url;
        return request.url.endsWith("/login") ? new Response() : upgrade;
      });
      const cookie = cookieOf(await handler(ask("https://shop.test/login")));
      expect(await handler(ask("https://shop.test/socket", cookie))).toBe(upgrade);
      expect(await (await handler(ask("https://shop.test/read", cookie))).text()).toBe("https://shop.test/socket");
      // A new session needs a cookie, and nothing can carry it.
      expect((await handler(ask("https://shop.test/socket"))).status).toBe(500);
    },
  );

  test.runIf(upgradeWebSocket)("under Deno a WebSocket opens, and its handler's changes are saved", async () => {
    const { sessions } = setup();
    const handler = fetchSessions(sessions)(async (request) => {
      const { data } = await sessions.get(request);
      if (request.url.endsWith("/read")) return new Response(data.a);
      data.a = `${data.a ?? "nobody"}!`;
      const { socket, response } = upgradeWebSocket!(request);
      socket.onopen = () => socket.send(`hello ${data.a}`);
      return response;
    });
    const { url, close } = await listenFetch(handler);
    try {
      const first = new Request("https://shop.test/");
      const cookie = cookieOf(
        await fetchSessions(sessions)(async (request) => {
          (await sessions.get(request)).data.a = "ada";
          return new Response();
        })(first),
      );
      expect(await greeting(url, cookie)).toBe("hello ada!");
      expect(await greeting(url)).toBe("hello nobody!");
      expect(await (await fetch(`${url}/read`, { headers: { cookie } })).text()).toBe("ada!");
    } finally {
      await close();
    }
  });

  test("a cookie over plain http causes a warning, unless secure says that a proxy uses https", async () => {
    for (const [url, options, expected] of [
      ["http://shop.test/", {}, 1],
      ["https://shop.test/", {}, 0],
      ["http://shop.test/", { secure: () => true }, 0],
    ] as const) {
      const { sessions, state } = setup();
      const handler = fetchSessions(
        sessions,
        options,
      )(async (request) => {
        (await sessions.get(request)).data.a = "1";
        return new Response();
      });
      await handler(ask(url));
      expect(state.warnings).toHaveLength(expected);
    }
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    expect(() => fetchSessions(sessions, { secure: true as never })).toThrow(
      "secure must be a function; received true",
    );
    expect(() => fetchSessions(sessions, { streaming: 1 as never })).toThrow(
      "streaming must be true or false; received 1",
    );
    expect(() => fetchSessions(sessions, { onError: {} as never })).toThrow(
      "onError must be a function; received an object",
    );
  });
});

test("a handler may return nothing, as after an upgrade on Bun", async () => {
  const sessions = createSessions<{ sockets: number }>({ store: memoryStore(), cookie: { secure: false } });
  const withSessions = fetchSessions(sessions);
  const upgraded = async (request: Request): Promise<undefined> => {
    (await sessions.get(request)).update("sockets", (n = 0) => n + 1);
  };
  const begun = await withSessions(async (request) => {
    await upgraded(request);
    return new Response();
  })(new Request("http://localhost/"));
  const headers = { cookie: begun.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  expect(await withSessions(upgraded)(new Request("http://localhost/", { headers }))).toBeUndefined();
  const seen = withSessions(async (request) => Response.json((await sessions.get(request)).data));
  expect(await (await seen(new Request("http://localhost/", { headers }))).json()).toEqual({ sockets: 2 });
  expect(await withSessions(() => undefined)(new Request("http://localhost/"))).toBeUndefined();
});

test("a response to an error inside another adapter has the outer session's cookie once", async () => {
  const outer = createSessions({ store: memoryStore(), cookie: { secure: false } });
  const broken = faultyStore(memoryStore(), () => "throw-before");
  const inner = createSessions({ store: broken, cookie: { name: "inner", secure: false } });
  const handler = fetchSessions(outer)(
    fetchSessions(inner)(async (request) => {
      const session = await outer.get(request);
      session.data["a"] = 1;
      await session.save();
      (await inner.get(request)).data["b"] = 2;
      return new Response("from the handler");
    }),
  );
  const answer = await handler(new Request("http://localhost/"));
  expect([answer.status, answer.headers.getSetCookie().length]).toEqual([503, 1]);
});

test("a shared response without a body gives no client the cookies of others", async () => {
  const sessions = createSessions({ store: memoryStore() });
  const seeHome = new Response(null, { status: 303, headers: { location: "/" } });
  const handler = fetchSessions(sessions)(async (request) => {
    const session = await sessions.get(request);
    if (request.url.endsWith("/login")) session.login("ada");
    return seeHome;
  });
  const login = await handler(new Request("https://shop.test/login"));
  expect([login.status, login.headers.get("location"), login.headers.getSetCookie().length]).toEqual([303, "/", 1]);
  const next = await handler(new Request("https://shop.test/other"));
  expect([next.status, next.headers.getSetCookie()]).toEqual([303, []]);
});

test.each(["fetch", "hono"] as const)(
  "%s: the host is asked to wait for the last save of a stream of events",
  async (name) => {
    const sessions = createSessions<{ a: string }>({ store: memoryStore(), warn: () => {} });
    const handle = async (asked: object, url: string): Promise<Response> => {
      const { data } = await sessions.get(asked);
      if (url.endsWith("/read")) return new Response(`${data.a}`);
      if (url.endsWith("/begin")) data.a = "begun";
      if (!url.endsWith("/events")) return new Response("begun");
      const body = new ReadableStream({
        pull(controller) {
          data.a = "seen";
          controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
    const hono = new Hono().use(honoSessions(sessions)).all("*", (c) => handle(c, c.req.url));
    const fetching = fetchSessions(sessions)((request: Request, _env: object, _ctx: object) =>
      handle(request, request.url),
    );
    const waits: Promise<unknown>[] = [];
    const ctx = {
      waitUntil: (promise: Promise<unknown>) => void waits.push(promise),
      passThroughOnException() {},
      props: {},
    };
    const ask = async (path: string, cookie = ""): Promise<Response> => {
      const request = new Request(`https://shop.test${path}`, { headers: { cookie } });
      return name === "hono" ? hono.fetch(request, {}, ctx) : fetching(request, {}, ctx);
    };
    const cookie = (await ask("/begin")).headers.getSetCookie()[0]?.split(";")[0];
    expect(waits).toHaveLength(0);
    const { body } = await ask("/events", cookie);
    expect(waits).toHaveLength(1);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    await Promise.all(waits);
    expect(await (await ask("/read", cookie)).text()).toBe("seen");
  },
);
