/** Responses that are held back, in the ways that Node's own interface allows. */

import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, request, type ServerResponse } from "node:http";
import { connect, createServer as createServer2 } from "node:http2";
import { Readable } from "node:stream";
import compression from "compression";
import express from "express";
import { createSessions } from "sojourn";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { connectSessions, nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { type Fault, faultyStore, type RunningApp, type StoreCall } from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { listen } from "../support/node-app.ts";

interface Data {
  a: string;
  b: string;
}

let fault: ((call: StoreCall) => Fault) | undefined;
const running: RunningApp[] = [];
afterEach(() => {
  fault = undefined;
  for (const one of running.splice(0)) one.close();
});

function sessionsOf(): { sessions: ReturnType<typeof createSessions<Data>>; warnings: string[] } {
  const warnings: string[] = [];
  const store = faultyStore(memoryStore(), (call) => fault?.(call) ?? "pass");
  return { sessions: createSessions<Data>({ store, warn: (message) => warnings.push(message) }), warnings };
}

async function start(listener: RequestListener): Promise<string> {
  const app = await listen(createServer(listener));
  running.push(app);
  return app.url;
}

/** A server whose handler has its session loaded, and changed when the query has `a`. */
function serve(handler: (req: IncomingMessage, res: ServerResponse, data: Partial<Data>) => unknown): Promise<string> {
  const { sessions } = sessionsOf();
  const withSessions = nodeSessions(sessions);
  return start(
    withSessions(async (req, res) => {
      const { data } = await sessions.get(req);
      if (req.url === "/read") return res.end(JSON.stringify(data));
      return handler(req, res, data);
    }),
  );
}

const ours = (response: Response): string[] =>
  response.headers.getSetCookie().filter((line) => line.startsWith("__Host-"));
const cookieOf = (response: Response): Record<string, string> => ({ cookie: `${ours(response)[0]?.split(";")[0]}` });

describe("writeHead", () => {
  test("keeps the given headers: the session's cookie is added, a stricter Cache-Control and Vary stay", async () => {
    const url = await serve((_req, res, data) => {
      data.a = "1";
      res.setHeader("Vary", "Accept");
      res.writeHead(201, "Made", {
        "Set-Cookie": ["own=1", "own=2"],
        "Cache-Control": "private, no-store",
        Vary: "Accept-Language",
      });
      res.end("body");
    });
    const response = await fetch(url);
    expect([response.status, response.statusText, await response.text()]).toEqual([201, "Made", "body"]);
    expect(response.headers.getSetCookie()).toEqual(["own=1", "own=2", ours(response)[0]]);
    expect(response.headers.get("cache-control")).toBe("private, no-store");
    expect(response.headers.get("vary")).toBe("Accept-Language, Cookie");
  });

  test("given a list of names and values replaces headers, and may repeat a name", async () => {
    const url = await serve((_req, res, data) => {
      data.a = "1";
      res.setHeader("X-One", "before");
      res.writeHead(200, ["X-One", "1", "Set-Cookie", "own=1", "Set-Cookie", "own=2"]);
      res.end();
    });
    const response = await fetch(url);
    expect(response.headers.get("x-one")).toBe("1");
    expect(response.headers.getSetCookie()).toEqual(["own=1", "own=2", ours(response)[0]]);
  });

  test("on HTTP/1.1 leaves the session changeable until the first byte", async () => {
    const url = await serve(async (_req, res, data) => {
      res.writeHead(200, { "x-head": "given" });
      await new Promise((resolve) => setTimeout(resolve, 5));
      data.a = "late";
      res.end("body");
    });
    const response = await fetch(url);
    expect(response.headers.get("x-head")).toBe("given");
    expect(await (await fetch(`${url}/read`, { headers: cookieOf(response) })).json()).toEqual({ a: "late" });
  });

  test("on HTTP/2 sends the head at once, with the session's cookie", async () => {
    const { sessions } = sessionsOf();
    const withSessions = nodeSessions(sessions);
    const server = createServer2(
      withSessions(async (req, res) => {
        (await sessions.get(req)).data.a = "1";
        res.writeHead(200, { "set-cookie": "own=1", "x-head": "given" });
      }) as never,
    );
    const app = await listen(server);
    running.push(app);
    const client = connect(app.url);
    const stream = client.request({ ":path": "/" });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers["x-head"]).toBe("given");
    expect(headers["set-cookie"]).toEqual(["own=1", expect.stringMatching(/^__Host-session=/)]);
    client.destroy();
  });

  test("leaves no status text on the response to a failed save", async () => {
    const url = await serve((_req, res, data) => {
      data.a = "1";
      fault = () => "throw-before";
      res.writeHead(200, "Splendid").end("body");
    });
    const response = await fetch(url);
    expect([response.status, response.statusText]).toEqual([503, "Service Unavailable"]);
  });

  test("with an invalid status is an error in the handler", async () => {
    let thrown: unknown;
    const url = await serve((_req, res) => {
      res.statusCode = 99;
      try {
        res.end("body");
      } catch (error) {
        thrown = error;
      }
      res.statusCode = 200;
      res.end("right");
    });
    expect(await (await fetch(url)).text()).toBe("right");
    expect(thrown).toBeInstanceOf(RangeError);
  });
});

