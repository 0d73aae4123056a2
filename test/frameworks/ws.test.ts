/** Sockets of `ws` beside requests of `node:http`: what they see of a session, and how they are told of its end. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LoginOptions } from "sojourn";
import { flaskSession } from "sojourn/flask";
import { wsSessions } from "sojourn/frameworks/ws";
import { createPartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { fileStore } from "sojourn/stores/file";
import { memoryStore } from "sojourn/stores/memory";
import { afterEach, describe, expect, test, vi } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { scratch } from "../examples/demo-process.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";
import {
  type Client,
  connect,
  refusal,
  type SocketApp,
  type SocketData,
  startSocketApp,
} from "../support/socket-app.ts";

reportBackend({ backend: "ws", server: nodeServer, clients: [clientVersion("ws")] });

const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

async function start(options: Parameters<typeof startSocketApp>[0] = {}): Promise<SocketApp> {
  const app = await startSocketApp(options);
  cleaning.push(() => app.close());
  return app;
}

async function open(app: Pick<SocketApp, "url">, cookie?: string, headers?: object): Promise<Client> {
  const client = await connect(app, cookie, headers);
  cleaning.push(() => client.socket.terminate());
  return client;
}

/** A client that has a session, and a socket with it that is watched. */
async function visitor(app: SocketApp, path = "/a/1"): Promise<Client & { cookie: string }> {
  const cookie = (await app.request(path)).cookie as string;
  const client = await open(app, cookie);
  await app.sockets.check();
  return { ...client, cookie };
}

/** Not closed, and answers. */
async function expectOpen(client: Client): Promise<void> {
  await client.ask("read");
  expect(client.socket.readyState).toBe(client.socket.OPEN);
}

const types = ({ events }: SocketApp): string[] => events.map(({ type }) => type);

