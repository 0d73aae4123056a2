/** What the drop-in does otherwise than express-session 1.19: a test for each row of docs/express-session/README.md. */

import { createServer } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import express from "express";
import { isSessionError } from "sojourn";
import session, { MemoryStore } from "sojourn/express-session";
import { expect, onTestFinished, test } from "vitest";
import { type Handler, type Req, type Running, running, serve, until } from "./http.ts";
import { load } from "./packages.ts";

const real = load("express-session");
const quiet = { secret: "keyboard cat", resave: false, saveUninitialized: false };

async function app(make: unknown, options: object, handler: Handler): Promise<Running> {
  const started = await serve((make as typeof session)({ ...quiet, ...options } as never) as never, handler);
  onTestFinished(() => started.close());
  return started;
}

/** Resolves when it is told to. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const counting: Handler = (req, res) => {
  req.session.n = (req.session.n ?? 0) + 1;
  res.end(String(req.session.n));
};

/** A store whose `set` waits. */
function slowStore(set: Promise<unknown>): {
  readonly store: InstanceType<typeof MemoryStore>;
  readonly log: string[];
} {
  const store = new MemoryStore();
  const log: string[] = [];
  const { set: now, destroy } = store;
  store.set = (id, data, done) => {
    log.push("set");
    void set.then(() => now.call(store, id, data, done));
  };
  store.destroy = (id, done) => {
    log.push("destroy");
    destroy.call(store, id, done);
  };
  return { store, log };
}

