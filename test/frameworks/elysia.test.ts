/** Elysia 1 on its server for Node and as a fetch handler: the framework suite, and what is Elysia's own. */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { node } from "@elysiajs/node";
import { type AnyElysia, type Context, Elysia } from "elysia";
import type { Sessions } from "sojourn";
import { elysiaSessions } from "sojourn/frameworks/elysia";
import { fetchSessions } from "sojourn/frameworks/fetch";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { streamOf } from "../support/fetch-reply.ts";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "elysia",
  server: nodeServer,
  clients: [clientVersion("elysia"), clientVersion("@elysiajs/node")],
});

// Its server for Node adds one listener for each application.
process.setMaxListeners(500);

type Answering = Pick<Context, "set" | "redirect" | "request">;

function answer({ set, redirect, request }: Answering, given: Reply): unknown {
  const headers = set.headers as Record<string, string | string[]>;
  for (const [name, value] of given.headers ?? []) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  if (given.kind === "redirect")
    return redirect(new URL(given.location, request.url).href, (given.status ?? 302) as 302);
  set.status = given.status ?? 200;
  // Its server for Node sends both Content-Length and Transfer-Encoding with file(), with sessions or without.
  if (given.kind === "file") return new Response(streamOf(createReadStream(given.path)));
  if (given.kind === "stream") return new Response(streamOf(given.chunks));
  return given.text === "" ? new Response(null, { status: set.status }) : given.text;
}

function build(app: Elysia, { sessions, attach, handle, onError }: TrialApp): Elysia {
  for (const one of sessions) app.use(elysiaSessions(one));
  app.onError(async (context) => answer(context, await onError(context.error, context)) as Response);
  // What Elysia's users write for an eager session.
  if (attach !== undefined) app.derive(async (context) => ({ [attach]: await (sessions[0] as Sessions).get(context) }));
  const route = async (context: Context): Promise<unknown> => {
    const { pathname, search } = new URL(context.request.url);
    return answer(context, await handle(context, pathname + search, () => context.request.text()));
  };
  app.all("/*", route, { parse: "none" });
  return app;
}