describe("the session of a message", () => {
  test("is read again for each message: what a request changed is seen by the next message, and the other way round", async () => {
    const app = await start();
    const { ask, cookie } = await visitor(app);
    expect(await ask("read")).toEqual({ a: "1" });
    await app.request("/b/http", cookie);
    expect(await ask("read")).toEqual({ a: "1", b: "http" });
    await ask("a/socket");
    expect(JSON.parse((await app.request("/read", cookie)).text)).toEqual({ a: "socket", b: "http" });
  });

  test("keeps parallel changes by requests and other sockets, and counts exactly", async () => {
    const app = await start();
    const one = await visitor(app);
    const two = await open(app, one.cookie);
    const rounds = 15;
    await Promise.all([
      ...Array.from({ length: rounds }, () => app.request("/count", one.cookie)),
      ...[one, two].map(async ({ ask }, at) => {
        for (let round = 0; round < rounds; round++) await ask("count");
        await ask(at === 0 ? "a/one" : "b/two");
      }),
    ]);
    expect(await one.ask("read")).toEqual({ a: "one", b: "two", count: 3 * rounds });
    expect(app.errors).toEqual([]);
  });

  test("costs one read, and one write when something changed", async () => {
    const app = await start();
    const { ask } = await visitor(app);
    app.state.calls = 0;
    await ask("read");
    expect(app.state.calls).toBe(1);
    await ask("a/2");
    expect(app.state.calls).toBe(3);
  });

  test("is absent for a client without a cookie, and a change is an error: no cookie can be set", async () => {
    const app = await start();
    const { ask } = await open(app);
    app.state.calls = 0;
    expect(await ask("read")).toEqual({});
    expect(await ask("a/1")).toEqual({ error: "ERR_SESSION_HEADERS_SENT" });
    expect(app.state.calls).toBe(0);
  });

  test.each(["login", "regenerate", "destroy", "keep"])("refuses %s at once, with the reason", async (command) => {
    const app = await start();
    const { ask, cookie } = await visitor(app);
    expect(await ask(command)).toEqual({ error: "ERR_SESSION_HEADERS_SENT" });
    expect(await ask("read")).toEqual({ a: "1" });
    expect(JSON.parse((await app.request("/read", cookie)).text)).toEqual({ a: "1" });
  });

  test("discards changes before a throw, unless the sessions save on errors", async () => {
    for (const [onError, expected] of [
      ["discard", "1"],
      ["save", "thrown"],
    ] as const) {
      const app = await start({ sessions: { onError } });
      const { ask } = await visitor(app);
      expect(await ask("throw")).toEqual({ error: "the handler's own" });
      expect(await ask("read")).toEqual({ a: expected });
    }
  });

  test("is sessions.current() inside the handler", async () => {
    const app = await start({ sessions: { current: true } });
    const { cookie } = await app.request("/a/1");
    const request = { headers: { cookie } };
    const same = await app.sockets.with(request, async (session) => session === (await app.sessions.current()));
    expect(same).toBe(true);
  });

  test("can be read without saving, and saved explicitly", async () => {
    const app = await start();
    const { cookie } = await app.request("/a/1");
    const request = { headers: { cookie } };
    const session = await app.sockets.get(request);
    session.data.a = "2";
    expect((await app.sockets.get(request)).data).toEqual({ a: "1" });
    expect(await session.save()).toBe(true);
    expect((await app.sockets.get(request)).data).toEqual({ a: "2" });
  });

  test("is saved although the client disconnected while its message was handled", async () => {
    const app = await start();
    const { socket, closed, cookie } = await visitor(app);
    let release = (): void => {};
    app.state.fault = {
      late: new Promise<void>((resolve) => {
        release = resolve;
      }),
    };
    const before = app.state.calls;
    socket.send("a/2");
    await vi.waitFor(() => expect(app.state.calls).toBe(before + 1));
    app.state.fault = "pass";
    socket.terminate();
    await closed;
    release();
    await vi.waitFor(async () => expect((await app.request("/read", cookie)).text).toBe('{"a":"2"}'));
    expect(app.errors).toEqual([]);
  });

  test("is kept alive by messages, but not with the access no-touch", async () => {
    for (const [access, alive] of [
      [undefined, true],
      ["no-touch", false],
    ] as const) {
      const app = await start({ sessions: { idleTimeout: "30m" }, sockets: { access: () => access } });
      const { ask, cookie } = await visitor(app);
      app.state.now += 20 * 60_000;
      await ask("read");
      app.state.now += 20 * 60_000;
      const { text } = await app.request("/read", cookie);
      expect(JSON.parse(text)).toEqual(alive ? { a: "1" } : {});
    }
  });

  test("is read-only with the access read, and absent with skip", async () => {
    const app = await start({ sockets: { access: ({ headers }) => ("x-skip" in headers ? "skip" : "read") } });
    const { ask, cookie } = await visitor(app);
    expect(await ask("a/2")).toEqual({ error: "ERR_SESSION_READ_ONLY" });
    expect(await ask("read")).toEqual({ a: "1" });
    const skipping = await open(app, cookie, { "x-skip": "1" });
    expect(await skipping.ask("read")).toEqual({ error: expect.stringContaining('access "skip"') });
  });

  test("is an error during an outage, which closes no socket", async () => {
    const app = await start();
    const { ask } = await visitor(app);
    app.state.fault = "throw-before";
    expect(await ask("read")).toEqual({ error: "ERR_SESSION_STORE_UNAVAILABLE" });
    await app.sockets.check();
    app.state.now += 48 * 3_600_000;
    await app.sockets.check();
    app.state.now -= 48 * 3_600_000;
    app.state.fault = "pass";
    expect(await ask("read")).toEqual({ a: "1" });
  });

  test("is watched even if the store was down when the socket was opened", async () => {
    const app = await start();
    const { cookie } = await app.request("/a/1");
    app.state.fault = "throw-before";
    const client = await open(app, cookie);
    await app.sockets.check();
    app.state.fault = "pass";
    await app.sockets.check();
    await app.request("/destroy", cookie);
    expect(await client.closed).toEqual([4401, "logout"]);
  });
});

