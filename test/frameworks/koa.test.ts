/** Koa 3 and 2: the framework suite, and what is Koa's own. */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import Koa, { type Context } from "koa";
import koa2 from "koa2";
import { koaSessions } from "sojourn/frameworks/koa";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { cert, key } from "../support/certificate.ts";
import { cookieOf, faultySessions } from "../support/faulty-sessions.ts";
import { askAndGo } from "../support/http2-client.ts";
import { bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "koa", server: nodeServer, clients: [clientVersion("koa"), clientVersion("koa2")] });

function reply(ctx: Context, given: Reply): void {
  for (const [name, value] of given.headers ?? []) ctx.append(name, value);
  if (given.kind === "redirect") {
    ctx.redirect(given.location);
    ctx.status = given.status ?? 302;
    return;
  }
  ctx.status = given.status ?? 200;
  if (given.kind === "text") ctx.body = given.text;
  else ctx.body = given.kind === "file" ? createReadStream(given.path) : Readable.from(given.chunks);
}

function application(Application: typeof Koa, { sessions, attach, handle, onError }: TrialApp): Koa {
  const app = new Application();
  // What Koa prints of errors.
  app.silent = true;
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      reply(ctx, await onError(error, ctx));
    }
  });
  for (const one of sessions) app.use(koaSessions(one, { attach }));
  app.use(async (ctx) => reply(ctx, await handle(ctx, ctx.url, () => bodyOf(ctx.req))));
  return app;
}