describe("write and end", () => {
  test("keep their order and call back; write signals back-pressure, and drain ends it", async () => {
    const seen: unknown[] = [];
    const url = await serve(async (_req, res, data) => {
      data.a = "1";
      seen.push(res.write("one ", "utf8", () => seen.push("one is through")));
      seen.push(res.headersSent);
      seen.push(res.write(Buffer.from("two ")));
      await once(res, "drain");
      seen.push("drain");
      res.end("three", () => seen.push("all is through"));
    });
    expect(await (await fetch(url)).text()).toBe("one two three");
    expect(seen.filter((one) => one !== "one is through")).toEqual([false, true, false, "drain", "all is through"]);
    expect(seen).toContain("one is through");
  });

  test("throw at once what Node refuses, not after the save", async () => {
    const errors: unknown[] = [];
    const url = await serve((_req, res, data) => {
      data.a = "1";
      const attempt = (wrong: unknown): void => {
        try {
          res.write(wrong as never);
        } catch (error) {
          errors.push(error);
        }
      };
      attempt(42);
      attempt({});
      res.write("bo");
      attempt(null);
      res.end("dy");
    });
    expect(await (await fetch(url)).text()).toBe("body");
    expect(errors.map((error) => (error as Error).message)).toEqual([
      "response.write takes a string, Buffer or Uint8Array; received 42",
      "response.write takes a string, Buffer or Uint8Array; received an object",
      "response.write takes a string, Buffer or Uint8Array; received null",
    ]);
  });

  test("flushHeaders sends the head with the cookie, before there is a body", async () => {
    const url = await serve((_req, res, data) => {
      data.a = "1";
      res.setHeader("content-type", "text/event-stream");
      res.flushHeaders();
    });
    const stop = new AbortController();
    const response = await fetch(url, { signal: stop.signal });
    expect(ours(response)).toHaveLength(1);
    stop.abort();
  });

  test("a second response while the first is saved is Node's own error, and changes nothing", async () => {
    const seen: unknown[] = [];
    const url = await serve((_req, res, data) => {
      data.a = "1";
      res.setHeader("x-answer", "first");
      res.setHeader("set-cookie", ["one=1", "two=2"]);
      seen.push([res.headersSent, res.writableEnded]);
      res.end("first");
      seen.push([res.headersSent, res.writableEnded]);
      for (const attempt of [
        () => res.appendHeader("set-cookie", "three=3"),
        () => res.setHeader("x-answer", "second"),
        () => res.writeHead(500, { "x-answer": "second" }),
      ])
        expect(attempt).toThrow(expect.objectContaining({ code: "ERR_HTTP_HEADERS_SENT" }));
      res.statusCode = 500;
      res.end("second", (error?: unknown) => {
        seen.push(error);
      });
    });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([200, "first"]);
    expect(response.headers.get("x-answer")).toBe("first");
    expect(response.headers.getSetCookie()).toEqual(["one=1", "two=2", ours(response)[0]]);
    expect(seen).toEqual([[false, false], [true, true], expect.any(Error)]);
  });

  test("headersSent and writableEnded describe the error page, once the response whose save failed was dropped", async () => {
    const seen: unknown[] = [];
    const { sessions } = sessionsOf();
    const withSessions = nodeSessions(sessions, {
      onError: (_error, _req, res) => {
        seen.push([res.headersSent, res.writableEnded]);
        res.end("sorry");
      },
    });
    const url = await start(
      withSessions(async (req, res) => {
        (await sessions.get(req)).data.a = "1";
        fault = () => "throw-before";
        res.end("dropped");
        seen.push([res.headersSent, res.writableEnded]);
      }),
    );
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([503, "sorry"]);
    expect(seen).toEqual([
      [true, true],
      [false, false],
    ]);
  });

  test("a handler that writes on after a failed save ends only its own response", async () => {
    const done = Promise.withResolvers<void>();
    const url = await serve(async (_req, res, data) => {
      data.a = "1";
      fault = () => "throw-before";
      res.write("one");
      for (let turn = 0; turn < 200; turn++) {
        await Promise.resolve();
        res.write("more");
      }
      for (let tick = 0; tick < 20; tick++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        res.write("more");
      }
      res.end("last");
      done.resolve();
    });
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
    await done.promise;
    fault = undefined;
    expect(await (await fetch(`${url}/read`)).text()).toBe("{}");
  });

  test("writes dropped after a failure call back with the error", async () => {
    const errors: unknown[] = [];
    const url = await serve((_req, res, data) => {
      data.a = "1";
      fault = () => "throw-before";
      res.write("one", (error) => errors.push(error));
      res.end("two", (error?: unknown) => errors.push(error));
    });
    expect((await fetch(url)).status).toBe(503);
    expect(errors).toEqual([
      expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" }),
      expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" }),
    ]);
  });
});

