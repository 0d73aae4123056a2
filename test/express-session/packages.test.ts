/** What people mount on express-session works on the drop-in: each with the real package, over a store of sojourn and one of npm. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import session, { MemoryStore } from "sojourn/express-session";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type Reply, type Req, running } from "./http.ts";
import { load } from "./packages.ts";

// biome-ignore lint/suspicious/noExplicitAny: what packages put on requests
type Any = any;
type App = ReturnType<typeof express>;

const stores: Record<string, () => Any> = {
  "a store of sojourn": () => memoryStore(),
  "memorystore of npm": () => new (load("memorystore")(load("express-session")))({ checkPeriod: 0 }),
};

/** Sends with a jar of cookies. */
async function browser(app: App): Promise<(path: string, init?: RequestInit) => Promise<Reply>> {
  const server = await running(createServer(app));
  onTestFinished(() => server.close());
  const jar = new Map<string, string>();
  return async (path, init = {}) => {
    const cookie = [...jar].map((pair) => pair.join("=")).join("; ");
    const headers = { "content-type": "application/json", ...(init.headers as object), cookie };
    const response = await fetch(server.url + path, { ...init, headers, redirect: "manual" });
    const setCookie = response.headers.getSetCookie();
    for (const line of setCookie) {
      const [name = "", value = ""] = line.split(";")[0]?.split(/=(.*)/s) ?? [];
      jar.set(name, value);
    }
    const text = await response.text();
    return { status: response.status, text, setCookie, cookie: jar.get("connect.sid"), headers: response.headers };
  };
}

