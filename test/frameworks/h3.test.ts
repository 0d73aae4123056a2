/** h3 2 on its server for Node: the framework suite, and what is h3's own. */

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import {
  createEventStream,
  defineWebSocketHandler,
  fromNodeHandler,
  H3,
  type H3Event,
  HTTPError,
  HTTPResponse,
  onError as onErrorHook,
  redirect,
  serve,
  toNodeHandler,
} from "h3";
import { createApp as createAppV1, toNodeListener } from "h3v1";
import { H3 as CandidateH3 } from "nitro/h3";
import { h3Sessions } from "sojourn/frameworks/h3";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { responseOf } from "../support/fetch-reply.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "h3", server: nodeServer, clients: [clientVersion("h3")] });

/** Values, h3's way: status and headers are put on the event. */
function prepared(event: H3Event, given: Reply): unknown {
  for (const [name, value] of given.headers ?? []) event.res.headers.append(name, value);
  if (given.kind === "redirect") return redirect(given.location, given.status ?? 302);
  event.res.status = given.status ?? 200;
  if (given.kind === "text") return given.text;
  return Readable.toWeb(given.kind === "file" ? createReadStream(given.path) : Readable.from(given.chunks));
}

function application(
  { sessions, attach, handle, onError }: TrialApp,
  answer: (event: H3Event, given: Reply) => unknown,
): H3 {
  const app = new H3({
    silent: true,
    async onError(error, event) {
      const given = await onError(error.unhandled ? error.cause : error, event);
      if (given.kind === "text") return new HTTPResponse(given.text, { status: given.status ?? 500 });
      throw new Error("an error page is a text");
    },
  });
  for (const one of sessions) app.use(h3Sessions(one, { attach }));
  if (attach !== undefined) {
    // The suite looks for what is attached among the properties.
    app.use((event) => void Object.assign(event, { [attach]: event.context[attach] }));
  }
  app.all("/**", async (event) => {
    const { pathname, search } = event.url;
    return answer(event, await handle(event, pathname + search, () => event.req.text()));
  });
  return app;
}

async function serving(app: H3): Promise<RunningApp> {
  const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false });
  await server.ready();
  return { url: `${server.url}`.replace(/\/$/, ""), close: () => server.close(true) };
}

const harnesses: readonly FrameworkHarness[] = [
  { name: `${clientVersion("h3")}, serve`, start: (app) => serving(application(app, prepared)) },
  {
    name: `${clientVersion("h3")}, toNodeHandler, handlers that answer with a Response`,
    start: (app) =>
      listen(
        createServer(toNodeHandler(application(app, (_event, given) => responseOf(given, { file: createReadStream })))),
      ),
  },
];

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));
for (const harness of harnesses.slice(0, 1)) describeCaches(harness);

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

