/** What `attach` puts on requests: code that was written for express-session fails aloud on it, and tells no visitor of another. */

import { createServer } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import flash from "connect-flash";
import express from "express";
import fastify from "fastify";
import { H3, toNodeHandler } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import passport from "passport";
import { createContext, RouterContextProvider } from "react-router";
import { createSessions, type Session, type Sessions } from "sojourn";
import { astroSessions } from "sojourn/frameworks/astro";
import { expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { h3Sessions } from "sojourn/frameworks/h3";
import { honoSessions } from "sojourn/frameworks/hono";
import { koaSessions } from "sojourn/frameworks/koa";
import { reactRouterSessions } from "sojourn/frameworks/react-router";
import { svelteKitSessions } from "sojourn/frameworks/sveltekit";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { launchFastify } from "../support/fastify-app.ts";
import { listen } from "../support/node-app.ts";

interface Data {
  who: string;
}
type Anything = Record<string, unknown>;
const attach = "session";

const sessionsOf = (): Sessions<Data> =>
  createSessions<Data>({ store: memoryStore(), cookie: { secure: false }, warn: () => {} });

type Probe = (target: Anything, sessions: Sessions<Data>, request: object) => Promise<string>;
type Start = (sessions: Sessions<Data>, probe: Probe) => Promise<{ readonly url: string; close(): unknown }>;

/** A request to what is called as the framework calls it. */
const call = async (answer: (request: Request) => Promise<Response>): ReturnType<Start> =>
  listen(createAdaptorServer({ fetch: answer, createServer }) as ReturnType<typeof createServer>);

/** By framework: gives the object that has the session to a probe, and answers what that says. */
const frameworks: Readonly<Record<string, Start>> = {
  express: (sessions, probe) => {
    const app = express().use(expressSessions(sessions, { attach }));
    app.use(async (req, res) => void res.send(await probe(req as never, sessions, req)));
    return listen(createServer(app));
  },
  koa: (sessions, probe) => {
    const app = new Koa({ env: "test" }).use(koaSessions(sessions, { attach }));
    app.use(async (ctx) => {
      ctx.body = await probe(ctx as never, sessions, ctx);
    });
    return listen(createServer(app.callback()));
  },
  fastify: (sessions, probe) => {
    const app = fastify({ forceCloseConnections: true });
    app.register(fastifySessions(sessions, { attach }));
    app.all("/*", async (request) => probe(request as never, sessions, request));
    return launchFastify(app);
  },
  h3: (sessions, probe) => {
    const app = new H3().use(h3Sessions(sessions, { attach }));
    app.all("/**", (event) => probe(event.context, sessions, event));
    return listen(createServer(toNodeHandler(app)));
  },
  astro: (sessions, probe) =>
    call(async (request) => {
      const context = {
        request,
        url: new URL(request.url),
        routePattern: "/",
        isPrerendered: false,
        locals: {},
        cookies: { set() {} },
      };
      const next = async () => new Response(await probe(context.locals, sessions, context));
      return astroSessions(sessions, { attach })(context, next);
    }),
  sveltekit: (sessions, probe) =>
    call(async (request) => {
      const event = {
        request,
        url: new URL(request.url),
        route: { id: "/" },
        locals: {},
        cookies: { set() {} },
      };
      const resolve = async () => new Response(await probe(event.locals, sessions, event));
      return svelteKitSessions(sessions, { attach })({ event, resolve });
    }),
};

const complaint = (attempt: () => unknown): string => {
  try {
    attempt();
    return "nothing";
  } catch (error) {
    return error instanceof TypeError ? error.message : `${error}`;
  }
};
/** As CommonJS modules without "use strict" do it. */
const sloppy = (code: string) => new Function("target", code) as (target: Anything) => unknown;

describe.each(Object.keys(frameworks))("%s: the attached session", (name) => {
  test("cannot be replaced, deleted, extended or called with a callback, and says what to do", async () => {
    const sessions = sessionsOf();
    const { url, close } = await (frameworks[name] as Start)(sessions, async (target, all, request) => {
      const session = target[attach] as Session<Data> & Anything;
      const attempts: Record<string, string> = {
        replaced: complaint(() => sloppy("target.session = null")(target)),
        deleted: complaint(() => Reflect.deleteProperty(target, attach) || target[attach] === session),
        "deleted in strict mode": complaint(() => {
          delete target[attach];
        }),
        set: complaint(() => sloppy("target.session.user = 'ada'")(target)),
        defined: complaint(() => Object.defineProperty(session, "user", { value: "ada" })),
        method: complaint(() => sloppy("target.session.flash = target.session.flash || {}")(target)),
        data: complaint(() => sloppy("target.session.data = {}")(target)),
        subject: complaint(() => sloppy("target.session.subject = 'ada'")(target)),
        regenerate: complaint(() => sloppy("target.session.regenerate(() => {})")(target)),
        destroy: complaint(() => sloppy("target.session.destroy(() => {})")(target)),
        save: complaint(() => sloppy("target.session.save(() => {})")(target)),
        "on a method": complaint(() => {
          (session.flash as unknown as Anything)["info"] = ["for ada"];
        }),
      };
      const kept = target[attach] === session && session === ((await all.get(request)) as unknown);
      return JSON.stringify({ kept, attempts });
    });
    onTestFinished(() => void close());
    const { kept, attempts } = (await (await fetch(url)).json()) as { kept: boolean; attempts: Record<string, string> };
    expect(kept).toBe(true);
    expect(attempts["deleted in strict mode"]).toMatch(/Cannot delete property 'session'/);
    expect(attempts["defined"]).toMatch(/not extensible/);
    expect(attempts["on a method"]).toMatch(/not extensible/);
    const guided = Object.entries(attempts).filter(([what]) => !/defined|on a method|deleted/.test(what));
    expect(guided).toHaveLength(8);
    for (const [what, said] of guided) {
      expect([what, said]).toEqual([
        what,
        expect.stringMatching(/sojourn\/express-session: see https:\S+\/docs\/migration\//),
      ]);
    }
    expect(attempts["save"]).toMatch(/takes no callback: await session\.save\(\)/);
    expect(attempts["set"]).toMatch(/session\.user cannot be set: data is kept in session\.data/);
  });
});

test("hono and react-router: a value set in the context cannot be replaced", async () => {
  const sessions = sessionsOf();
  const app = new Hono<{ Variables: { session: Session<Data>; other: string } }>();
  app.use(honoSessions(sessions, { attach }));
  app.get("/", (c) => {
    c.set("other", "set");
    const said = complaint(() => c.set("session", null as never));
    return c.json([said, c.var.other, c.var.session.isNew]);
  });
  expect(await (await app.request("/")).json()).toEqual([expect.stringMatching(/cannot be replaced/), "set", true]);

  const key = createContext<Session<Data>>();
  const context = new RouterContextProvider();
  const said = await reactRouterSessions(sessions, { attach: key })(
    { request: new Request("http://shop.test/"), context },
    async () => new Response(complaint(() => context.set(key, null as never))),
  );
  expect(await said.text()).toMatch(/cannot be replaced/);
});

/** A browser that logs its answers. */
function jar(url: string): (path: string) => Promise<Response> {
  let cookie: string | undefined;
  return async (path) => {
    const response = await fetch(url + path, { headers: cookie ? { cookie } : {}, redirect: "manual" });
    const [line] = response.headers.getSetCookie();
    if (line) cookie = line.split(";")[0];
    return response;
  };
}

describe("code for express-session on the attached session", () => {
  const serve = async (add: (app: express.Express) => void) => {
    const app = express().set("env", "test");
    app.use(expressSessions(sessionsOf(), { attach }));
    add(app);
    app.use(
      ((error, _req, res, _next) => void res.status(500).send(error.message)) satisfies express.ErrorRequestHandler,
    );
    const { url, close } = await listen(createServer(app));
    onTestFinished(() => void close());
    return url;
  };
  const session = (req: object): Session<Data> => Reflect.get(req, attach) as Session<Data>;

  // It wrote on the prototype that all sessions share.
  test("connect-flash is an error, and shows no other user's message", async () => {
    const url = await serve((app) => {
      app.use(flash());
      app.get("/begin/:who", (req, res) => {
        session(req).data.who = req.params.who;
        res.end();
      });
      app.get("/say", (req, res) => {
        req.flash("info", `Invoice of ${session(req).data.who}`);
        res.end();
      });
      app.get("/read", (req, res) => void res.json(req.flash("info")));
    });
    const [ada, bob] = [jar(url), jar(url)];
    await ada("/begin/ada");
    await bob("/begin/bob");
    for (const answer of [await ada("/say"), await bob("/read")]) {
      const text = await answer.text();
      expect([answer.status, text]).toEqual([
        500,
        expect.stringMatching(/session\.flash cannot be set.*express-session/),
      ]);
      expect(text).not.toContain("Invoice");
    }
  });

  // regenerate(callback) never called back, and the request hung.
  test("passport is an error at once", async () => {
    const url = await serve((app) => {
      const own = new passport.Passport();
      own.serializeUser((user, done) => done(null, user));
      app.use(own.session());
      app.get("/login", (req, res, next) => {
        req.logIn({ id: "ada" } as never, (error: unknown) => (error ? next(error) : res.send("logged in")));
      });
    });
    const answer = await jar(url)("/login");
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringMatching(/express-session/)]);
  });

  test("destroy with a callback is an error, and without one logs out", async () => {
    const url = await serve((app) => {
      app.get("/login", (req, res) => {
        session(req).login("ada");
        res.end();
      });
      app.get("/logout", (req, res) =>
        (session(req) as unknown as { destroy(cb: () => void): void }).destroy(() => res.end()),
      );
      app.get("/leave", (req, res) => {
        session(req).destroy();
        res.end();
      });
      app.get("/", (req, res) => void res.send(session(req).subject ?? "nobody"));
    });
    const ada = jar(url);
    await ada("/login");
    const answer = await ada("/logout");
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringMatching(/destroy\(\) takes no callback/)]);
    expect(await (await ada("/")).text()).toBe("ada");
    await ada("/leave");
    expect(await (await ada("/")).text()).toBe("nobody");
  });
});
