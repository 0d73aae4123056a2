/** Hapi 21: the framework suite, and what is Hapi's own. */

import { EventEmitter, once } from "node:events";
import { createReadStream } from "node:fs";
import { get } from "node:http";
import { Readable } from "node:stream";
import { type Request, type ResponseObject, type ResponseToolkit, type Server, server } from "@hapi/hapi";
import type { Session } from "sojourn";
import { hapiSessions } from "sojourn/frameworks/hapi";
import { type FrameworkHarness, frameworkConformance, type Reply, type RunningApp } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { bodyOf } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "hapi", server: nodeServer, clients: [clientVersion("@hapi/hapi")] });

function reply(h: ResponseToolkit, given: Reply): ResponseObject {
  let response: ResponseObject;
  if (given.kind === "redirect") response = h.redirect(given.location).code(given.status ?? 302);
  else {
    const stream = given.kind === "stream" && Readable.from(given.chunks, { objectMode: false });
    response = h.response(
      given.kind === "text" ? given.text : stream || createReadStream((given as { path: string }).path),
    );
    response.code(given.status ?? 200);
  }
  for (const [name, value] of given.headers ?? []) response.header(name, value, { append: true });
  return response;
}

function application(): Server {
  const payload = { parse: false, output: "stream" } as const;
  // Hapi refuses cookies that it cannot read, which are the subject of some cases.
  return server({ port: 0, host: "127.0.0.1", debug: false, routes: { payload, state: { parse: false } } });
}

async function running(app: Server): Promise<RunningApp> {
  await app.start();
  return { url: app.info.uri, close: () => app.stop({ timeout: 1 }) };
}

const harness: FrameworkHarness = {
  name: clientVersion("@hapi/hapi"),
  lacks: { current: "Hapi has no place around its handlers" },
  async start({ sessions, attach, handle, onError }) {
    const app = application();
    for (const one of sessions) {
      await app.register(
        hapiSessions(one, {
          attach,
          onError: async (error, request, h) => reply(h as ResponseToolkit, await onError(error, request)),
        }),
      );
    }
    app.ext("onPreResponse", async (request, h) => {
      const { response } = request;
      return "isBoom" in response && response.isBoom ? reply(h, await onError(response, request)) : h.continue;
    });
    app.route({
      method: "*",
      path: "/{any*}",
      handler: async (request, h) => {
        const { pathname, search } = request.url;
        return reply(h, await handle(request, pathname + search, () => bodyOf(request.payload as Readable)));
      },
    });
    return running(app);
  },
};

describeCases(harness.name, frameworkConformance(harness));
describeCaches(harness);

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

async function start(app: Server): Promise<string> {
  const { url, close } = await running(app);
  onTestFinished(() => void close());
  return url;
}

declare module "@hapi/hapi" {
  interface Request {
    visitor: Session<Data>;
  }
}