describe("h3Sessions", () => {
  test("the event and its request have the same session, also in a mounted app", async () => {
    const { sessions } = setup();
    const [app, inner] = [new H3(), new H3()];
    app.use(h3Sessions(sessions));
    inner.use(h3Sessions(sessions));
    inner.get("/here", async (event) => {
      const session = await sessions.get(event);
      session.data.a = "1";
      return [session === (await sessions.get(event.req))];
    });
    app.mount("/inner", inner);
    const answer = await app.request("/inner/here");
    expect(await answer.json()).toEqual([true]);
    expect(ours(answer)).toHaveLength(1);
  });

  test("attach puts the session into the context", async () => {
    const { sessions } = setup();
    const app = new H3();
    app.use(h3Sessions(sessions, { attach: "visitor" }));
    app.get("/", ({ context }) => {
      const visitor = context.visitor as Awaited<ReturnType<typeof sessions.get>>;
      return `${visitor.update("a", (a = "") => `${a}x`)} ${visitor.isNew}`;
    });
    const first = await app.request("/");
    expect(await first.text()).toBe("x true");
    expect(await (await app.request("/", { headers: cookieOf(first) })).text()).toBe("xx false");
  });

  test("a response with an unused session is passed on unchanged", async () => {
    const app = new H3();
    const plain = new Response("body");
    app.use(h3Sessions(setup().sessions));
    app.get("/", () => plain);
    expect(await app.request("/")).toBe(plain);
  });

  test.each([
    ["a value", () => "body", 200],
    ["a Response", () => new Response("body", { headers: { "set-cookie": "own=1", vary: "Accept" } }), 200],
    ["a Response of an error", () => new Response("body", { status: 404, headers: { "set-cookie": "own=1" } }), 404],
    ["an HTTPResponse", () => new HTTPResponse("body", { status: 201, headers: { vary: "Accept" } }), 201],
    ["nothing", () => null, 200],
    ["no route", undefined, 404],
    ["a Response whose headers cannot be changed", () => Response.redirect("http://shop.test/"), 302],
    ["an error that is returned", () => new HTTPError({ status: 418 }), 418],
  ])("%s: its own headers stay beside the session's cookie", async (what, answer, status) => {
    const { sessions } = setup();
    const app = new H3({ silent: true });
    app.use(h3Sessions(sessions));
    app.use(async (event) => {
      const session = await sessions.get(event);
      session.data.a = "1";
      await session.save();
    });
    if (answer) app.get("/", answer);
    const got = await app.request("/");
    expect(got.status, what).toBe(status);
    expect(ours(got)).toHaveLength(1);
    expect(got.headers.get("cache-control")).toBe("no-store");
    const own = answer?.();
    const before = own instanceof Response || own instanceof HTTPResponse ? own.headers : new Headers();
    expect(got.headers.get("vary")).toBe([before.get("vary"), "Cookie"].filter(Boolean).join(", "));
    expect(got.headers.getSetCookie()).toHaveLength(1 + before.getSetCookie().length);
  });

  test("without onError h3 answers 503, read or write, without the handler's response", async () => {
    for (const attach of [undefined, "session"]) {
      const { sessions, state } = setup();
      const app = new H3({ silent: true });
      app.use(h3Sessions(sessions, { attach }));
      app.get("/", async (event) => {
        (await sessions.get(event)).data.a = "1";
        state.fault = "throw-before";
        event.res.headers.set("x-handler", "1");
        event.res.headers.set("set-cookie", "own=1");
        event.res.status = 201;
        return { secret: true };
      });
      for (const init of [{}, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } }]) {
        const answer = await app.request("/", init);
        expect(answer.status).toBe(503);
        expect(await answer.json()).toEqual({ status: 503, unhandled: true, message: "HTTPError" });
        expect(["x-handler", "set-cookie"].map((name) => answer.headers.get(name))).toEqual([null, null]);
      }
    }
  });

  test("onError gets the store's error as cause, and its value is sent with the status and due cookies", async () => {
    const { sessions, state } = setup();
    const causes: unknown[] = [];
    const app = new H3({
      silent: true,
      onError(error) {
        causes.push(error.cause);
        return { sorry: true };
      },
    });
    app.use(h3Sessions(sessions));
    app.get("/", async (event) => {
      const session = await sessions.get(event);
      session.data.a = "1";
      await session.save();
      session.data.a = "2";
      state.fault = "throw-before";
      event.res.status = 201;
      return "handler";
    });
    const answer = await app.request("/");
    expect([answer.status, await answer.json()]).toEqual([503, { sorry: true }]);
    // What was saved before has its cookie.
    expect(answer.headers.getSetCookie()).toEqual([ours(answer)[0]]);
    expect(causes).toEqual([expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 })]);
  });

  test("middleware before the sessions may answer the store's error, or throw another: the cookie is sent", async () => {
    const { sessions, state } = setup();
    const app = new H3({ silent: true });
    app.use(onErrorHook(({ status }) => ({ status, sorry: true })));
    app.use(async (event, next) => {
      const result = await next();
      if (event.url.searchParams.has("late")) throw new HTTPError({ status: 400 });
      return result;
    });
    app.use(h3Sessions(sessions));
    app.get("/", async (event) => {
      (await sessions.get(event)).data.a = "1";
      return "handler";
    });
    const late = await app.request("/?late");
    expect([(await late.json()).status, ours(late).length]).toEqual([400, 1]);
    state.fault = "throw-before";
    const failed = await app.request("/");
    expect([failed.status, (await failed.json()).status, ours(failed).length]).toEqual([503, 503, 0]);
  });

  test("changes before a throw are discarded, whatever the status", async () => {
    const { sessions } = setup();
    const app = new H3();
    app.use(h3Sessions(sessions));
    app.get("/make", async (event) => {
      (await sessions.get(event)).data.a = "1";
      return "made";
    });
    app.get("/read", async (event) => (await sessions.get(event)).data);
    app.get("/throw", async (event) => {
      (await sessions.get(event)).data.a = "2";
      throw new HTTPError({ status: 403, message: "not you" });
    });
    const headers = cookieOf(await app.request("/make"));
    expect((await app.request("/throw", { headers })).status).toBe(403);
    expect(await (await app.request("/read", { headers })).json()).toEqual({ a: "1" });
  });

  test.each([
    ["server-sent events", {}, "/events", "late"],
    ["any stream with streaming: true", { streaming: true }, "/stream", "late"],
    ["any HTTPResponse with streaming: true", { streaming: true }, "/http-response", "late"],
    ["no other body", {}, "/stream", "1"],
  ])("late changes are saved at the end of %s", async (_what, options, path, expected) => {
    const { sessions } = setup();
    const app = new H3();
    app.use(h3Sessions(sessions, options));
    app.get("/make", async (event) => {
      (await sessions.get(event)).data.a = "1";
      return "made";
    });
    app.get("/read", async (event) => (await sessions.get(event)).data.a);
    const seen = Promise.withResolvers<void>();
    app.get("/events", async (event) => {
      const { data } = await sessions.get(event);
      const stream = createEventStream(event);
      void (async () => {
        await stream.push("first");
        await seen.promise;
        data.a = "late";
        await stream.close();
      })();
      return stream.send();
    });
    const late = (data: Partial<Data>): ReadableStream => {
      const source = {
        async pull(controller: ReadableStreamDefaultController) {
          await seen.promise;
          data.a = "late";
          controller.close();
        },
      };
      return new ReadableStream(source, { highWaterMark: 0 });
    };
    app.get("/stream", async (event) => late((await sessions.get(event)).data));
    app.get("/http-response", async (event) => new HTTPResponse(late((await sessions.get(event)).data)));
    const headers = cookieOf(await app.request("/make"));
    const answer = await app.request(path, { headers });
    seen.resolve();
    await answer.text();
    expect(await (await app.request("/read", { headers })).text()).toBe(expected);
  });

  test("a failed save cancels the body that is not sent", async () => {
    const { sessions, state } = setup();
    let cancelled = 0;
    const app = new H3({ silent: true });
    app.use(h3Sessions(sessions));
    const stream = (): ReadableStream => new ReadableStream({ cancel: () => void cancelled++ });
    for (const [path, answer] of [
      ["/stream", stream],
      ["/response", () => new Response(stream())],
    ] as const) {
      app.get(path, async (event) => {
        (await sessions.get(event)).data.a = "1";
        state.fault = "throw-before";
        return answer();
      });
      expect((await app.request(path)).status).toBe(503);
    }
    expect(cancelled).toBe(2);
  });

  test("a cookie over plain http causes a warning, unless a trusted proxy uses https", async () => {
    for (const [trustProxy, options, expected] of [
      [false, {}, 1],
      [true, {}, 0],
      [false, { secure: (request: Request) => request.headers.get("x-proto") === "https" }, 0],
    ] as const) {
      const { sessions, state } = setup();
      const app = new H3();
      app.use(h3Sessions(sessions, options));
      app.get("/", async (event) => {
        (await sessions.get(event)).data.a = "1";
        return "ok";
      });
      const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true, gracefulShutdown: false, trustProxy });
      await server.ready();
      await fetch(`${server.url}`, { headers: { "x-forwarded-proto": "https", "x-proto": "https" } });
      await server.close(true);
      expect(state.warnings).toHaveLength(expected);
    }
  });

  test("access: a route that skips is not loaded for attach, and one that reads does not write", async () => {
    const { sessions, state } = setup();
    const app = new H3({ silent: true });
    const access = ({ url }: { url: URL }) => (url.pathname === "/skips" ? "skip" : "read");
    app.use(h3Sessions(sessions, { attach: "session", access }));
    app.get("/skips", ({ context }) => `${"session" in context}`);
    app.get("/reads", async (event) => {
      (await sessions.get(event)).data.a = "1";
      return "saved";
    });
    expect((await app.request("/reads")).status).toBe(500);
    state.fault = "throw-before";
    const headers = { cookie: `__Host-session=${"A".repeat(43)}` };
    expect(await (await app.request("/skips", { headers })).text()).toBe("false");
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = setup();
    expect(() => h3Sessions(sessions, { attach: "" })).toThrow(/attach must be the name of a property/);
    expect(() => h3Sessions(sessions, { secure: true as never })).toThrow("secure must be a function; received true");
    expect(() => h3Sessions(sessions, { access: "skip" as never })).toThrow(/access must be a function/);
    expect(() => h3Sessions(sessions, { streaming: 1 as never })).toThrow(
      "streaming must be true or false; received 1",
    );
  });
});

