/** Hono 4 on its server for Node: the framework suite, and what is Hono's own. */

import { readFileSync } from "node:fs";
import type { createServer } from "node:http";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import { isSessionError, type Session } from "sojourn";
import { honoSessions } from "sojourn/frameworks/hono";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { startHono } from "../support/hono-app.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";
import { bundle, program, startWorker } from "../support/workerd.ts";

reportBackend({
  backend: "hono",
  server: nodeServer,
  clients: [clientVersion("hono"), clientVersion("@hono/node-server")],
});

const harness: FrameworkHarness = { name: clientVersion("hono"), start: startHono };

describeCases(harness.name, frameworkConformance(harness));
describeCaches(harness);

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

describe("honoSessions", () => {
  test("c, c.req and c.req.raw have the same session, also on app.route()", async () => {
    const { sessions } = setup();
    const [app, inner] = [new Hono(), new Hono()];
    app.use(honoSessions(sessions));
    inner.use(honoSessions(sessions));
    inner.get("/", async (c) => {
      const session = await sessions.get(c);
      session.data.a = "1";
      return c.json([session === (await sessions.get(c.req)), session === (await sessions.get(c.req.raw))]);
    });
    app.route("/inner", inner);
    const response = await app.request("/inner");
    expect(await response.json()).toEqual([true, true]);
    expect(ours(response)).toHaveLength(1);
  });

  // On Node there is none, and Hono throws: an error with its stack cost more than the rest of the adapter.
  test("the execution context is read only when a body is watched", async () => {
    const { sessions } = setup();
    const app = new Hono();
    const asked: string[] = [];
    app.use((c, next) => {
      Object.defineProperty(c, "executionCtx", {
        get() {
          asked.push(c.req.path);
          throw new Error("This context has no ExecutionContext");
        },
      });
      return next();
    });
    app.use(honoSessions(sessions));
    app.get("/unused", (c) => c.text("ok"));
    app.get("/written", async (c) => {
      (await sessions.get(c)).data.a = "1";
      return c.text("ok");
    });
    app.get("/events", (c) => streamSSE(c, (stream) => stream.writeSSE({ data: "1" })));
    for (const path of ["/unused", "/written", "/events"]) await (await app.request(path)).text();
    expect(asked).toEqual(["/events"]);
  });

  test("attach is a variable of the context", async () => {
    const { sessions } = setup();
    const app = new Hono<{ Variables: { visitor: Session<Data> } }>();
    app.use(honoSessions(sessions, { attach: "visitor" }));
    app.get("/", (c) => c.text(`${c.var.visitor.update("a", (a = "") => `${a}x`)} ${c.get("visitor").isNew}`));
    const first = await app.request("/");
    expect(await first.text()).toBe("x true");
    expect(await (await app.request("/", { headers: cookieOf(first) })).text()).toBe("xx false");
  });

  test("a response with an unused session is passed on unchanged", async () => {
    const app = new Hono();
    const plain = new Response("body");
    app.use(honoSessions(setup().sessions));
    app.get("/", () => plain);
    expect(await app.request("/")).toBe(plain);
  });

  test("a response with immutable headers keeps its own cookies beside the session's", async () => {
    const { sessions } = setup();
    const upstream = new Hono();
    upstream.get("/", (c) => c.text("upstream", 201, { "set-cookie": "own=1" }));
    const server = await listen(createAdaptorServer(upstream) as ReturnType<typeof createServer>);
    try {
      const app = new Hono();
      app.use(honoSessions(sessions));
      app.get("/", async (c) => {
        (await sessions.get(c)).data.a = "1";
        return fetch(server.url);
      });
      const response = await app.request("/");
      expect([response.status, await response.text()]).toEqual([201, "upstream"]);
      expect(response.headers.getSetCookie()).toEqual(["own=1", ours(response)[0]]);
    } finally {
      server.close();
    }
  });

  test("without app.onError Hono answers 503, read or write, without the handler's response", async () => {
    for (const attach of [undefined, "session"]) {
      const { sessions, state } = setup();
      const app = new Hono();
      app.use(async (c, next) => {
        await next();
        c.header("x-policy", "strict");
      });
      app.use(honoSessions(sessions, { attach }));
      app.get("/", async (c) => {
        (await sessions.get(c)).data.a = "1";
        state.fault = "throw-before";
        c.header("x-handler", "1");
        c.header("set-cookie", "own=1");
        return c.json({ secret: true }, 201);
      });
      for (const init of [{}, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } }]) {
        const response = await app.request("/", init);
        expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
        const headers = ["x-policy", "x-handler", "set-cookie"].map((name) => response.headers.get(name));
        expect(headers).toEqual(["strict", null, null]);
      }
    }
  });

  test("app.onError gets the store's own error, and its answer is sent with its headers", async () => {
    const { sessions, state } = setup();
    const app = new Hono();
    const errors: unknown[] = [];
    app.onError((error, c) => {
      errors.push(error);
      c.header("set-cookie", "sorry=1", { append: true });
      return c.json({ sorry: true }, 502, { "retry-after": "5" });
    });
    app.use(honoSessions(sessions));
    app.get("/", async (c) => {
      const session = await sessions.get(c);
      session.data.a = "1";
      await session.save();
      session.data.a = "2";
      state.fault = "throw-before";
      return c.text("handler");
    });
    const response = await app.request("/");
    expect([response.status, await response.json()]).toEqual([502, { sorry: true }]);
    expect(response.headers.get("retry-after")).toBe("5");
    // What was saved before has its cookie.
    expect(response.headers.getSetCookie().sort()).toEqual([ours(response)[0], "sorry=1"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(errors).toEqual([expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 })]);
  });

  test("changes before a throw are discarded, whatever the status", async () => {
    const { sessions } = setup();
    const app = new Hono();
    app.use(honoSessions(sessions));
    app.get("/make", async (c) => {
      (await sessions.get(c)).data.a = "1";
      return c.text("made");
    });
    app.get("/read", async (c) => c.json((await sessions.get(c)).data));
    app.get("/throw", async (c) => {
      (await sessions.get(c)).data.a = "2";
      throw new HTTPException(403, { message: "not you" });
    });
    const headers = cookieOf(await app.request("/make"));
    const response = await app.request("/throw", { headers });
    expect([response.status, await response.text()]).toEqual([403, "not you"]);
    expect(await (await app.request("/read", { headers })).json()).toEqual({ a: "1" });
  });

  test("the documented onError answers a 403 with 403, a failed save with 503, and the rest with 500", async () => {
    const { sessions, state } = setup();
    const app = new Hono();
    app.use(honoSessions(sessions));
    const page = readFileSync(join(projectRoot, "docs", "frameworks", "hono.md"), "utf8");
    const [, body = ""] = /app\.onError\(\(error, c\) => \{\n(.*?)\n\}\);/s.exec(page) ?? [];
    const onError = new Function("HTTPException", "isSessionError", "Response", `return (error, c) => {${body}};`);
    app.onError(onError(HTTPException, isSessionError, Response));
    app.get("/:how", async (c) => {
      (await sessions.get(c)).data.a = "1";
      if (c.req.param("how") === "refuse") throw new HTTPException(403, { message: "not you" });
      if (c.req.param("how") === "fail") throw new Error("a mistake");
      state.fault = "throw-before";
      return c.text("handler");
    });
    const refused = await app.request("/refuse");
    expect([refused.status, await refused.text()]).toEqual([403, "not you"]);
    expect((await app.request("/fail")).status).toBe(500);
    expect((await app.request("/save")).status).toBe(503);
  });

  test.each([
    ["server-sent events", {}, "/events", "late"],
    ["any body with streaming: true", { streaming: true }, "/body", "late"],
    ["no other body", {}, "/body", "1"],
  ])("late changes are saved at the end of %s", async (_what, options, path, expected) => {
    const { sessions } = setup();
    const app = new Hono();
    app.use(honoSessions(sessions, options));
    app.get("/make", async (c) => {
      (await sessions.get(c)).data.a = "1";
      return c.text("made");
    });
    app.get("/read", async (c) => c.text(`${(await sessions.get(c)).data.a}`));
    const seen = Promise.withResolvers<void>();
    app.get("/events", async (c) => {
      const { data } = await sessions.get(c);
      return streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: "first" });
        await seen.promise;
        data.a = "late";
      });
    });
    app.get("/body", async (c) => {
      const { data } = await sessions.get(c);
      const source = {
        async pull(controller: ReadableStreamDefaultController) {
          await seen.promise;
          data.a = "late";
          controller.close();
        },
      };
      return c.body(new ReadableStream(source, { highWaterMark: 0 }));
    });
    const headers = cookieOf(await app.request("/make"));
    const response = await app.request(path, { headers });
    seen.resolve();
    await response.text();
    expect(await (await app.request("/read", { headers })).text()).toBe(expected);
  });

  // Vary came after it had stored the page: Alice's was Bob's.
  test("Hono's cache() behind the sessions stores no page with a session, and stores the others", async () => {
    const worker = startWorker(await bundle(program("hono-cache-program")));
    onTestFinished(() => worker.dispose());
    const ask = (path: string, headers: Record<string, string> = {}) =>
      worker.dispatchFetch(`https://shop.test${path}`, { headers });
    const cookieFor = async (name: string) => cookieOf((await ask(`/login/${name}`)) as unknown as Response);
    const [ada, bob] = [await cookieFor("ada"), await cookieFor("bob")];
    for (const [path, vary] of [
      ["/pages/text", "Cookie"],
      ["/pages/raw", "Accept, Cookie"],
      ["/pages/headed", "Cookie"],
    ] as const) {
      for (const [headers, expected] of [
        [ada, "ada"],
        [bob, "bob"],
        [{}, "nobody"],
        [ada, "ada"],
      ] as const) {
        const answer = await ask(path, headers);
        expect([path, await answer.text(), answer.headers.get("vary")]).toEqual([path, expected, vary]);
      }
    }
    for (const visitor of [ada, bob, {}]) expect(await (await ask("/pages/for-all", visitor)).text()).toBe("made 1");
  });

  test("compress() works before the sessions, behind them, and both", async () => {
    const { sessions } = setup();
    for (const order of ["before", "behind"]) {
      const app = new Hono();
      const parts = [compress(), honoSessions(sessions)];
      for (const part of order === "before" ? parts : parts.reverse()) app.use(part);
      app.get("/", async (c) => {
        (await sessions.get(c)).data.a = "1";
        return c.text("x".repeat(10_000));
      });
      const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
      expect(response.headers.get("content-encoding")).toBe("gzip");
      expect(ours(response)).toHaveLength(1);
    }
  });

  test("a cookie over plain http causes a warning, unless secure says that a proxy uses https", async () => {
    for (const [url, options, expected] of [
      ["http://shop.test/", {}, 1],
      ["https://shop.test/", {}, 0],
      ["http://shop.test/", { secure: (request: Request) => request.headers.get("x-proto") === "https" }, 0],
    ] as const) {
      const { sessions, state } = setup();
      const app = new Hono();
      app.use(honoSessions(sessions, options));
      app.get("/", async (c) => {
        (await sessions.get(c)).data.a = "1";
        return c.text("ok");
      });
      await app.request(url, { headers: { "x-proto": "https" } });
      expect(state.warnings).toHaveLength(expected);
    }
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    expect(() => honoSessions(sessions, { attach: "" })).toThrow(/attach must be the name of a property/);
    expect(() => honoSessions(sessions, { secure: true as never })).toThrow("secure must be a function; received true");
    expect(() => honoSessions(sessions, { streaming: 1 as never })).toThrow(
      "streaming must be true or false; received 1",
    );
  });
});

test("a shared text, as Hono's server for Node takes it, gives no client the cookies of others", async () => {
  const { sessions } = setup();
  const app = new Hono();
  app.use(honoSessions(sessions));
  let text: Response | undefined;
  app.get("*", async (c) => {
    const session = await sessions.get(c);
    if (c.req.path === "/login") session.login("ada");
    text ??= new Response("hello");
    return text;
  });
  const server = await listen(createAdaptorServer(app) as ReturnType<typeof createServer>);
  try {
    const login = await fetch(`${server.url}/login`);
    expect([await login.text(), ours(login).length]).toEqual(["hello", 1]);
    const next = await fetch(`${server.url}/`);
    expect([await next.text(), ours(next)]).toEqual(["hello", []]);
  } finally {
    server.close();
  }
});