describe("the end of a session in this process closes its sockets at once", () => {
  test.each([
    ["destroy", "logout"],
    ["revoke/ada", "revoked"],
    ["regenerate", "renewed"],
    ["login/ada", "renewed"],
  ])("%s: %s", async (path, reason) => {
    const app = await start();
    const one = await visitor(app, "/login/ada");
    const two = await open(app, one.cookie);
    const other = await visitor(app);
    await app.sockets.check();
    await app.request(`/${path}`, one.cookie);
    expect(await one.closed).toEqual([4401, reason]);
    expect(await two.closed).toEqual([4401, reason]);
    await expectOpen(other);
  });

  test("a login closes the guest's socket that is still being opened as well", async () => {
    let release = (): void => {};
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    const app = await start();
    const { cookie } = await app.request("/a/1");
    app.state.fault = { late };
    const client = await open(app, cookie);
    app.state.fault = "pass";
    await app.request("/login/ada", cookie);
    release();
    expect(await client.closed).toEqual([4401, "renewed"]);
  });

  test("a login does not make a guest's socket the user's: an attacker who planted the id is not let in", async () => {
    const app = await start();
    const planted = await visitor(app);
    const kept = { headers: { cookie: planted.cookie } };
    const { cookie } = await app.request("/login/ada", planted.cookie);
    await planted.closed;
    expect((await app.sockets.get(kept)).subject).toBeUndefined();
    // The user's own client comes again with its new cookie.
    expect(await (await open(app, cookie)).ask("subject")).toBe("ada");
  });

  test("changes of a message in progress are refused, and later messages have no session and no store call", async () => {
    const app = await start({ sockets: { onEnd: () => {} } });
    const { ask, cookie } = await visitor(app);
    await app.request("/destroy", cookie);
    app.state.calls = 0;
    expect(await ask("read")).toEqual({});
    expect(await ask("a/2")).toEqual({ error: "ERR_SESSION_HEADERS_SENT" });
    expect(app.state.calls).toBe(0);
    expect(types(app).filter((type) => type === "session_created")).toHaveLength(1);
  });

  test("a session that ends while a message is handled is not created again, and its socket gets the event", async () => {
    const app = await start({ sockets: { onEnd: () => {} } });
    const { cookie } = await app.request("/a/1");
    await app.sockets.with({ headers: { cookie } }, async ({ data }) => {
      data.a = "2";
      await app.request("/destroy", cookie);
    });
    expect(types(app)).toContain("save_refused");
    expect(JSON.parse((await app.request("/read", cookie)).text)).toEqual({});
  });

  test("onEnd decides instead, once per socket; if it fails, the socket is closed", async () => {
    const ends: string[] = [];
    for (const fails of [undefined, "throws", "rejects"]) {
      const app = await start({
        sockets: {
          onEnd(_socket, reason) {
            ends.push(reason);
            if (fails === "throws") throw new Error("onEnd failed");
            return fails === "rejects" ? Promise.reject(new Error("onEnd failed")) : undefined;
          },
        },
      });
      const client = await visitor(app, "/login/ada");
      await app.request("/revoke/ada", client.cookie);
      await app.sockets.check();
      if (fails) expect(await client.closed).toEqual([4401, "revoked"]);
      else await expectOpen(client);
    }
    expect(ends).toEqual(["revoked", "revoked", "revoked"]);
  });

  test("a closed socket is not watched, and a closing one no longer", async () => {
    const ends: string[] = [];
    const app = await start({ sockets: { onEnd: (_socket, reason) => ends.push(reason) } });
    const client = await visitor(app);
    client.socket.terminate();
    await client.closed;
    await vi.waitFor(async () => expect(await reads(app)).toBe(0));
    app.sockets.watch(client.socket, { headers: { cookie: client.cookie } });
    expect(await reads(app)).toBe(0);
    await app.request("/destroy", client.cookie);
    expect(ends).toEqual([]);
  });
});

/** How many reads a check costs. */
async function reads(app: SocketApp): Promise<number> {
  app.state.calls = 0;
  await app.sockets.check();
  return app.state.calls;
}