test("the response is sent after the session was saved, not before", async () => {
  for (const [make, early] of [
    [real, true],
    [session, false],
  ]) {
    const saved = gate();
    const { store, log } = slowStore(saved.opened);
    const { url } = await app(make, { store, saveUninitialized: true }, (_req, res) =>
      res.end("a body of some length"),
    );
    let arrived = false;
    const response = fetch(url).then((reply) => {
      arrived = true;
      return reply.text();
    });
    await until(() => log.length > 0);
    // Long enough for what is already on the wire.
    for (let at = 0; at < 200 && !arrived; at++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(arrived).toBe(early);
    saved.open();
    expect(await response).toBe("a body of some length");
  }
});

test("a failed save is an error of the response, without a cookie; express-session answers 200", async () => {
  for (const [make, status] of [
    [real, 200],
    [session, 500],
  ]) {
    const store = new MemoryStore();
    store.set = (_id, _data, done) => done?.(new Error("the disk is full"));
    const { send, late } = await app(make, { store }, counting);
    const reply = await send();
    expect(reply.status).toBe(status);
    if (make === session) {
      expect(reply).toMatchObject({ text: "the disk is full", setCookie: [] });
      expect(late).toEqual([]);
    } else await until(() => late.length === 1);
  }
});

test("the page for another error stays when the session cannot be saved either, and next hears of it afterwards", async () => {
  const store = new MemoryStore();
  store.set = (_id, _data, done) => done?.(new Error("no connection"));
  const app = express();
  app.use(session({ ...quiet, store } as never));
  app.get("/", (req) => {
    (req as unknown as Req).session.user = "ada";
    throw new Error("out of paper");
  });
  const heard: string[] = [];
  app.use((error: Error, _req: unknown, res: express.Response, next: express.NextFunction) => {
    heard.push(error.message);
    if (res.headersSent) next();
    else res.status(500).send(`Sorry: ${error.message}`);
  });
  app.use((error: Error, _req: unknown, _res: unknown, _next: unknown) => void heard.push(error.message));
  const { send, close } = await running(createServer(app));
  onTestFinished(close);
  expect(await send()).toMatchObject({ status: 500, text: "Sorry: out of paper", setCookie: [] });
  await until(() => heard.length === 2);
  expect(heard).toEqual(["out of paper", "no connection"]);
});

test('a failed destroy by unset: "destroy" is an error of the response', async () => {
  const store = new MemoryStore();
  const { send } = await app(session, { store, unset: "destroy" }, (req, res) => {
    if (req.url === "/out") req.session = null;
    else req.session.user = "ada";
    res.end("done");
  });
  const { cookie } = await send();
  store.destroy = (_id, done) => done?.(new Error("no connection"));
  expect(await send("/out", cookie)).toMatchObject({ status: 500, text: "no connection" });
});

test("a failed touch does not fail the response, and goes to next when it is complete", async () => {
  const store = new MemoryStore();
  const { send, late } = await app(session, { store, cookie: { maxAge: 60_000 } }, (req, res) => {
    req.session.user ??= "ada";
    res.end("done");
  });
  const { cookie } = await send();
  store.touch = (_id, _session, done) => (done as (error: Error) => void)(new Error("no connection"));
  expect(await send("/", cookie)).toMatchObject({ status: 200, text: "done" });
  await until(() => late.length === 1);
  expect((late[0] as Error).message).toBe("no connection");
});

/** Two requests at once on one session: the second begins and ends while the first is held. */
async function during(
  make: unknown,
  store: unknown,
  second: (req: Req) => unknown,
): Promise<{ readonly first: { status: number; text: string; setCookie: string[] }; readonly session: unknown }> {
  const inside = gate();
  const go = gate();
  const { send } = await app(make, { store }, async (req, res) => {
    if (req.url === "/first") {
      inside.open();
      await go.opened;
      req.session.first = true;
    }
    if (req.url === "/second") await second(req);
    if (req.url === "/begin") req.session.begun = true;
    res.end(JSON.stringify(req.session ?? null));
  });
  const { cookie } = await send("/begin");
  const first = send("/first", cookie);
  await inside.opened;
  await send("/second", cookie);
  go.open();
  const answer = await first;
  const { text } = await send("/look", cookie);
  const { cookie: _, ...data } = JSON.parse(text);
  return { first: answer, session: data };
}

test("parallel requests keep each other's keys, in a store from npm within one process", async () => {
  const write = (req: Req): void => {
    req.session.second = true;
  };
  expect((await during(real, new real.MemoryStore(), write)).session).toEqual({ begun: true, first: true });
  const ours = await during(session, new real.MemoryStore(), write);
  expect(ours.session).toEqual({ begun: true, first: true, second: true });
});

test("a request in flight does not bring back a destroyed session", async () => {
  const destroy = (req: Req): Promise<void> => new Promise((resolve) => req.session.destroy(() => resolve()));
  expect((await during(real, new real.MemoryStore(), destroy)).session).toEqual({ begun: true, first: true });
  const ours = await during(session, new real.MemoryStore(), destroy);
  expect(ours.session).toEqual({});
  expect(ours.first.setCookie).toEqual([]);
});

test("save() of a session that ended in another request calls back with ERR_SESSION_ENDED", async () => {
  const store = new MemoryStore();
  const inside = gate();
  const go = gate();
  let error: unknown;
  const { send } = await app(session, { store }, async (req, res) => {
    if (req.url === "/save") {
      inside.open();
      await go.opened;
      req.session.more = 1;
      error = await new Promise((resolve) => req.session.save(resolve));
    } else if (req.url === "/out") await req.session.destroy();
    else req.session.begun = 1;
    res.end();
  });
  const { cookie } = await send("/");
  const saving = send("/save", cookie);
  await inside.opened;
  await send("/out", cookie);
  go.open();
  await saving;
  expect(isSessionError(error) && error.code).toBe("ERR_SESSION_ENDED");
});

test("a session saved by regenerate and save is not saved a third time", async () => {
  const calls = async (make: unknown): Promise<string[]> => {
    const { store, log } = slowStore(Promise.resolve());
    const { send } = await app(make, { store }, (req, res) => {
      req.session.regenerate(() => {
        req.session.user = "ada";
        req.session.save(() => res.end());
      });
    });
    await send();
    return log;
  };
  expect(await calls(real)).toEqual(["destroy", "set", "set"]);
  expect(await calls(session)).toEqual(["destroy", "set"]);
});

test("a session that changes after the first byte is saved before it and again at the end", async () => {
  const calls = async (make: unknown): Promise<string[]> => {
    const { store, log } = slowStore(Promise.resolve());
    const { send } = await app(make, { store }, async (req, res) => {
      req.session.one = 1;
      res.write("one");
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      req.session.two = 2;
      res.end("two");
    });
    await send();
    return log;
  };
  expect(await calls(real)).toEqual(["set"]);
  expect(await calls(session)).toEqual(["set", "set"]);
});

test("without a callback, the methods return promises", async () => {
  const store = new MemoryStore();
  const { send } = await app(session, { store }, async (req, res) => {
    const { id } = req.session;
    req.session.user = "ada";
    await req.session.save();
    req.session.user = "eve";
    await req.session.reload();
    const user = req.session.user;
    await req.session.regenerate();
    const other = req.session.id !== id;
    await req.session.destroy();
    res.end(JSON.stringify({ user, other, gone: req.session === undefined }));
  });
  expect(JSON.parse((await send()).text)).toEqual({ user: "ada", other: true, gone: true });
  store.set = (_id, _data, done) => done?.(new Error("no connection"));
  const failing = await app(session, { store }, async (req, res) => {
    req.session.user = "ada";
    req.session.save(); // Nobody waits for it, and it does not end the process.
    const error = await req.session.save().catch((thrown: Error) => thrown.message);
    req.session = null;
    res.end(error);
  });
  expect((await failing.send()).text).toBe("no connection");
});

test("regenerate({ keep }) keeps those keys", async () => {
  const { send } = await app(session, {}, async (req, res) => {
    if (req.url === "/begin") Object.assign(req.session, { cart: ["tea"], user: "guest" });
    else if (req.url === "/some") await req.session.regenerate({ keep: ["cart"] });
    else if (req.url === "/all") await req.session.regenerate({ keep: true });
    const { cookie: _, ...data } = req.session;
    res.end(JSON.stringify(data));
  });
  const { cookie } = await send("/begin");
  const all = await send("/all", cookie);
  expect(JSON.parse(all.text)).toEqual({ cart: ["tea"], user: "guest" });
  const some = await send("/some", all.cookie);
  expect(JSON.parse(some.text)).toEqual({ cart: ["tea"] });
  expect(some.cookie).not.toBe(all.cookie);
});

test("clearCookie: true removes the cookie of a destroyed session", async () => {
  const { send } = await app(session, { clearCookie: true, cookie: { path: "/app" } }, async (req, res) => {
    if (req.url === "/app/out") await req.session.destroy();
    else req.session.user = "ada";
    res.end();
  });
  const { cookie } = await send("/app/in");
  expect((await send("/app/out", cookie)).setCookie).toEqual([
    "connect.sid=; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly",
  ]);
  expect((await send("/app/out")).setCookie).toEqual([]);
});

test("a secure cookie that is not sent over http causes one warning, with what to do", async () => {
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const { send } = await app(session, { cookie: { secure: true }, warn }, counting);
  await send();
  await send();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/"connect.sid" was not sent.*trust proxy/);
});