async function launch(app: AnyElysia): Promise<RunningApp> {
  const { promise, resolve } = Promise.withResolvers<{ raw: { node: { server: Server } } }>();
  app.listen({ port: 0, hostname: "127.0.0.1" }, resolve as never);
  const { server } = (await promise).raw.node;
  if (!server.listening) await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const name = clientVersion("elysia");
const harnesses: readonly FrameworkHarness[] = [
  {
    name: `${name} with ${clientVersion("@elysiajs/node")}`,
    start: (app) => launch(build(new Elysia({ adapter: node() }) as never, app)),
  },
  {
    name: `${name} as a fetch handler`,
    start: (app) => listen(serveFetch(async (request) => build(new Elysia(), app).handle(request))),
  },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
for (const harness of harnesses.slice(0, 1)) describeCaches(harness);

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

const asking = (path: string, after?: Response, method = "GET"): Request =>
  new Request(`https://shop.test${path}`, {
    method,
    headers: after ? cookieOf(after) : {},
  });

describe("elysiaSessions", () => {
  test("the context and the request have the same session, also in a plugin that has the sessions", async () => {
    const { sessions } = setup();
    const inner = new Elysia({ prefix: "/inner" }).use(elysiaSessions(sessions)).get("/", async (context) => {
      const session = await sessions.get(context);
      session.data.a = "1";
      return session === (await sessions.get(context.request));
    });
    for (const app of [new Elysia().use(elysiaSessions(sessions)).use(inner), new Elysia().use(inner)]) {
      const response = await app.handle(asking("/inner"));
      expect([await response.text(), ours(response).length]).toEqual(["true", 1]);
    }
  });

  test("derive gives handlers an eager session, with its type", async () => {
    const { sessions } = setup();
    const app = new Elysia()
      .use(elysiaSessions(sessions))
      .derive(async ({ request }) => ({ session: await sessions.get(request) }))
      .get("/", ({ session }) => `${session.update("a", (a = "") => `${a}x`)} ${session.isNew}`);
    const first = await app.handle(asking("/"));
    expect(await first.text()).toBe("x true");
    expect(await (await app.handle(asking("/", first))).text()).toBe("xx false");
  });

  test("without onError Elysia answers 503, read or write, without the handler's response", async () => {
    const { sessions, state } = setup();
    const app = new Elysia()
      .onRequest(({ set }) => {
        set.headers["x-policy"] = "strict";
      })
      .use(elysiaSessions(sessions))
      .get("/", async ({ request, set, cookie }) => {
        (await sessions.get(request)).data.a = "1";
        state.fault = "throw-before";
        set.headers["x-handler"] = "1";
        cookie.own?.set({ value: "1" });
        set.status = 201;
        return { secret: true };
      });
    for (const request of [
      asking("/"),
      new Request(asking("/"), { headers: { cookie: `__Host-session=${"A".repeat(43)}` } }),
    ]) {
      const response = await app.handle(request);
      expect(response.status).toBe(503);
      expect(await response.text()).not.toContain("secret");
      const headers = ["x-policy", "x-handler", "set-cookie"].map((name) => response.headers.get(name));
      expect(headers).toEqual(["strict", null, null]);
    }
  });

  test("onError gets the store's own error, and its answer is sent with the cookie of what was saved", async () => {
    const { sessions, state } = setup();
    const errors: unknown[] = [];
    const app = new Elysia()
      .use(elysiaSessions(sessions))
      .onError(({ error, set }) => {
        errors.push(error);
        set.headers["retry-after"] = "5";
        return { sorry: true };
      })
      .get("/", async ({ request }) => {
        const session = await sessions.get(request);
        session.data.a = "1";
        await session.save();
        session.data.a = "2";
        state.fault = "throw-before";
        return "handler";
      });
    const response = await app.handle(asking("/"));
    expect([response.status, await response.json()]).toEqual([503, { sorry: true }]);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(ours(response)).toHaveLength(1);
    expect(errors).toEqual([expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 })]);
  });

  test("changes before a throw are not saved, whatever the status; before a returned error they are", async () => {
    const { sessions } = setup();
    const app = new Elysia()
      .use(elysiaSessions(sessions))
      .get("/read", async ({ request }) => ({ ...(await sessions.get(request)).data }))
      .get("/set/:a", async ({ request, params, status }) => {
        const { data } = await sessions.get(request);
        data.a = params.a;
        if (params.a === "thrown") throw status(403, "not you");
        return params.a === "returned" ? status(403, "not you") : "ok";
      })
      .get(
        "/local",
        async ({ request }) => {
          (await sessions.get(request)).data.a = "local";
          throw new Error("a mistake");
        },
        { error: () => new Response("answered", { status: 400 }) },
      );
    const made = await app.handle(asking("/set/1"));
    const seen = async (path: string): Promise<unknown[]> => {
      const { status } = await app.handle(asking(path, made));
      return [status, await (await app.handle(asking("/read", made))).json()];
    };
    expect(await seen("/set/thrown")).toEqual([403, { a: "1" }]);
    expect(await seen("/local")).toEqual([400, { a: "1" }]);
    expect(await seen("/set/returned")).toEqual([403, { a: "returned" }]);
  });

  test.each([
    ["server-sent events", {}, true, "late"],
    ["any body with streaming: true", { streaming: true }, false, "late"],
    ["no other body", {}, false, "1"],
  ])("late changes are saved at the end of %s", async (_what, options, events, expected) => {
    const { sessions } = setup();
    const seen = Promise.withResolvers<void>();
    const app = new Elysia({ adapter: node() })
      .use(elysiaSessions(sessions, options))
      .get("/make", async ({ request }) => {
        (await sessions.get(request)).data.a = "1";
      })
      .get("/read", async ({ request }) => (await sessions.get(request)).data.a)
      .get("/stream", async function* ({ request, set }) {
        const { data } = await sessions.get(request);
        if (events) set.headers["content-type"] = "text/event-stream";
        yield "first";
        await seen.promise;
        data.a = "late";
        yield "last";
      });
    const { url, close } = await launch(app);
    try {
      const headers = cookieOf(await fetch(`${url}/make`));
      const response = await fetch(`${url}/stream`, { headers });
      seen.resolve();
      expect((await response.text()).replaceAll(/\s|data:/g, "")).toBe("firstlast");
      expect(await (await fetch(`${url}/read`, { headers })).text()).toBe(expected);
    } finally {
      close();
    }
  });

  test("a cookie over plain http causes a warning, unless secure says that a proxy uses https", async () => {
    for (const [url, options, expected] of [
      ["http://shop.test/", {}, 1],
      ["https://shop.test/", {}, 0],
      ["http://shop.test/", { secure: (request: Request) => request.headers.get("x-proto") === "https" }, 0],
    ] as const) {
      const { sessions, state } = setup();
      const app = new Elysia().use(elysiaSessions(sessions, options)).get("/", async ({ request }) => {
        (await sessions.get(request)).data.a = "1";
      });
      await app.handle(new Request(url, { headers: { "x-proto": "https" } }));
      expect(state.warnings).toHaveLength(expected);
    }
  });

  test("access decides what a route may do", async () => {
    const { sessions } = setup();
    const app = new Elysia()
      .use(elysiaSessions(sessions, { access: ({ url }) => (url.endsWith("/read") ? "read" : undefined) }))
      .get("/read", async ({ request }) => {
        (await sessions.get(request)).data.a = "1";
      });
    expect((await app.handle(asking("/read"))).status).toBe(500);
  });

  test("with aot: false it is an error with the remedy: the fetch adapter around the application works", async () => {
    const { sessions } = setup();
    const routes = async ({ request }: { request: Request }): Promise<string> => {
      (await sessions.get(request)).data.a = "1";
      return "ok";
    };
    const plugged = new Elysia({ aot: false }).use(elysiaSessions(sessions)).get("/", routes);
    const response = await plugged.handle(asking("/"));
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining("aot: false")]);
    const app = new Elysia({ aot: false }).get("/", routes);
    const wrapped = await fetchSessions(sessions)((request) => app.handle(request))(asking("/"));
    expect([await wrapped.text(), ours(wrapped).length]).toEqual(["ok", 1]);
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    expect(() => elysiaSessions(sessions, { secure: true as never })).toThrow(
      "secure must be a function; received true",
    );
    expect(() => elysiaSessions(sessions, { access: 1 as never })).toThrow("access must be a function; received 1");
    expect(() => elysiaSessions(sessions, { streaming: 1 as never })).toThrow("streaming must be true or false");
  });
});

