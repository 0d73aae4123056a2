/** Restify 12: the framework suite, and what is Restify's own. */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Request, type Response, type Server } from "restify";
import { restifySessions } from "sojourn/frameworks/restify";
import { type FrameworkHarness, frameworkConformance, type RunningApp } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "restify", server: nodeServer, clients: [clientVersion("restify")] });

const running = (server: Server): Promise<RunningApp> => listen(server.server);
const methods = ["get", "post", "put", "del", "head"] as const;

const harness: FrameworkHarness = {
  name: clientVersion("restify"),
  start({ sessions, attach, handle, onError }) {
    const server = createServer({ log: { trace: () => false, level: () => {} } as never });
    for (const one of sessions) server.pre(restifySessions(one, { server, attach }));
    server.on("restifyError", (req: Request, res: Response, error: unknown, done: () => void) => {
      onError(error, req).then(async (given) => {
        await answer(res as never, given);
        (res as unknown as { _sent: boolean })._sent = true;
        done();
      });
    });
    for (const method of methods) {
      server[method]("/*", async (req: Request, res: Response) => {
        const given = await handle(req, req.url ?? "/", () => bodyOf(req as unknown as IncomingMessage));
        // What Restify's users write of a text.
        if (given.kind !== "text") {
          // Restify answers 500 where nothing was sent when a handler is done.
          const sent = once(res as unknown as ServerResponse, "close");
          await answer(res as unknown as ServerResponse, given);
          return void (await sent);
        }
        for (const [name, value] of given.headers ?? []) res.appendHeader(name, value);
        res.sendRaw(given.status ?? 200, given.text);
      });
    }
    return running(server);
  },
};

describeCases(harness.name, frameworkConformance(harness));

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

async function start(server: Server): Promise<string> {
  const { url, close } = await running(server);
  onTestFinished(() => void close());
  return url;
}

describe("restifySessions", () => {
  test("without a listener Restify answers 503, read or write, with nothing of the handler's response", async () => {
    for (const attach of [undefined, "session"]) {
      for (const mount of ["pre", "use"] as const) {
        const { sessions, state } = setup();
        const server = createServer();
        server[mount](restifySessions(sessions, { server, attach }));
        server.get("/", async (req, res) => {
          (await sessions.get(req)).data.a = "1";
          state.fault = "throw-before";
          res.header("x-handler", "1");
          res.send(201, { secret: true });
        });
        const url = await start(server);
        for (const init of [{}, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } }]) {
          const response = await fetch(url, init);
          expect([response.status, response.headers.get("x-handler"), ours(response)]).toEqual([503, null, []]);
          expect(await response.text()).not.toContain("secret");
        }
      }
    }
  });

  test("each listener for restifyError hears of a failed save once, and the first answer is sent", async () => {
    const { sessions, state } = setup();
    const server = createServer();
    server.pre(restifySessions(sessions, { server }));
    const heard: unknown[] = [];
    server.on("restifyError", (_req: Request, res: Response, error: { code: string }, done: () => void) => {
      heard.push(error.code);
      res.send(500 + heard.length, { sorry: true });
      done();
    });
    server.get("/", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      state.fault = "throw-before";
      res.send({ secret: true });
    });
    const response = await fetch(await start(server));
    expect([response.status, await response.json()]).toEqual([501, { sorry: true }]);
    expect(heard).toEqual(["ERR_SESSION_STORE_UNAVAILABLE"]);
  });

  test("what a route changed before it threw is discarded, whatever status answers", async () => {
    const { sessions } = setup();
    const server = createServer();
    server.on("restifyError", (_req: Request, res: Response, _error: unknown, done: () => void) => {
      res.send(400, "sorry");
      done();
    });
    server.use(restifySessions(sessions, { server }));
    server.get("/:what", async (req, res) => {
      const { data } = await sessions.get(req);
      data.a = req.params.what === "throw" ? "2" : (data.a ?? "1");
      if (data.a === "2") throw new Error("no");
      res.send(data.a);
    });
    const url = await start(server);
    const headers = cookieOf(await fetch(`${url}/make`));
    expect((await fetch(`${url}/throw`, { headers })).status).toBe(400);
    expect(await (await fetch(`${url}/read`, { headers })).json()).toBe("1");
  });

  test("access: a route that skips is not loaded for attach, one that reads does not write", async () => {
    const { sessions, state } = setup();
    const server = createServer();
    const access = ({ url }: { readonly url?: string | undefined }) => (url === "/skips" ? "skip" : "read");
    server.pre(restifySessions(sessions, { server, attach: "session", access }));
    server.get("/skips", async (req, res) => void res.send({ there: "session" in req }));
    server.get("/reads", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      res.send("saved");
    });
    const url = await start(server);
    expect((await fetch(`${url}/reads`)).status).toBe(500);
    state.fault = "throw-before";
    const headers = { cookie: `__Host-session=${"A".repeat(43)}` };
    expect(await (await fetch(`${url}/skips`, { headers })).json()).toEqual({ there: false });
  });

  test("without the server it says what to write", () => {
    const { sessions } = setup();
    expect(() => restifySessions(sessions, {} as never)).toThrow(/restifySessions\(sessions, \{ server \}\)/);
  });
});