describe("the clock", () => {
  test.each([
    ["idleTimeout", { idleTimeout: "30m" }],
    ["absoluteTimeout", { idleTimeout: false, absoluteTimeout: "30m" }],
  ] as const)("closes a socket when the session is over by its %s", async (_what, sessions) => {
    const app = await start({ sessions, sockets: { checkEvery: 0.02 } });
    const client = await visitor(app);
    await expectOpen(client);
    app.state.now += 30 * 60_000;
    expect(await client.closed).toEqual([4401, "expired"]);
  });

  test("closes a socket at the lifetime of its login, shorter or longer than that of the sessions", async () => {
    const app = await start({ sessions: { idleTimeout: "30m", absoluteTimeout: "8h" } });
    const logIn = async (subject: string, lifetime: LoginOptions<SocketData>) => {
      const { cookie } = await request(app.sessions, undefined, (session) => session.login(subject, lifetime));
      const client = await open(app, cookie);
      await app.sockets.check();
      return client;
    };
    const administrator = await logIn("root", { idleTimeout: "5m", absoluteTimeout: "1h" });
    const remembered = await logIn("ada", { persistent: true, idleTimeout: "30d", absoluteTimeout: "90d" });
    app.state.now += 4 * 60_000;
    await app.sockets.check();
    await expectOpen(administrator);
    app.state.now += 5 * 60_000;
    await app.sockets.check();
    expect(await administrator.closed).toEqual([4401, "expired"]);
    app.state.now += 29 * 86_400_000;
    await app.sockets.check();
    await expectOpen(remembered);
    app.state.now += 30 * 86_400_000;
    await app.sockets.check();
    expect(await remembered.closed).toEqual([4401, "expired"]);
  });

  test("closes a socket kept alive by messages at the absolute end that its login chose", async () => {
    const app = await start({ sessions: { absoluteTimeout: "8h" } });
    const { cookie } = await request(app.sessions, undefined, (session) =>
      session.login("root", { absoluteTimeout: "1h" }),
    );
    const client = await open(app, cookie);
    for (let minutes = 20; minutes < 60; minutes += 20) {
      app.state.now += 20 * 60_000;
      expect(await client.ask("subject")).toBe("root");
    }
    app.state.now += 20 * 60_000;
    await app.sockets.check();
    expect(await client.closed).toEqual([4401, "expired"]);
  });

  test("does not wait for the next check to close it", async () => {
    const app = await start({
      sessions: { now: Date.now, idleTimeout: "1s" },
      sockets: { checkEvery: "1h", access: () => "no-touch" },
    });
    expect(await (await visitor(app)).closed).toEqual([4401, "expired"]);
  });

  test("keeps a socket open whose session was used by a request", async () => {
    const app = await start({ sessions: { idleTimeout: "30m" }, sockets: { access: () => "no-touch" } });
    const client = await visitor(app);
    app.state.now += 20 * 60_000;
    await app.request("/read", client.cookie);
    app.state.now += 20 * 60_000;
    await app.sockets.check();
    await expectOpen(client);
  });

  test("follows a session that requests renew repeatedly, and reports no reuse", async () => {
    const app = await start({ sessions: { renewAfter: "5m", renewGrace: "1m" } });
    const client = await visitor(app);
    app.state.now += 6 * 60_000;
    const { cookie } = await app.request("/read", client.cookie);
    expect(cookie).not.toBe(client.cookie);
    expect(await client.ask("read")).toEqual({ a: "1" });
    await app.request("/read", cookie);
    await app.sockets.check();
    await expectOpen(client);
    app.state.now += 2 * 60_000;
    await app.sockets.check();
    await expectOpen(client);
    app.state.now += 5 * 60_000;
    const next = (await app.request("/b/2", cookie)).cookie;
    expect(next).not.toBe(cookie);
    await app.request("/read", next);
    await app.sockets.check();
    app.state.now += 2 * 60_000;
    expect(await client.ask("read")).toEqual({ a: "1", b: "2" });
    expect(types(app)).not.toContain("id_reused");
    await app.request("/destroy", next);
    expect(await client.closed).toEqual([4401, "logout"]);
  });

  test("reads each session once for all its sockets, and none without an open socket", async () => {
    const app = await start();
    expect(await reads(app)).toBe(0);
    const one = await visitor(app);
    await open(app, one.cookie);
    await open(app, one.cookie);
    await visitor(app);
    await open(app);
    expect(await reads(app)).toBe(2);
  });
});

describe("a session in its cookie", () => {
  const secrets = ["a secret of the tests, which is long enough to be one"];

  test("can be read as it was at the upgrade, not changed, and its end in this process closes the socket", async () => {
    const app = await start({ sessions: { store: cookieStore({ secrets }) } });
    const client = await visitor(app);
    expect(await client.ask("read")).toEqual({ a: "1" });
    expect(await client.ask("a/2")).toEqual({ error: "ERR_SESSION_HEADERS_SENT" });
    await app.request("/destroy", client.cookie);
    expect(await client.closed).toEqual([4401, "logout"]);
  });

  test("is revoked with the user's other sessions", async () => {
    const app = await start({ sessions: { store: cookieStore({ secrets, revocations: memoryStore() }) } });
    const [ada, eve] = [await visitor(app, "/login/ada"), await visitor(app, "/login/eve")];
    await app.sessions.revoke("ada");
    expect(await ada.closed).toEqual([4401, "revoked"]);
    await expectOpen(eve);
  });
});