describe("a response that is not held", () => {
  test("uses Node's own methods, with all their arguments, when the session is not used", async () => {
    const { sessions } = sessionsOf();
    const called: string[] = [];
    const url = await start(
      nodeSessions(sessions)((_req, res) => {
        res.writeHead(201, "Made", { "x-a": "1" });
        res.flushHeaders();
        res.write("626f", "hex", () => called.push("write"));
        res.end("6479", "hex", () => called.push("end"));
      }),
    );
    const answer = await fetch(url);
    expect([answer.status, answer.statusText, answer.headers.get("x-a")]).toEqual([201, "Made", "1"]);
    expect(await answer.text()).toBe("body");
    expect(called).toEqual(["write", "end"]);
  });

  test("works with res.end(await …), res.write(await …) and res.writeHead(await …), where the method is read before the session is loaded", async () => {
    const { sessions } = sessionsOf();
    const count = async (req: object): Promise<string> =>
      `${(await sessions.get(req)).update("a", (a = "") => `${a}+`)}`;
    const url = await start(
      nodeSessions(sessions)(async (req, res) => {
        if (req.url === "/end") return void res.end(await count(req));
        if (req.url === "/head") res.writeHead((await count(req)).length + 200);
        else res.write(await count(req));
        return void res.end();
      }),
    );
    const first = await fetch(`${url}/end`);
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect([cookie !== "", await first.text()]).toEqual([true, "+"]);
    expect(await (await fetch(`${url}/write`, { headers: { cookie } })).text()).toBe("++");
    expect((await fetch(`${url}/head`, { headers: { cookie } })).status).toBe(203);
    expect(await (await fetch(`${url}/end`, { headers: { cookie } })).text()).toBe("++++");
  });

  test("lets a session loaded after the headers be read, and changed if it exists", async () => {
    const { sessions } = sessionsOf();
    const url = await start(
      nodeSessions(sessions)(async (req, res) => {
        if (req.url === "/late") {
          res.write("first ");
          const { data } = await sessions.get(req);
          data.b = "late";
          res.end(data.a);
        } else {
          const { data } = await sessions.get(req);
          data.a ??= "1";
          res.end(JSON.stringify(data));
        }
      }),
    );
    const headers = cookieOf(await fetch(url));
    expect(await (await fetch(`${url}/late`, { headers })).text()).toBe("first 1");
    expect(await (await fetch(url, { headers })).json()).toEqual({ a: "1", b: "late" });
  });

  test("causes one warning when the session is first read after the headers: caches do not know of it", async () => {
    const { sessions, warnings } = sessionsOf();
    const withSessions = nodeSessions(sessions);
    const url = await start(
      withSessions(async (req, res) => {
        if (req.url === "/early") await sessions.get(req);
        res.write("head");
        await sessions.get(req);
        res.end();
      }),
    );
    await (await fetch(`${url}/early`)).text();
    expect(warnings).toEqual([]);
    const late = await fetch(url);
    await late.text();
    await (await fetch(url)).text();
    expect(late.headers.get("vary")).toBeNull();
    expect(warnings).toEqual([expect.stringMatching(/first used after the response headers were sent.*shared cache/)]);
  });

  test("has Vary as soon as the session was loaded, for caches inside the application", async () => {
    let seen: unknown;
    const url = await serve((_req, res) => {
      seen = res.getHeader("vary");
      res.setHeader("vary", "Accept");
      res.end();
    });
    const { headers } = await fetch(url);
    expect([seen, headers.get("vary"), headers.get("cache-control")]).toEqual(["Cookie", "Accept, Cookie", "private"]);
  });

  test("is aborted when a session begins after the headers, and the warning says why", async () => {
    const { sessions, warnings } = sessionsOf();
    const url = await start(
      nodeSessions(sessions)(async (req, res) => {
        res.writeHead(200, { "content-type": "text/plain" });
        (await sessions.get(req)).data.a = "1";
        res.end("body");
      }),
    );
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
    expect(warnings.join()).toMatch(/after the response headers/);
  });
});