const harnesses: readonly FrameworkHarness[] = [
  { name: clientVersion("koa"), start: (app) => listen(createServer(application(Koa, app).callback())) },
  {
    name: `${clientVersion("koa")} over HTTP/2`,
    http2: true,
    start: (app) => listen(createSecureServer({ key, cert }, application(Koa, app).callback()), "https"),
  },
  { name: clientVersion("koa2"), start: (app) => listen(createServer(application(koa2, app).callback())) },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
for (const harness of harnesses.slice(0, 1)) describeCaches(harness);

interface Data {
  a: string;
}

const running: RunningApp[] = [];
afterEach(() => {
  for (const one of running.splice(0)) one.close();
});

async function start(app: Koa): Promise<string> {
  app.silent = true;
  const one = await listen(createServer(app.callback()));
  running.push(one);
  return one.url;
}

const setup = faultySessions<Data>;

const ours = (response: Response): string[] => response.headers.getSetCookie();

describe.each([
  ["3", Koa],
  ["2", koa2],
])("Koa %s", (_version, Application) => {
  test("ctx, ctx.request and ctx.req have the same session, also in a mounted application", async () => {
    const { sessions } = setup();
    const [app, inner] = [new Application(), new Application()];
    app.use(koaSessions(sessions));
    inner.use(koaSessions(sessions, { attach: "session" }));
    inner.use(async (ctx) => {
      const found = await Promise.all([sessions.get(ctx), sessions.get(ctx.request), sessions.get(ctx.req)]);
      ctx.body = found.map((one) => one === ctx["session"]);
    });
    // What koa-mount does.
    app.use(async (ctx, next) => {
      (await sessions.get(ctx)).data.a = "1";
      for (const layer of inner.middleware.toReversed()) {
        const after = next;
        next = () => Promise.resolve(layer(ctx as never, after));
      }
      await next();
    });
    const response = await fetch(await start(app));
    expect(await response.json()).toEqual([true, true, true]);
    expect(ours(response)).toHaveLength(1);
  });

  test.each([
    [false, 1],
    [true, 0],
  ])("app.proxy %s decides whether a cookie over a proxy's https causes a warning", async (proxy, expected) => {
    const { sessions, state } = setup();
    const app = new Application();
    app.proxy = proxy;
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      (await sessions.get(ctx)).data.a = "1";
      ctx.body = "ok";
    });
    const response = await fetch(await start(app), { headers: { "x-forwarded-proto": "https" } });
    expect(ours(response)).toHaveLength(1);
    expect(state.warnings).toHaveLength(expected);
  });

  test("without a try before the sessions Koa answers 503, and app.on('error') gets the error", async () => {
    const { sessions, state } = setup();
    const app = new Application();
    const errors: unknown[] = [];
    app.on("error", (error) => errors.push(error));
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      (await sessions.get(ctx)).data.a = "1";
      if (ctx.path === "/write") state.fault = "throw-before";
      ctx.set("x-handler", "1");
      ctx.body = { secret: true };
    });
    const url = await start(app);
    for (const path of ["/write", "/read"]) {
      const response = await fetch(url + path, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
      expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
      expect(response.headers.get("x-handler")).toBeNull();
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    const unavailable = expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" });
    expect(errors).toEqual([unavailable, unavailable]);
  });

  test.each(["first", "behind a logger"])("a failed save is a 503 when the sessions are mounted %s", async (where) => {
    for (const body of ["text", "bytes", "json", "stream"]) {
      const { sessions, state } = setup();
      const app = new Application();
      const errors: unknown[] = [];
      app.on("error", (error) => errors.push(error));
      if (where !== "first") app.use((_ctx, next) => next());
      app.use(koaSessions(sessions));
      const stream = Readable.from(["private"]);
      app.use(async (ctx) => {
        (await sessions.get(ctx)).data.a = "1";
        state.fault = "throw-before";
        ctx.set("x-handler", "1");
        ctx.body = { text: "private", bytes: Buffer.from("private"), json: ["private"], stream }[body];
      });
      const response = await fetch(await start(app));
      expect([body, response.status, await response.text()]).toEqual([body, 503, "Service Unavailable"]);
      expect([response.headers.get("x-handler"), ours(response)]).toEqual([null, []]);
      expect(errors).toEqual([expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" })]);
      if (body === "stream") expect(stream.destroyed).toBe(true);
    }
  });

  test("a body that is not JSON is a 500, and the route's changes are not saved", async () => {
    const { sessions } = setup();
    const app = new Application();
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      const { data } = await sessions.get(ctx);
      data.a = `${data.a ?? ""}x`;
      ctx.body = ctx.path === "/broken" ? { amount: 1n } : data.a;
    });
    const url = await start(app);
    const headers = cookieOf(await fetch(url));
    expect((await fetch(`${url}/broken`, { headers })).status).toBe(500);
    expect(await (await fetch(url, { headers })).text()).toBe("xx");
  });

  test("an error page that sets only a status has no body of the route, whose stream is destroyed", async () => {
    for (const body of ["stream", "json"]) {
      const { sessions, state } = setup();
      const app = new Application();
      const stream = Readable.from(Array(100).fill("x".repeat(10_000)));
      app.use(async (ctx, next) => {
        ctx.set("x-policy", "strict");
        try {
          await next();
        } catch {
          ctx.set("x-page", "1");
        }
      });
      app.use(koaSessions(sessions));
      app.use(async (ctx) => {
        (await sessions.get(ctx)).data.a = "1";
        state.fault = "throw-before";
        ctx.set("x-handler", "1");
        ctx.body = body === "stream" ? stream : { secret: true };
      });
      const response = await fetch(await start(app));
      expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
      const headers = ["x-policy", "x-page", "x-handler"].map((name) => response.headers.get(name));
      expect(headers).toEqual(["strict", "1", null]);
      if (body === "stream") expect(stream.destroyed).toBe(true);
    }
  });

  test("a failed save is not repeated, whatever answers it", async () => {
    const { sessions, state } = setup();
    const app = new Application();
    app.use(async (ctx, next) => {
      try {
        await next();
      } catch {
        state.fault = "pass";
        ctx.status = 200;
        ctx.body = "as if nothing had happened";
      }
    });
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      (await sessions.get(ctx)).data.a = "1";
      state.fault = "throw-before";
      ctx.body = "ok";
    });
    const response = await fetch(await start(app));
    expect([response.status, await response.text()]).toEqual([200, "as if nothing had happened"]);
    expect(ours(response)).toEqual([]);
  });

  test("changes by middleware before the sessions, after next(), are saved", async () => {
    const { sessions } = setup();
    const app = new Application();
    app.use(async (ctx, next) => {
      await next();
      if (ctx.path === "/late") (await sessions.get(ctx)).data.a = "late";
    });
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      if (ctx.path !== "/unused") {
        const { data } = await sessions.get(ctx);
        data.a ??= "1";
        ctx.body = data.a;
      }
    });
    const url = await start(app);
    const headers = cookieOf(await fetch(url));
    expect((await fetch(`${url}/late`, { headers })).headers.get("vary")).toBe("Cookie");
    expect(await (await fetch(url, { headers })).text()).toBe("late");
  });

  test("a response through ctx.res is held until the session is saved, and refused if that fails", async () => {
    const { sessions, state } = setup();
    const app = new Application();
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      (await sessions.get(ctx)).data.a = "1";
      if (ctx.path === "/fail") state.fault = "throw-before";
      ctx.respond = false;
      ctx.res.statusCode = 200;
      ctx.res.end("own");
    });
    const url = await start(app);
    const response = await fetch(url);
    expect([response.status, await response.text(), ours(response).length]).toEqual([200, "own", 1]);
    const failed = await fetch(`${url}/fail`);
    expect([failed.status, await failed.text(), ours(failed)]).toEqual([503, "Service Unavailable", []]);
  });

  test("a late save that fails aborts the response, and app.on('error') gets the error", async () => {
    const { sessions, state } = setup();
    const app = new Application();
    const failed = once(app, "error");
    const seen = Promise.withResolvers<void>();
    app.use(koaSessions(sessions));
    app.use(async (ctx) => {
      const { data } = await sessions.get(ctx);
      data.a ??= "1";
      ctx.body = "made";
      if (ctx.path !== "/late") return;
      ctx.body = Readable.from(
        (async function* () {
          yield "first";
          await seen.promise;
          data.a = "late";
          state.fault = "throw-before";
          yield "last";
        })(),
      );
    });
    const url = await start(app);
    const headers = cookieOf(await fetch(url));
    const response = await fetch(`${url}/late`, { headers });
    seen.resolve();
    await expect(response.text()).rejects.toThrow();
    expect(await failed).toEqual([
      expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" }),
      expect.anything(),
    ]);
  });
});