describe("a session of a format that keeps no handle", () => {
  test("has another handle after a login, which the next check notices, and a logout at once", async () => {
    const app = await start({ sessions: flaskSession({ format: "json" }) });
    const guest = await visitor(app);
    const { cookie } = await app.request("/login/ada", guest.cookie);
    const user = await open(app, cookie);
    await app.sockets.check();
    expect(await guest.closed).toEqual([4401, "gone"]);
    await app.request("/destroy", cookie);
    expect(await user.closed).toEqual([4401, "logout"]);
  });
});

describe("a session in parts", () => {
  test("ends when the user is logged out, even if other parts continue", async () => {
    const store = memoryStore();
    const sessions = createPartsSessions<{ user: string; theme: string }>({
      parts: {
        login: { cookie: { name: "login" }, store, fields: ["user"] },
        rest: { cookie: { name: "rest" }, store, fields: "rest" },
      },
    });
    const sockets = wsSessions(sessions);
    const first = await request(sessions, undefined, (session) => {
      session.login("ada");
      Object.assign(session.data, { user: "Ada", theme: "dark" });
    });
    const cookie = first.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const closed: unknown[] = [];
    const socket = { close: (...how: unknown[]) => closed.push(how) };
    sockets.watch(socket, { headers: { cookie } });
    await sockets.with(socket, ({ data }) => {
      data.theme = "light";
    });
    expect((await sockets.get(socket)).data).toEqual({ user: "Ada", theme: "light" });
    // As another process does it: without an event here.
    for await (const { key } of store.list?.() ?? []) if (key.startsWith("login:")) await store.delete(key);
    await sockets.check();
    expect(closed).toEqual([[4401, "gone"]]);
  });
});

describe("another process", () => {
  test("ends a session: its sockets are closed at the next check of the store, by themselves", async () => {
    const directory = await scratch();
    cleaning.push(directory.remove);
    const store = fileStore({ directory: directory.path });
    const app = await start({ sessions: { store, now: Date.now }, sockets: { checkEvery: "50ms" } });
    for (const action of ["destroy", "revoke", "login"]) {
      const client = await visitor(app, "/login/ada");
      const other = await visitor(app, "/login/eve");
      await elsewhere(directory.path, client.cookie, action);
      expect(await client.closed).toEqual([4401, "gone"]);
      await expectOpen(other);
    }
  });

  test("can end a session although sockets watch it", async () => {
    const directory = await scratch();
    cleaning.push(directory.remove);
    const app = await start({ sessions: { store: fileStore({ directory: directory.path }), now: Date.now } });
    await elsewhere(directory.path, (await app.request("/a/1")).cookie as string, "watch");
  });

  test("changes data, and the next message sees it", async () => {
    const directory = await scratch();
    cleaning.push(directory.remove);
    const app = await start({ sessions: { store: fileStore({ directory: directory.path }), now: Date.now } });
    const client = await visitor(app);
    await elsewhere(directory.path, client.cookie, "change");
    expect(await client.ask("read")).toEqual({ a: "1", b: "elsewhere" });
  });
});

/** Does something with a session in another process. */
async function elsewhere(directory: string, cookie: string, action: string): Promise<void> {
  const program = join(projectRoot, "test/support/other-process-program.ts");
  const input = JSON.stringify({ directory, cookie, action });
  await promisify(execFile)(process.execPath, ["--conditions=sojourn-source", program, input], { timeout: 25_000 });
}