describe("errors of a plain server", () => {
  test("a SessionError that the handler does not catch is answered with its status", async () => {
    const { sessions } = sessionsOf();
    const url = await start(
      nodeSessions(sessions)(async (req, res) => {
        res.setHeader("content-encoding", "gzip");
        (await sessions.get(req)).data.a = "1";
        fault = () => "throw-before";
        await (await sessions.get(req)).save();
      }),
    );
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
    expect(response.headers.get("content-encoding")).toBeNull();
  });

  test("any other error goes on as it would without sessions, and changes nothing", async () => {
    const { sessions } = sessionsOf();
    const wrapped = nodeSessions(sessions)(async (req, res) => {
      const { data } = await sessions.get(req);
      if (req.url === "/read") return res.end(JSON.stringify(data));
      data.b = "2";
      if (req.url === "/throw") throw new Error("a mistake");
      data.a = "1";
      return res.end();
    });
    EventEmitter.captureRejections = true;
    const app = await listen(createServer(wrapped));
    EventEmitter.captureRejections = false;
    running.push(app);
    const headers = cookieOf(await fetch(app.url));
    expect((await fetch(`${app.url}/throw`, { headers })).status).toBe(500);
    expect(await (await fetch(`${app.url}/read`, { headers })).json()).toEqual({ a: "1", b: "2" });

    const sync = nodeSessions(sessions)(() => {
      throw new Error("a mistake at once");
    });
    const seen = Promise.withResolvers<unknown>();
    const url = await start((req, res) => {
      try {
        sync(req, res);
      } catch (error) {
        seen.resolve(error);
        res.writeHead(500).end();
      }
    });
    expect((await fetch(url)).status).toBe(500);
    expect(await seen.promise).toHaveProperty("message", "a mistake at once");
  });

  test("onError answers all errors, and an onError that throws is handled", async () => {
    for (const [message, expected] of [
      ["fine", [500, "own page: a mistake"]],
      ["broken", [500, "Internal Server Error"]],
    ] as const) {
      const { sessions } = sessionsOf();
      const onError = async (error: unknown, _req: object, res: { end(text: string): unknown }): Promise<void> => {
        if (message === "broken") throw new Error("a mistake in the error page");
        res.end(`own page: ${(error as Error).message}`);
      };
      const url = await start(
        nodeSessions(sessions, { onError })(async (req) => {
          (await sessions.get(req)).data.a = "1";
          throw new Error("a mistake");
        }),
      );
      const response = await fetch(url);
      expect([response.status, await response.text()]).toEqual(expected);
      expect(ours(response)).toEqual([]);
    }
  });

  test("secure says that the proxy's connection is https, and prevents the warning", async () => {
    for (const secure of [undefined, () => true]) {
      const { sessions, warnings } = sessionsOf();
      const url = await start(
        nodeSessions(sessions, { secure })(async (req, res) => {
          (await sessions.get(req)).data.a = "1";
          res.end();
        }),
      );
      expect(ours(await fetch(url))).toHaveLength(1);
      expect(warnings).toHaveLength(secure ? 0 : 1);
    }
  });

  test("a late save that fails goes to next as well, when the response is aborted", async () => {
    const { sessions } = sessionsOf();
    const middleware = connectSessions(sessions);
    const errors: unknown[] = [];
    const url = await start((req, res) => {
      middleware(req, res, async (error) => {
        if (error) return errors.push(error, res.destroyed);
        const { data } = await sessions.get(req);
        data.a = req.url as string;
        if (req.url === "/make") return res.end();
        res.write("first");
        await once(res, "drain");
        data.b = "late";
        fault = ({ method }) => (method === "update" ? "throw-before" : "pass");
        return res.end("last");
      });
    });
    const headers = cookieOf(await fetch(`${url}/make`));
    await expect(fetch(url, { headers }).then((response) => response.text())).rejects.toThrow();
    expect(errors).toEqual([expect.objectContaining({ code: "ERR_SESSION_STORE_UNAVAILABLE" }), true]);
  });

  test("wrong options are refused where they are passed", () => {
    const { sessions } = sessionsOf();
    expect(() => nodeSessions(sessions, { onError: "log" as never })).toThrow(
      /onError must be a function; received a string/,
    );
    expect(() => nodeSessions(sessions, { secure: true as never })).toThrow(/secure must be a function; received true/);
    expect(() => connectSessions(sessions, { secure: 1 as never })).toThrow(/secure must be a function; received 1/);
    expect(() => connectSessions(sessions, { attach: "" })).toThrow(/attach must be the name of a property/);
    expect(() => expressSessions(sessions, { attach: 1 as never })).toThrow(/attach must be the name of a property/);
  });
});