test("on h3 1, h3Sessions names the version it needs, and no session is opened", async () => {
  const { sessions } = setup();
  const errors: unknown[] = [];
  const app = createAppV1({ onError: (error) => void errors.push(error.cause ?? error) });
  app.use(h3Sessions(sessions) as never);
  const server = await listen(createServer(toNodeListener(app)));
  try {
    expect((await fetch(server.url)).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringMatching(/needs h3 2.*this is h3 1/) })]);
  } finally {
    server.close();
  }
});

test("a handler for Node that sends its own response can log in, and the cookie is sent", async () => {
  const { sessions } = setup();
  const events: string[] = [];
  sessions.on(({ type, reason }) => type === "save_failed" && events.push(`${reason}`));
  const app = new H3({ silent: true });
  app.use(h3Sessions(sessions));
  app.get("/set", async (event) => {
    (await sessions.get(event)).data.a = "1";
    return "set";
  });
  app.get("/read", async (event) => (await sessions.get(event)).data);
  const inNode = fromNodeHandler((_req, res) => void res.end("node"));
  app.get("/change", async (event) => {
    (await sessions.get(event)).data.a = "2";
    return inNode(event);
  });
  app.get("/login", async (event) => {
    (await sessions.get(event)).login("ada");
    return inNode(event);
  });
  const { url, close } = await serving(app);
  try {
    const headers = cookieOf(await fetch(`${url}/set`));
    expect(await (await fetch(`${url}/change`, { headers })).text()).toBe("node");
    expect(await (await fetch(`${url}/login`, { headers })).text()).toBe("node");
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "2" });
    expect(events).toEqual(["ERR_SESSION_HEADERS_SENT"]);
  } finally {
    await close();
  }
});

