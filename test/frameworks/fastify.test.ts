/** Fastify 5: the framework suite, and what is Fastify's own. */

import { once } from "node:events";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import type { Session } from "sojourn";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { cert, key } from "../support/certificate.ts";
import { launchFastify, startFastify } from "../support/fastify-app.ts";
import { cookieOf, type FaultySessions, faultySessions, ours } from "../support/faulty-sessions.ts";
import { askAndGo } from "../support/http2-client.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "fastify", server: nodeServer, clients: [clientVersion("fastify")] });

const name = clientVersion("fastify");
const harnesses: readonly FrameworkHarness[] = [
  { name, start: (app) => startFastify(fastify({ forceCloseConnections: true }), app) },
  {
    name: `${name} over HTTP/2`,
    http2: true,
    start: (app) =>
      startFastify(fastify({ http2: true, https: { key, cert }, http2SessionTimeout: 1000 }) as never, app),
  },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
for (const harness of harnesses.slice(0, 1)) describeCaches(harness);

interface Data {
  a: string;
}

const running: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

async function start(app: FastifyInstance): Promise<string> {
  const one = await launchFastify(app);
  running.push(one);
  return one.url;
}

const setup = (): FaultySessions<Data> => faultySessions<Data>({ current: true });

describe("fastifySessions", () => {
  test("the session is available in routes and in plugins, by request and by request.raw", async () => {
    const { sessions } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions));
    const route = async (request: FastifyRequest) => {
      const session = await sessions.get(request);
      session.data.a = request.url;
      return [session === (await sessions.get(request.raw)), session === (await sessions.current())];
    };
    app.register(async (inner) => {
      inner.register(fastifySessions(sessions));
      inner.get("/inner", route);
    });
    app.get("/beside", route);
    const url = await start(app);
    for (const path of ["/beside", "/inner"]) {
      const response = await fetch(url + path);
      expect(await response.json()).toEqual([true, true]);
      expect(ours(response)).toHaveLength(1);
    }
    expect(app.printPlugins()).toContain("sojourn");
  });

  test("sessions.current() works after a body was read", async () => {
    const { sessions } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions));
    app.post("/", async (request) => {
      const session = await sessions.current();
      session.data.a = (request.body as { a: string }).a;
      return session === (await sessions.get(request));
    });
    const body = JSON.stringify({ a: "x".repeat(200_000) });
    const url = await start(app);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } }),
      ),
    );
    expect(await Promise.all(answers.map((one) => one.text()))).toEqual(Array(5).fill("true"));
  });

  test("attach is a decorator, and Fastify refuses a name that exists", async () => {
    const { sessions } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions, { attach: "visitor" }));
    app.get("/", async (request) => {
      request.getDecorator<Session<Data>>("visitor").data.a = "1";
      return app.hasRequestDecorator("visitor");
    });
    const response = await fetch(await start(app));
    expect([await response.text(), ours(response).length]).toEqual(["true", 1]);

    const taken = fastify().decorateRequest("visitor", null);
    taken.register(fastifySessions(sessions, { attach: "visitor" }));
    await expect(taken.ready().then(() => {})).rejects.toHaveProperty("code", "FST_ERR_DEC_ALREADY_PRESENT");
  });

  test.each([
    [false, 1],
    [true, 0],
  ])("trustProxy %s decides whether a cookie over a proxy's https causes a warning", async (trustProxy, expected) => {
    const { sessions, state } = setup();
    const app = fastify({ trustProxy });
    app.register(fastifySessions(sessions));
    app.get("/", async (request) => {
      (await sessions.get(request)).data.a = "1";
      return "ok";
    });
    const response = await fetch(await start(app), { headers: { "x-forwarded-proto": "https" } });
    expect(ours(response)).toHaveLength(1);
    expect(state.warnings).toHaveLength(expected);
  });

  test("without an error handler Fastify answers 503, with the headers set before the sessions", async () => {
    const { sessions, state } = setup();
    const app = fastify();
    app.addHook("onRequest", async (_request, reply) => void reply.header("x-policy", "strict"));
    app.register(fastifySessions(sessions));
    app.get("/:what", async (request, reply) => {
      (await sessions.get(request)).data.a = "1";
      state.fault = "throw-before";
      reply.headers({ "x-handler": "1", "set-cookie": "own=1", etag: '"1"' }).code(201);
      const { what } = request.params as { what: string };
      if (what === "web") return reply.send(new Response("x".repeat(100_000), { headers: { "x-handler": "2" } }));
      return what === "stream" ? Readable.from(Array(100).fill("x".repeat(10_000))) : { secret: true };
    });
    const url = await start(app);
    for (const path of ["/json", "/stream", "/web"]) {
      state.fault = "pass";
      const response = await fetch(url + path);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ statusCode: 503, code: "ERR_SESSION_STORE_UNAVAILABLE" });
      const headers = ["x-policy", "x-handler", "set-cookie", "etag"].map((name) => response.headers.get(name));
      expect(headers).toEqual(["strict", null, null, null]);
    }
    const unread = await fetch(`${url}/json`, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
    expect(unread.status).toBe(503);
  });

  test("the error page reads the session, and the route's changes before the throw are discarded", async () => {
    const { sessions } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions));
    app.get("/make", async (request) => {
      (await sessions.get(request)).data.a = "1";
      return "made";
    });
    app.get("/read", async (request) => (await sessions.get(request)).data);
    app.get("/throw", async (request) => {
      (await sessions.get(request)).data.a = "2";
      throw new Error("a mistake");
    });
    app.setErrorHandler(async (_error, request, reply) =>
      reply.code(422).send({ still: (await sessions.get(request)).data.a }),
    );
    const url = await start(app);
    const headers = cookieOf(await fetch(`${url}/make`));
    const response = await fetch(`${url}/throw`, { headers });
    expect([response.status, await response.json()]).toEqual([422, { still: "2" }]);
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "1" });
  });

  test("a route that sends without returning the reply is answered once, even if it throws afterwards", async () => {
    for (const throws of [false, true]) {
      const { sessions } = setup();
      const app = fastify();
      app.register(fastifySessions(sessions));
      app.get("/", async (request, reply) => {
        (await sessions.get(request)).data.a = "1";
        reply.send("sent");
        if (throws) throw new Error("a mistake after the answer");
      });
      const response = await fetch(await start(app));
      expect([response.status, await response.text(), ours(response).length]).toEqual([200, "sent", 1]);
    }
  });

  test("changes by onSend hooks to the session and the payload are saved", async () => {
    const { sessions } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions));
    app.addHook("onSend", async (request, _reply, payload) => {
      const { data } = await sessions.get(request);
      if (request.url === "/set") data.a = "from the hook";
      return `${payload}!`;
    });
    app.get("/*", async (request) => (await sessions.get(request)).data.a ?? "nothing");
    const url = await start(app);
    const response = await fetch(`${url}/set`);
    expect(await response.text()).toBe("nothing!");
    expect(await (await fetch(url, { headers: cookieOf(response) })).text()).toBe("from the hook!");
  });

  test("a hijacked reply is held until the session is saved, and refused if that fails", async () => {
    const { sessions, state } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions));
    app.get("/*", async (request, reply) => {
      (await sessions.get(request)).data.a = "1";
      if (request.url === "/fail") state.fault = "throw-before";
      reply.hijack();
      reply.raw.end("own");
    });
    const url = await start(app);
    const response = await fetch(url);
    expect([response.status, await response.text(), ours(response).length]).toEqual([200, "own", 1]);
    const failed = await fetch(`${url}/fail`);
    expect([failed.status, await failed.text(), ours(failed)]).toEqual([503, "Service Unavailable", []]);
  });

  test("a late save that fails aborts the response and is logged, without the id", async () => {
    const { sessions, state } = setup();
    const lines: string[] = [];
    const app = fastify({ logger: { level: "error", stream: { write: (line: string) => lines.push(line) } } });
    const seen = Promise.withResolvers<void>();
    app.register(fastifySessions(sessions));
    app.get("/make", async (request) => {
      (await sessions.get(request)).data.a = "1";
      return "made";
    });
    app.get("/late", async (request) => {
      const { data } = await sessions.get(request);
      return Readable.from(
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
    const headers = cookieOf(await fetch(`${url}/make`));
    const response = await fetch(`${url}/late`, { headers });
    seen.resolve();
    await expect(response.text()).rejects.toThrow();
    const logged = lines.join("");
    expect(logged).toContain("ERR_SESSION_STORE_UNAVAILABLE");
    expect(logged).not.toContain(headers["cookie"]?.split("=")[1]);
  });

  test("inject, Fastify's test client, gets the cookie", async () => {
    const { sessions } = setup();
    const app = fastify();
    app.register(fastifySessions(sessions));
    app.get("/", async (request) => `${(await sessions.get(request)).update("a", (a = "") => `${a}x`)}`);
    const first = await app.inject("/");
    expect([first.statusCode, first.body]).toEqual([200, "x"]);
    const { cookie } = { cookie: `${first.headers["set-cookie"]}`.split(";")[0] as string };
    expect((await app.inject({ url: "/", headers: { cookie } })).body).toBe("xx");
  });

  test("an HTTP/2 client that disconnects before the response does not cause the warning for plain http", async () => {
    const { sessions, state } = setup();
    const arrived = Promise.withResolvers<void>();
    const saved = new Promise<void>((resolve) => sessions.on(({ type }) => type === "session_created" && resolve()));
    const app = fastify({ http2: true, https: { key, cert } });
    app.register(fastifySessions(sessions));
    app.get("/", async (request, reply) => {
      (await sessions.get(request)).data.a = "1";
      const gone = once(reply.raw, "close");
      arrived.resolve();
      await gone;
      return "ok";
    });
    await askAndGo(await start(app as never), arrived.promise);
    await saved;
    await setImmediate();
    expect(state.warnings).toEqual([]);
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    for (const attach of ["", 1]) {
      expect(() => fastifySessions(sessions, { attach: attach as never })).toThrow(
        /attach must be the name of a property/,
      );
    }
  });
});