describe("the origin", () => {
  const hosts = (app: SocketApp): [own: string, elsewhere: string] => [new URL(app.url).host, "evil.test"];

  test.each([false, true])("of another host is refused with 403 (noServer: %s)", async (noServer) => {
    const app = await start({ noServer });
    const { cookie } = await app.request("/a/1");
    const [own, elsewhere] = hosts(app);
    expect(await refusal(app, { cookie, origin: `https://${elsewhere}` })).toBe(403);
    for (const origin of ["null", `https://${own}.evil.test`, "https://127.0.0.1", "garbage", ""]) {
      expect([origin, await refusal(app, { cookie, origin })]).toEqual([origin, 403]);
    }
    for (const headers of [{}, { origin: `https://${own}` }, { origin: `http://${own}` }]) {
      expect(await (await open(app, cookie, headers)).ask("read")).toEqual({ a: "1" });
    }
  });

  test("may be one of a list, if configured", async () => {
    const app = await start({ sockets: { origin: ["https://shop.test", "http://localhost:8080"] } });
    const { cookie } = await app.request("/a/1");
    const [own] = hosts(app);
    for (const origin of [`http://${own}`, "http://shop.test", "https://shop.test:8080", "https://www.shop.test"]) {
      expect([origin, await refusal(app, { cookie, origin })]).toEqual([origin, 403]);
    }
    for (const origin of ["https://shop.test", "http://localhost:8080"]) {
      expect(await (await open(app, cookie, { origin })).ask("read")).toEqual({ a: "1" });
    }
  });

  test("is not checked with origin: false", async () => {
    const app = await start({ sockets: { origin: false } });
    const { cookie } = await app.request("/a/1");
    expect(await (await open(app, cookie, { origin: "https://evil.test" })).ask("read")).toEqual({ a: "1" });
  });

  test("of another host gives no session even if the upgrade was not refused", async () => {
    const app = await start();
    const { cookie } = await app.request("/a/1");
    const request = { headers: { cookie, host: "shop.test", origin: "https://evil.test" } };
    expect((await app.sockets.get(request)).isNew).toBe(true);
    app.sockets.watch({ close() {} } as never, request);
    expect(await reads(app)).toBe(0);
  });

  test("without TLS does not match a server with TLS; the default port is optional", async () => {
    const { sockets } = await start();
    const encrypted = { encrypted: true };
    const allowed = (origin: string, host: string, socket = {}): boolean =>
      sockets.allows({ headers: { origin, host }, socket });
    expect(allowed("http://shop.test", "shop.test", encrypted)).toBe(false);
    expect(allowed("https://shop.test", "shop.test", encrypted)).toBe(true);
    expect(allowed("https://shop.test", "SHOP.test:443", encrypted)).toBe(true);
    expect(allowed("https://shop.test:8443", "shop.test", encrypted)).toBe(false);
    // Behind a proxy that ends the TLS.
    expect(allowed("https://shop.test", "shop.test")).toBe(true);
    const fetched = (url: string, origin: string): boolean =>
      sockets.allows(new Request(url, { headers: { origin, host: "shop.test" } }));
    expect(fetched("https://shop.test/ws", "https://shop.test")).toBe(true);
    expect(fetched("https://shop.test/ws", "http://shop.test")).toBe(false);
    expect(fetched("https://shop.test/ws", "https://evil.test")).toBe(false);
  });
});

describe("WebSockets of the web platform", () => {
  test("are watched by a fetch Request, and get the event when they are closed", async () => {
    const app = await start();
    const { cookie } = await app.request("/login/ada");
    const closed: unknown[] = [];
    const socket = Object.assign(new EventTarget(), { close: (...how: unknown[]) => closed.push(how) });
    const request = new Request("http://shop.test/ws", { headers: { cookie: cookie as string } });
    app.sockets.watch(socket as never, request);
    expect(await app.sockets.with(socket, ({ subject }) => subject)).toBe("ada");
    expect(await reads(app)).toBe(1);
    socket.dispatchEvent(new Event("close"));
    expect(await reads(app)).toBe(0);

    const stop = app.sockets.watch(socket as never, request);
    await app.sockets.check();
    await app.request("/destroy", cookie);
    expect(closed).toEqual([[4401, "logout"]]);
    stop();
  });
});

describe("wrong options and arguments", () => {
  test("are refused where they are passed", async () => {
    const takes = '"same", false, or a list of origins';
    const refused = async (sockets: object): Promise<unknown> =>
      startSocketApp({ sockets: sockets as never }).then(
        () => "started",
        ({ name, message }) => `${name}: ${message}`,
      );
    for (const origin of ["shop.test", true, ["shop.test"], ["https://shop.test/"], ["null"], ["*"]]) {
      expect(await refused({ origin })).toContain(`TypeError: origin must be ${takes}`);
    }
    expect(await refused({ checkEvery: "soon" })).toContain("TypeError: checkEvery must be a duration");
    expect(await refused({ access: "read" })).toContain("TypeError: access must be a function");
    expect(await refused({ onEnd: true })).toContain("TypeError: onEnd must be a function");
    expect(await refused({ now: 1 })).toContain("TypeError: now must be a function");
  });

  test("include a session requested for an object without a request", async () => {
    const { sockets } = await start();
    await expect(sockets.get({})).rejects.toThrow(/must be the upgrade request, or a socket that is watched/);
    expect(() => sockets.watch({ close() {} } as never)).toThrow(TypeError);
  });
});