test("req.session set to something that is no session is an error", async () => {
  const { send } = await app(session, {}, (req, res) => {
    req.session = { user: "ada" };
    res.end();
  });
  expect(await send()).toMatchObject({ status: 500, text: expect.stringMatching(/req\.session was replaced/) });
});

test("over HTTP/2 sessions are kept, and the response waits for the save", async () => {
  const saved = gate();
  const { store, log } = slowStore(saved.opened);
  const middleware = session({ ...quiet, store } as never);
  const server = createHttp2Server((req, res) => {
    middleware(
      req as never,
      res as never,
      ((error: unknown) => {
        if (error) res.writeHead(500);
        else counting(req as never, res as never);
      }) as never,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  let arrived = false;
  const ask = async (cookie?: string): Promise<{ text: string; cookie: string | undefined }> => {
    const stream = client.request({ ":path": "/", ...(cookie && { cookie }) });
    let setCookie: string[] | undefined;
    stream.on("response", (headers) => {
      arrived = true;
      setCookie = headers["set-cookie"];
    });
    let text = "";
    for await (const chunk of stream) text += chunk;
    return { text, cookie: setCookie?.[0]?.split(";")[0] };
  };
  const first = ask();
  await until(() => log.length === 1);
  expect(arrived).toBe(false);
  saved.open();
  const { text, cookie } = await first;
  expect(text).toBe("1");
  expect((await ask(cookie)).text).toBe("2");
});

test("res.end is as Node has it: it gives the response, which has ended and has its length", async () => {
  const seen = async (make: unknown): Promise<unknown[]> => {
    let told: unknown[] = [];
    const { send } = await app(make, {}, (req, res) => {
      req.session.user = "ada";
      told = [res.end("done") === res, res.writableEnded];
    });
    const { headers } = await send();
    return [...told, headers.get("content-length")];
  };
  expect(await seen(real)).toEqual([false, false, null]);
  expect(await seen(session)).toEqual([true, true, "4"]);
});

test("after writeHead alone nothing has been sent, so that an error can still be answered", async () => {
  const seen = async (make: unknown): Promise<unknown[]> => {
    let sent: unknown;
    const { send } = await app(make, {}, (req, res) => {
      req.session.user = "ada";
      res.writeHead(201);
      sent = res.headersSent;
      res.end();
    });
    return [(await send()).status, sent];
  };
  expect(await seen(real)).toEqual([201, true]);
  expect(await seen(session)).toEqual([201, false]);
});

test("a plain object in place of the cookie changes what it names, and leaves HttpOnly, Secure and the path as they are", async () => {
  const seen = async (make: unknown): Promise<string | undefined> => {
    const { send } = await app(make, { cookie: { path: "/", sameSite: "lax" } }, (req, res) => {
      req.session.cookie = { maxAge: 60_000 } as never;
      req.session.user = "ada";
      res.end();
    });
    return (await send()).headers
      .get("set-cookie")
      ?.replace(/=[^;]*/, "=…")
      .replace(/Expires=[^;]*/, "Expires=…");
  };
  expect(await seen(real)).toBe("connect.sid=…");
  expect(await seen(session)).toBe("connect.sid=…; Path=/; Expires=…; HttpOnly; SameSite=Lax");
});