test.each([
  ["h3", H3],
  ["the candidate of h3 in Nitro", CandidateH3 as unknown as typeof H3],
])("with %s a shared response gives no client the cookies of others", async (_name, Made) => {
  const { sessions } = setup();
  const app = new Made();
  const seeHome = new Response(null, { status: 303, headers: { location: "/" } });
  app.use(h3Sessions(sessions));
  app.get("/**", async (event) => {
    const session = await sessions.get(event);
    if (event.url.pathname === "/login") session.login("ada");
    return seeHome;
  });
  expect(ours(await app.fetch(new Request("http://shop.test/login")))).toHaveLength(1);
  expect(ours(await app.fetch(new Request("http://shop.test/other")))).toEqual([]);
});

test.each(["discard", "save"] as const)(
  "with onError %s a login while a socket opens keeps the session, and its cookie is sent",
  async (onError) => {
    const { sessions } = faultySessions<Data>({ onError });
    const app = new H3({ silent: true });
    app.use(h3Sessions(sessions));
    app.get("/set", async (event) => {
      (await sessions.get(event)).data.a = "1";
      return "set";
    });
    app.get("/read", async (event) => (await sessions.get(event)).data);
    app.use("/change", async (event) => void (await sessions.get(event)).update("a", () => "2"));
    app.use("/login", async (event) => void (await sessions.get(event)).login("ada"));
    for (const path of ["/change", "/login"]) app.get(path, defineWebSocketHandler({}));
    const headers = cookieOf(await app.request("/set"));
    expect(await app.request("/change", { headers })).toHaveProperty("crossws");
    expect((await app.request("/login", { headers })).status).toBe(500);
    expect(await (await app.request("/read", { headers })).json()).toEqual({ a: "2" });
  },
);