describe("Express", () => {
  test.each(["before", "after", "after attached"])(
    "compression mounted %s the sessions compresses what they hold back",
    async (order) => {
      const { sessions } = sessionsOf();
      const app = express();
      const attach = order === "after attached" ? "visitor" : undefined;
      const parts = [compression({ threshold: 0 }), expressSessions(sessions, { attach })];
      for (const part of order === "before" ? parts : parts.reverse()) app.use(part);
      app.get("/:what", async (req, res) => {
        (await sessions.get(req)).data.a = req.params.what;
        if (req.params.what === "send") return void res.send("x".repeat(100_000));
        res.type("text");
        if (req.params.what === "pipe") Readable.from(Array(10).fill("x".repeat(10_000))).pipe(res);
        else {
          if (req.params.what === "flush") res.flushHeaders();
          for (let piece = 0; piece < 10; piece++) res.write("x".repeat(10_000));
          res.end();
        }
      });
      const url = await start(app);
      for (const what of ["send", "write", "pipe", "flush"]) {
        const response = await fetch(`${url}/${what}`, { headers: { "accept-encoding": "gzip" } });
        expect(response.headers.get("content-encoding")).toBe("gzip");
        expect(await response.text()).toBe("x".repeat(100_000));
        expect(ours(response)).toHaveLength(1);
        expect(response.headers.get("vary")).toMatch(/Accept-Encoding.*Cookie|Cookie.*Accept-Encoding/);
      }
    },
  );

  test("when a handler throws after its response, the response stands", async () => {
    const { sessions } = sessionsOf();
    const app = express();
    app.use(expressSessions(sessions));
    app.get("/", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      res.send("answer");
      throw new Error("a mistake after the answer");
    });
    app.use(((error, _req, res, next) =>
      res.headersSent ? next(error) : res.status(500).send("error page")) satisfies express.ErrorRequestHandler);
    const response = await fetch(await start(app));
    expect([response.status, await response.text()]).toEqual([200, "answer"]);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("a mistake after the answer"))],
    ["sends twice", (res: ServerResponse & { send?(text: string): void }) => res.send?.("second")],
  ])(
    "a handler that answers and then %s: Express hears of it, and the answer leaves before its connection is closed",
    async (_what, then) => {
      const { sessions } = sessionsOf();
      const app = express();
      const errors: unknown[] = [];
      app.use(expressSessions(sessions));
      app.get("/", async (req, res) => {
        (await sessions.get(req)).data.a = "1";
        res.send("answer");
        await then(res);
      });
      // Express's own error handler destroys the socket when the head was sent.
      app.use(((error, _req, _res, next) => {
        errors.push(error);
        next(error);
      }) satisfies express.ErrorRequestHandler);
      app.set("env", "test");
      const response = await fetch(await start(app));
      expect([response.status, await response.text(), ours(response).length]).toEqual([200, "answer", 1]);
      expect(errors).toHaveLength(1);
    },
  );

  // With a closure for each, what a write allocated outlived it: twice the CPU (decision 099).
  test("what a waiting response refuses and puts off is done by the same functions for all, which leave with it", async () => {
    const { sessions } = sessionsOf();
    const withSessions = nodeSessions(sessions);
    const seen: unknown[][] = [];
    const socketsDestroy: unknown[] = [];
    const sockets: IncomingMessage["socket"][] = [];
    const methods = ({ setHeader, appendHeader, socket }: ServerResponse): unknown[] => [
      setHeader,
      appendHeader,
      socket?.destroy,
    ];
    const before: unknown[][] = [];
    const url = await start((req, res) => {
      before.push(methods(res));
      const { socket } = req;
      sockets.push(socket);
      res.once("finish", () => socketsDestroy.push(socket.destroy));
      return withSessions(async (req, res) => {
        (await sessions.get(req)).data.a = "1";
        res.end("answer");
        seen.push(methods(res));
      })(req, res);
    });
    for (let at = 0; at < 2; at++) await (await fetch(url)).text();
    const [one, other] = seen as [unknown[], unknown[]];
    const [first] = before as [unknown[]];
    for (const at of [0, 1, 2]) {
      expect(one[at]).toBe(other[at]);
      expect(one[at]).not.toBe(first[at]);
    }
    // The answer may arrive before the response emits "finish" here.
    await expect.poll(() => socketsDestroy).toEqual([first[2], first[2]]);
  });

  test("when a handler throws after its first write, the response is incomplete and without an error page", async () => {
    const { sessions } = sessionsOf();
    const app = express();
    app.set("env", "test");
    app.use(expressSessions(sessions));
    app.get("/", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      res.write("first");
      throw new Error("a mistake after the first write");
    });
    app.use(((error, _req, res, next) =>
      res.headersSent ? next(error) : res.status(500).send("error page")) satisfies express.ErrorRequestHandler);
    const url = await start(app);
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  });

  test("headers of middleware before the sessions stay on the response to a failed save, later ones do not", async () => {
    const { sessions } = sessionsOf();
    const app = express();
    app.use((_req, res, next) => {
      res.set("x-policy", "strict");
      next();
    });
    app.use(expressSessions(sessions));
    app.get("/", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      fault = () => "throw-before";
      res.set({ "x-handler": "1", etag: '"1"', "content-language": "fr" }).cookie("own", "1").json({ secret: true });
    });
    app.use(((error, _req, res, _next) => res.send(`page for ${error.status}`)) satisfies express.ErrorRequestHandler);
    const response = await fetch(await start(app));
    expect([response.status, await response.text()]).toEqual([503, "page for 503"]);
    expect(response.headers.get("x-policy")).toBe("strict");
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    for (const name of ["x-handler", "content-language", "set-cookie"]) expect(response.headers.get(name)).toBeNull();
  });

  test("a failed save is not repeated, whatever the error page answers", async () => {
    const { sessions } = sessionsOf();
    const app = express();
    app.use(expressSessions(sessions));
    app.get("/", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      fault = () => "throw-before";
      res.send("ok");
    });
    app.use(((_error, _req, res, _next) => {
      fault = undefined;
      res.status(200).send("as if nothing had happened");
    }) satisfies express.ErrorRequestHandler);
    const response = await fetch(await start(app));
    expect(await response.text()).toBe("as if nothing had happened");
    expect(ours(response)).toEqual([]);
  });

  test("a dropped stream does not continue inside the error page", async () => {
    const { sessions } = sessionsOf();
    const app = express();
    app.use(expressSessions(sessions));
    app.get("/", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      fault = () => "throw-before";
      Readable.from(Array(100).fill("handler ".repeat(10_000))).pipe(res);
    });
    app.use((async (_error, _req, res, _next) => {
      for (let piece = 0; piece < 50; piece++) {
        if (!res.write("p".repeat(100_000))) await once(res, "drain");
      }
      res.end();
    }) satisfies express.ErrorRequestHandler);
    const response = await fetch(await start(app));
    expect(response.status).toBe(503);
    expect(await response.text()).toBe("p".repeat(5_000_000));
  });

  test("after a throw answered below 500, changes are discarded with expressSessionErrors, and saved without", async () => {
    for (const [told, expected] of [
      [true, {}],
      [false, { a: "2" }],
    ] as const) {
      const { sessions } = sessionsOf();
      const app = express();
      app.use(expressSessions(sessions));
      app.get("/read", async (req, res) => void res.json((await sessions.get(req)).data));
      app.get("/make", async (req, res) => {
        (await sessions.get(req)).login("ada");
        res.send("made");
      });
      app.get("/throw", async (req) => {
        (await sessions.get(req)).data.a = "2";
        throw new Error("a mistake");
      });
      if (told) app.use(expressSessionErrors());
      app.use(((_error, _req, res, _next) => res.status(422).send("no")) satisfies express.ErrorRequestHandler);
      const url = await start(app);
      const headers = cookieOf(await fetch(`${url}/make`));
      expect((await fetch(`${url}/throw`, { headers })).status).toBe(422);
      expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual(expected);
    }
  });

  test("trust proxy decides whether a cookie over a proxy's https causes a warning", async () => {
    for (const trust of [false, true]) {
      const { sessions, warnings } = sessionsOf();
      const app = express();
      app.set("trust proxy", trust);
      app.use(expressSessions(sessions));
      app.get("/", async (req, res) => {
        (await sessions.get(req)).data.a = "1";
        res.send("ok");
      });
      const response = await fetch(await start(app), { headers: { "x-forwarded-proto": "https" } });
      expect(ours(response)).toHaveLength(1);
      expect(warnings).toHaveLength(trust ? 0 : 1);
    }
  });

  test("in a router and in a mounted application, req has the same session", async () => {
    const { sessions } = sessionsOf();
    const [app, inner, router] = [express(), express(), express.Router()];
    app.use(expressSessions(sessions));
    inner.use(expressSessions(sessions));
    inner.get("/", async (req, res) => void res.json((await sessions.get(req)).data));
    router.use(async (req, _res, next) => {
      (await sessions.get(req)).data.a = "router";
      next();
    });
    app.use("/inner", router, inner);
    const response = await fetch(`${await start(app)}/inner`);
    expect(await response.json()).toEqual({ a: "router" });
    expect(ours(response)).toHaveLength(1);
  });

  test("a body sent only on request (Expect: 100-continue) arrives", async () => {
    const { sessions } = sessionsOf();
    const app = express();
    app.use(expressSessions(sessions, { attach: "session" }), express.text());
    app.post("/", (req, res) => {
      (req as unknown as { session: { data: Data } }).session.data.a = req.body;
      res.send(req.body);
    });
    const { port } = new URL(await start(app));
    const sending = request({
      port,
      host: "127.0.0.1",
      method: "POST",
      headers: { expect: "100-continue", "content-type": "text/plain", "content-length": 4 },
    });
    sending.flushHeaders();
    await once(sending, "continue");
    sending.end("body");
    const [response] = (await once(sending, "response")) as [IncomingMessage];
    expect((await response.setEncoding("utf8").toArray()).join("")).toBe("body");
    expect(response.headers["set-cookie"]).toHaveLength(1);
  });
});