describe("hapiSessions", () => {
  test("the request and its raw request are the same session, in extensions as well", async () => {
    const { sessions } = setup();
    const app = application();
    await app.register(hapiSessions(sessions));
    app.ext("onRequest", async (request, h) => {
      (await sessions.get(request)).data.a = "1";
      return h.continue;
    });
    app.route({
      method: "GET",
      path: "/",
      handler: async (request) => [(await sessions.get(request)) === (await sessions.get(request.raw.req))],
    });
    const answer = await fetch(await start(app));
    expect(await answer.json()).toEqual([true]);
    expect(ours(answer)).toHaveLength(1);
  });

  test("attach has loaded the session when a scheme authenticates", async () => {
    const { sessions } = setup();
    const app = application();
    await app.register(hapiSessions(sessions, { attach: "visitor" }));
    app.auth.scheme("visitors", () => ({
      authenticate: ({ visitor }: Request, h) => h.authenticated({ credentials: { user: { a: visitor.isNew } } }),
    }));
    app.auth.strategy("visitors", "visitors");
    app.auth.default("visitors");
    app.route({ method: "GET", path: "/", handler: ({ auth }) => auth.credentials.user ?? {} });
    expect(await (await fetch(await start(app))).json()).toEqual({ a: true });
  });

  test("without onError Hapi answers 503 and its words, read or write, with nothing of the handler's response", async () => {
    for (const attach of [undefined, "visitor"]) {
      const { sessions, state } = setup();
      const app = application();
      await app.register(hapiSessions(sessions, { attach }));
      app.route({
        method: "GET",
        path: "/",
        async handler(request, h) {
          (await sessions.get(request)).data.a = "1";
          state.fault = "throw-before";
          return h.response({ secret: true }).code(201).header("x-handler", "1");
        },
      });
      const url = await start(app);
      for (const init of [{}, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } }]) {
        const answer = await fetch(url, init);
        const words = "Service Unavailable";
        expect([answer.status, await answer.json()]).toEqual([503, { statusCode: 503, error: words, message: words }]);
        expect([answer.headers.get("x-handler"), ours(answer)]).toEqual([null, []]);
      }
    }
  });

  test("a change of an extension behind the save is saved with the response, and 503 when it cannot be", async () => {
    const { sessions, state } = setup();
    const app = application();
    await app.register(hapiSessions(sessions));
    app.ext("onPreResponse", async (request, h) => {
      const session = await sessions.get(request);
      if (request.path !== "/read") session.data.a = `late${request.path}`;
      if (request.path === "/fail") state.fault = "throw-before";
      return h.continue;
    });
    app.route({
      method: "GET",
      path: "/{what}",
      async handler(request) {
        const { data } = await sessions.get(request);
        if (request.params["what"] === "make") data.a = "1";
        return { ...data };
      },
    });
    const url = await start(app);
    const headers = cookieOf(await fetch(`${url}/make`));
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "late/make" });
    const failed = await fetch(`${url}/fail`, { headers });
    expect([failed.status, await failed.text(), ours(failed)]).toEqual([503, "Service Unavailable", []]);
  });

  test("what a route changed before it threw is discarded, whatever status answers", async () => {
    const { sessions } = setup();
    const app = application();
    await app.register(hapiSessions(sessions));
    app.ext("onPreResponse", ({ response }, h) =>
      "isBoom" in response && response.isBoom ? h.response("sorry").code(400) : h.continue,
    );
    app.route({
      method: "GET",
      path: "/{what}",
      async handler(request) {
        const { data } = await sessions.get(request);
        if (request.params["what"] === "throw") {
          data.a = "2";
          throw new Error("no");
        }
        data.a ??= "1";
        return data.a;
      },
    });
    const url = await start(app);
    const headers = cookieOf(await fetch(`${url}/make`));
    expect((await fetch(`${url}/throw`, { headers })).status).toBe(400);
    expect(await (await fetch(`${url}/read`, { headers })).text()).toBe("1");
  });

  test("a client that leaves early loses nothing: the handler's changes and logout are carried out when it is done", async () => {
    for (const order of ["route first", "plugin first"] as const) {
      const { sessions } = setup();
      const app = application();
      const begun = new EventEmitter();
      if (order === "plugin first") await app.register(hapiSessions(sessions));
      const routes: Record<string, (session: Session<Data>) => unknown> = {
        "/login": (session) => session.login("ada"),
        "/logout": (session) => session.logout(),
        "/change": (session) => Object.assign(session.data, { a: "changed" }),
        "/throw": (session) => {
          session.data.a = "thrown";
          throw new Error("no");
        },
        "/throw-out": (session) => {
          session.logout();
          throw new Error("no");
        },
        "/500": (session) => Object.assign(session.data, { a: "500" }),
        "/me": () => {},
      };
      for (const [path, act] of Object.entries(routes)) {
        app.route({
          method: "GET",
          path,
          vhost: "127.0.0.1",
          async handler(request, h) {
            const session = await sessions.get(request);
            if (request.query["leaves"]) {
              const left = once(request.raw.res, "close");
              begun.emit("begun");
              await left;
              setImmediate(() => begun.emit("done"));
            }
            act(session);
            return h.response({ subject: session.subject, ...session.data }).code(path === "/500" ? 500 : 200);
          },
        });
      }
      if (order === "route first") await app.register(hapiSessions(sessions));
      const url = await start(app);
      const leaving = async (path: string): Promise<unknown> => {
        const headers = cookieOf(await fetch(`${url}/login`));
        const [started, done] = [once(begun, "begun"), once(begun, "done")];
        const client = get(`${url}${path}?leaves=1`, { headers }).on("error", () => {});
        await started;
        client.destroy();
        await done;
        return (await fetch(`${url}/me`, { headers })).json();
      };
      expect([order, await leaving("/logout"), await leaving("/throw-out")]).toEqual([order, {}, {}]);
      expect(await leaving("/change")).toEqual({ subject: "ada", a: "changed" });
      expect([await leaving("/throw"), await leaving("/500")]).toEqual([{ subject: "ada" }, { subject: "ada" }]);
    }
  });

  test("a change after the time of the server was up is discarded with that 503, and saved with onError save", async () => {
    for (const [onError, then] of [
      ["discard", {}],
      ["save", { a: "late" }],
    ] as const) {
      const { sessions } = setup({ onError });
      const app = application();
      await app.register(hapiSessions(sessions));
      const handled = new EventEmitter();
      app.route({
        method: "GET",
        path: "/{what}",
        options: { timeout: { server: 200 } },
        async handler(request) {
          const { what } = request.params as { what: string };
          const session = await sessions.get(request);
          if (what === "login") session.login("ada");
          if (what === "late") {
            await once(request.raw.res, "finish");
            setImmediate(() => handled.emit("done"));
            session.data.a = "late";
          }
          return { ...session.data };
        },
      });
      const url = await start(app);
      const headers = cookieOf(await fetch(`${url}/login`));
      const done = once(handled, "done");
      expect((await fetch(`${url}/late`, { headers })).status).toBe(503);
      await done;
      expect(await (await fetch(`${url}/me`, { headers })).json()).toEqual(then);
    }
  });

  test("a route's options and the option access say what it may do; attach leaves out those that skip", async () => {
    const { sessions, state } = setup();
    const app = application();
    const access = ({ path }: { readonly path: string }) => (path === "/reads" ? "read" : undefined);
    await app.register(hapiSessions(sessions, { attach: "visitor", access }));
    app.route([
      {
        method: "GET",
        path: "/skips",
        options: { plugins: { sojourn: { session: "skip" } } as object },
        handler: (request) => `${"visitor" in request}`,
      },
      {
        method: "GET",
        path: "/reads",
        async handler({ visitor }) {
          visitor.data.a = "1";
          return "saved";
        },
      },
    ]);
    const url = await start(app);
    expect((await fetch(`${url}/reads`)).status).toBe(500);
    state.fault = "throw-before";
    const headers = { cookie: `__Host-session=${"A".repeat(43)}` };
    expect(await (await fetch(`${url}/skips`, { headers })).text()).toBe("false");
  });

  test("a handler that abandons the request answers by itself: held until the save, and 503 when that fails", async () => {
    const { sessions, state } = setup();
    const app = application();
    await app.register(hapiSessions(sessions));
    app.route({
      method: "GET",
      path: "/{what}",
      async handler(request, h) {
        (await sessions.get(request)).data.a = "1";
        if (request.params["what"] === "fail") state.fault = "throw-before";
        request.raw.res.end("own");
        return h.abandon;
      },
    });
    const url = await start(app);
    const answer = await fetch(`${url}/make`);
    expect([answer.status, await answer.text(), ours(answer).length]).toEqual([200, "own", 1]);
    const failed = await fetch(`${url}/fail`);
    expect([failed.status, await failed.text(), ours(failed)]).toEqual([503, "Service Unavailable", []]);
  });

  test("server.inject has the session's cookie and data", async () => {
    const { sessions } = setup();
    const app = application();
    await app.register(hapiSessions(sessions));
    app.route({
      method: "GET",
      path: "/",
      handler: async (request) => (await sessions.get(request)).update("a", (a = "") => `${a}x`),
    });
    const first = await app.inject("/");
    const [line = ""] = [first.headers["set-cookie"] ?? []].flat();
    const second = await app.inject({ url: "/", headers: { cookie: line.split(";")[0] ?? "" } });
    expect([first.payload, second.payload]).toEqual(["x", "xx"]);
  });

  test("a cookie over plain http is warned of, unless the option secure knows better", async () => {
    for (const [secure, expected] of [
      [undefined, 1],
      [({ raw }: { readonly raw: { readonly req: object } }) => "headers" in raw.req, 0],
    ] as const) {
      const { sessions, state } = setup();
      const app = application();
      await app.register(hapiSessions(sessions, { secure }));
      app.route({
        method: "GET",
        path: "/",
        async handler(request) {
          (await sessions.get(request)).data.a = "1";
          return "ok";
        },
      });
      await fetch(await start(app));
      expect(state.warnings).toHaveLength(expected);
    }
  });
});