test("an HTTP/2 client that disconnects before the response does not cause the warning for plain http", async () => {
  const { sessions, state } = setup();
  const arrived = Promise.withResolvers<void>();
  const saved = new Promise<void>((resolve) => sessions.on(({ type }) => type === "session_created" && resolve()));
  const app = new Koa();
  app.silent = true;
  app.use(koaSessions(sessions));
  app.use(async (ctx) => {
    (await sessions.get(ctx)).data.a = "1";
    const gone = once(ctx.res, "close");
    arrived.resolve();
    await gone;
    ctx.body = "ok";
  });
  const one = await listen(createSecureServer({ key, cert }, app.callback()), "https");
  running.push(one);
  await askAndGo(one.url, arrived.promise);
  await saved;
  await setImmediate();
  expect(state.warnings).toEqual([]);
});

test("middleware before the sessions that begins a session too late gets an error", async () => {
  const { sessions } = setup();
  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    const session = await sessions.get(ctx);
    try {
      session.login("ada");
    } catch (error) {
      ctx.body = (error as { code: string }).code;
    }
  });
  app.use(koaSessions(sessions));
  app.use(async (ctx) => void (await sessions.get(ctx)));
  const response = await fetch(await start(app));
  expect([await response.text(), ours(response)]).toEqual(["ERR_SESSION_HEADERS_SENT", []]);
});

test("wrong options are refused where they are passed", () => {
  const { sessions } = setup();
  for (const attach of ["", 1]) {
    expect(() => koaSessions(sessions, { attach: attach as never })).toThrow(/attach must be the name of a property/);
  }
});