describe.each(Object.entries(stores))("over %s", (_name, storeOf) => {
  const mounted = (store: Any = storeOf()): { app: App; store: Any; sessions: Any } => {
    const app = express();
    app.set("env", "test");
    const middleware = session({ secret: "keyboard cat", resave: false, saveUninitialized: false, store });
    app.use(middleware);
    app.use(express.json());
    return { app, store, sessions: middleware.sessions };
  };

  test("passport logs in under a new id, keeps session info where asked, and logs out", async () => {
    const { app } = mounted();
    const passport = new (load("passport").Passport)();
    passport.use("always", {
      authenticate(this: Any) {
        this.success({ id: 42, name: "Ada" });
      },
    });
    passport.serializeUser((user: Any, done: Any) => done(null, user.id));
    passport.deserializeUser((id: number, done: Any) => done(null, { id, name: "Ada" }));
    app.use(passport.session());
    app.get("/cart", (req: Any, res) => {
      req.session.cart = ["tea"];
      res.end();
    });
    app.post("/login", passport.authenticate("always"), (req: Any, res) => res.json({ user: req.user.name }));
    app.post("/keep", passport.authenticate("always", { keepSessionInfo: true }), (_req, res) => void res.end());
    app.post("/logout", (req: Any, res, next) => req.logout((error: unknown) => (error ? next(error) : res.end())));
    app.get("/", (req: Any, res) => void res.json([req.user?.name ?? null, req.session.cart ?? null]));

    const send = await browser(app);
    const guest = await send("/cart");
    const user = await send("/login", { method: "POST" });
    expect(JSON.parse(user.text)).toEqual({ user: "Ada" });
    expect(user.cookie).not.toBe(guest.cookie);
    expect(JSON.parse((await send("/")).text)).toEqual(["Ada", null]);
    const out = await send("/logout", { method: "POST" });
    expect(out.cookie).not.toBe(user.cookie);
    expect(JSON.parse((await send("/")).text)).toEqual([null, null]);
    await send("/cart");
    await send("/keep", { method: "POST" });
    expect(JSON.parse((await send("/")).text)).toEqual(["Ada", ["tea"]]);
  });

  test.each(["connect-flash", "express-flash"])("%s shows a message once", async (name) => {
    const { app } = mounted();
    app.use(load(name)());
    app.get("/set", (req: Any, res) => {
      req.flash("info", "saved");
      req.flash("info", "twice");
      res.redirect("/");
    });
    app.get("/", (req: Any, res) => void res.json(req.flash("info")));
    const send = await browser(app);
    await send("/set");
    expect(JSON.parse((await send("/")).text)).toEqual(["saved", "twice"]);
    expect(JSON.parse((await send("/")).text)).toEqual([]);
  });

  test("csurf, csrf-sync, lusca and csrf-csrf accept their tokens and no others", async () => {
    const { app } = mounted();
    const sync = load("csrf-sync").csrfSync();
    const double = load("csrf-csrf").doubleCsrf({
      getSecret: () => "another secret of at least 32 characters",
      getSessionIdentifier: (req: Req) => req.session.id,
      cookieName: "csrf",
      cookieOptions: { secure: false },
    });
    const guards: Record<string, { use: Any[]; token: (req: Any, res: Any) => string }> = {
      csurf: { use: [load("csurf")()], token: (req) => req.csrfToken() },
      sync: { use: [sync.csrfSynchronisedProtection], token: (req) => sync.generateToken(req) },
      lusca: { use: [load("lusca").csrf()], token: (_req, res) => res.locals._csrf },
      double: {
        use: [load("cookie-parser")(), double.doubleCsrfProtection],
        token: (req, res) => {
          req.session.used = true;
          return double.generateCsrfToken(req, res);
        },
      },
    };
    for (const [name, { use, token }] of Object.entries(guards)) {
      const routes = express.Router();
      for (const one of use) routes.use(one);
      routes.get("/", (req, res) => void res.end(token(req, res)));
      routes.post("/", (_req, res) => void res.end("taken"));
      app.use(`/${name}`, routes);
    }
    const send = await browser(app);
    for (const name of Object.keys(guards)) {
      const { text } = await send(`/${name}`);
      const post = (value: string): Promise<Reply> =>
        send(`/${name}`, { method: "POST", headers: { "x-csrf-token": value }, body: "{}" });
      expect((await post(text)).text, name).toBe("taken");
      expect((await post("a forged token")).status, name).toBe(403);
    }
  });

  test("grant saves its state before it redirects", async () => {
    const { app } = mounted();
    const grant = load("grant").express();
    app.use(
      grant({
        defaults: { origin: "http://localhost", transport: "session", state: true },
        github: { key: "k", secret: "s", callback: "/hello" },
      }),
    );
    app.get("/hello", (req: Any, res) => void res.json(req.session.grant ?? null));
    const send = await browser(app);
    const { status, headers } = await send("/connect/github");
    expect(status).toBe(302);
    const state = new URL(headers.get("location") as string).searchParams.get("state");
    expect(JSON.parse((await send("/hello")).text)).toMatchObject({ provider: "github", state });
  });

  test("keycloak-connect keeps its grant in the session, and its admin logout removes it through the store", async () => {
    const { app, store } = mounted();
    const Keycloak = load("keycloak-connect");
    let facade: Any;
    app.get("/in", (req: Any, res) => {
      facade = req.sessionStore;
      req.session["keycloak-token"] = "raw";
      res.end(req.session.id);
    });
    app.get("/", (req: Any, res) => void res.json(req.session["keycloak-token"] ?? null));
    const send = await browser(app);
    const { text: id } = await send("/in");
    const config = { realm: "r", "auth-server-url": "http://localhost:1/", resource: "c", "public-client": true };
    const keycloak = new Keycloak({ store: facade ?? store }, config);
    expect(JSON.parse((await send("/")).text)).toBe("raw");
    keycloak.unstoreGrant(id);
    await expect.poll(async () => JSON.parse((await send("/")).text), { timeout: 20_000 }).toBe(null);
  });

  test("Socket.IO gets the session of its handshake, by io.engine.use and the older way", async () => {
    const app = express();
    const middleware = session({ secret: "keyboard cat", resave: false, saveUninitialized: true, store: storeOf() });
    app.use(middleware);
    app.get("/in", (req: Any, res) => {
      req.session.user = "ada";
      res.end();
    });
    app.get("/", (req: Any, res) => void res.json(req.session.seen ?? null));
    const server = createServer(app);
    const sockets = new Server(server);
    sockets.engine.use(middleware);
    sockets.of("/old").use((socket, next) => middleware(socket.request as Any, {} as Any, next as Any));
    const answer = (socket: Any): void => {
      socket.join(socket.request.session.id);
      socket.on("see", (thing: string, done: (user: string) => void) => {
        const held = socket.request.session;
        held.reload((error: unknown) => {
          const fresh = socket.request.session;
          fresh.seen = [...(fresh.seen ?? []), thing];
          fresh.save((failed: unknown) => done(String(error ?? failed ?? fresh.user)));
        });
      });
    };
    sockets.on("connection", answer);
    sockets.of("/old").on("connection", answer);
    const listening = await running(server);
    onTestFinished(async () => {
      await sockets.close();
      await listening.close();
    });
    const { port } = server.address() as AddressInfo;
    const { cookie } = await listening.send("/in");
    for (const transports of [["websocket"], ["polling"]]) {
      for (const namespace of ["", "/old"]) {
        const client = io(`http://127.0.0.1:${port}${namespace}`, {
          transports,
          forceNew: true,
          extraHeaders: { cookie: cookie as string },
        });
        expect(await client.timeout(20_000).emitWithAck("see", `${transports[0]}${namespace}`)).toBe("ada");
        client.close();
      }
    }
    const { text } = await listening.send("/", cookie);
    expect(JSON.parse(text)).toEqual(["websocket", "websocket/old", "polling", "polling/old"]);
    // Without a cookie the handshake itself brings one.
    const guest = io(`http://127.0.0.1:${port}`, { transports: ["polling"], forceNew: true });
    await new Promise<void>((resolve) => guest.on("connect", resolve));
    guest.close();
  });

  test("a logout ends the sockets of its session: ws by its README, Socket.IO by its guide", async () => {
    const app = express();
    const middleware = session({ secret: "keyboard cat", resave: false, saveUninitialized: false, store: storeOf() });
    app.use(middleware);
    const server = createServer(app);
    const sockets = new Server(server, { transports: ["websocket"] });
    const plain = new WebSocketServer({ noServer: true });
    const open = new Map<string, WebSocket>();
    server.on("upgrade", (request: Any, socket, head) => {
      if (!request.url.startsWith("/plain")) return;
      middleware(request, {} as Any, () => {
        if (!request.session.user) socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
        else plain.handleUpgrade(request, socket, head, (own) => plain.emit("connection", own, request));
      });
    });
    plain.on("connection", (own, request: Any) => {
      open.set(request.session.id, own);
      own.on("message", (text) =>
        request.session.reload((error: unknown) => own.send(String(error ?? `${request.session.user} said ${text}`))),
      );
    });
    sockets.engine.use(middleware);
    sockets.on("connection", (socket) => {
      const request = socket.request as Any;
      socket.join(request.session.id);
      socket.use((_packet, next) => request.session.reload((error: Error) => next(error)));
      socket.on("who", (done: (user: string) => void) => done(request.session.user));
    });
    app.get("/in", (req: Any, res) => {
      req.session.user = "ada";
      res.end();
    });
    app.get("/out", (req: Any, res) => {
      const { id } = req.session;
      req.session.destroy(() => {
        open.get(id)?.close();
        sockets.in(id).disconnectSockets();
        res.end();
      });
    });
    const listening = await running(server);
    onTestFinished(async () => {
      await sockets.close();
      await listening.close();
    });
    const { port } = server.address() as AddressInfo;
    const connect = (cookie = ""): WebSocket => new WebSocket(`ws://127.0.0.1:${port}/plain`, { headers: { cookie } });
    const [refused] = await once(connect(), "error");
    expect(String(refused)).toContain("401");
    const { cookie = "" } = await listening.send("/in");
    const own = connect(cookie);
    await once(own, "open");
    own.send("hello");
    expect(String((await once(own, "message"))[0])).toBe("ada said hello");
    const client = io(`http://127.0.0.1:${port}`, {
      transports: ["websocket"],
      forceNew: true,
      reconnection: false,
      extraHeaders: { cookie },
    });
    onTestFinished(() => void client.close());
    expect(await client.timeout(20_000).emitWithAck("who")).toBe("ada");
    const ends = [once(own, "close"), new Promise((resolve) => client.once("disconnect", resolve))];
    await listening.send("/out", cookie);
    await Promise.all(ends);
    expect(client.connected).toBe(false);
  });
});