test("a login while a socket opens keeps the session, and its cookie is sent", async () => {
  const { sessions } = setup();
  const events: string[] = [];
  sessions.on(({ type, reason }) => type === "save_failed" && events.push(`${reason}`));
  const hello = { open: (ws: { send(text: string): unknown }) => void ws.send("hello") };
  const app = new Elysia({ adapter: node() })
    .use(elysiaSessions(sessions))
    .get("/set", async ({ request }) => (await sessions.get(request)).update("a", () => "1"))
    .get("/read", async ({ request }) => (await sessions.get(request)).data)
    .ws("/change", {
      beforeHandle: async ({ request }) => void (await sessions.get(request)).update("a", () => "2"),
      ...hello,
    })
    .ws("/login", { beforeHandle: async ({ request }) => (await sessions.get(request)).login("ada"), ...hello });
  const { url, close } = await launch(app);
  try {
    const headers = cookieOf(await fetch(`${url}/set`));
    for (const path of ["/change", "/login"]) {
      const socket = new WebSocket(url.replace("http", "ws") + path, { headers });
      const [message] = await once(socket, "message");
      expect(`${message}`).toBe("hello");
      socket.close();
    }
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "2" });
    expect(events).toEqual(["ERR_SESSION_HEADERS_SENT"]);
  } finally {
    await close();
  }
});