test("express-openid-connect keeps its sessions in a MemoryStore of the drop-in", async () => {
  const store = new MemoryStore();
  const app = express();
  app.use(
    load("express-openid-connect").auth({
      issuerBaseURL: "http://localhost:1",
      baseURL: "http://localhost:2",
      clientID: "c",
      secret: "a secret of at least 32 characters",
      authRequired: false,
      session: { store, name: "openid", cookie: { secure: false } },
    }),
  );
  app.get("/in", (req: Any, res) => {
    req.openid.id_token = "header.payload.signature";
    res.end();
  });
  app.get("/", (req: Any, res) => void res.json(req.openid ?? null));
  const send = await browser(app);
  await send("/in");
  expect(JSON.parse((await send("/")).text)).toEqual({ id_token: "header.payload.signature" });
  expect(Object.keys((store as Any).sessions)).toHaveLength(1);
});

test("cookie-parser works before the drop-in, with its secret", async () => {
  const app = express();
  app.use(load("cookie-parser")("keyboard cat"));
  app.use((req, _res, next) => {
    delete req.headers.cookie;
    next();
  });
  app.use(session({ resave: false, saveUninitialized: false, store: memoryStore() } as Any));
  app.get("/", (req: Any, res) => {
    req.session.n = (req.session.n ?? 0) + 1;
    res.end(String(req.session.n));
  });
  const send = await browser(app);
  await send("/");
  expect((await send("/")).text).toBe("2");
});
