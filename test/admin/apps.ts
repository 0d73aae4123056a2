/** The page mounted in real applications: Express, Fastify, Hono and plain Node. */

import { createServer, type IncomingMessage } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import type { Sessions } from "sojourn";
import type { AdminPage } from "sojourn/admin";
import { expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { honoSessions } from "sojourn/frameworks/hono";
import { nodeSessions } from "sojourn/frameworks/node";
import type { RunningApp } from "sojourn/testing";
import { launchFastify } from "../support/fastify-app.ts";
import { listen } from "../support/node-app.ts";

/** An application whose page is at `/admin`, and whose `/login?as=ada` logs in. */
export type Start = (sessions: Sessions<never>, page: AdminPage) => Promise<RunningApp>;

const as = (url: string | undefined): string => new URL(url ?? "/", "http://x").searchParams.get("as") ?? "ada";

export const apps: readonly (readonly [name: string, start: Start])[] = [
  [
    "Express",
    (sessions, page) => {
      const app = express().use(expressSessions(sessions));
      app.set("env", "test");
      app.get("/login", async (req, res) => {
        (await sessions.get(req)).login(as(req.url));
        res.send("welcome");
      });
      app.all("/admin", page.node);
      return listen(createServer(app));
    },
  ],
  [
    "Express with a body parser before",
    (sessions, page) => {
      const app = express().use(expressSessions(sessions), express.urlencoded({ extended: true }));
      app.get("/login", async (req, res) => {
        (await sessions.get(req)).login(as(req.url));
        res.send("welcome");
      });
      app.all("/admin", page.node);
      return listen(createServer(app));
    },
  ],
  [
    "Fastify",
    (sessions, page) => {
      const app = fastify();
      app.register(fastifySessions(sessions));
      app.get("/login", async (request) => {
        (await sessions.get(request)).login(as(request.url));
        return "welcome";
      });
      app.register(async (scope) => {
        scope.removeAllContentTypeParsers();
        scope.addContentTypeParser("*", (_request, body, done) => done(null, body));
        scope.all("/admin", (request, reply) => {
          reply.hijack();
          void page.node(request.raw, reply.raw);
        });
      });
      return launchFastify(app as never);
    },
  ],
  [
    "Hono",
    (sessions, page) => {
      const app = new Hono();
      app.use(honoSessions(sessions));
      app.get("/login", async (c) => {
        (await sessions.get(c)).login(as(c.req.url));
        return c.text("welcome");
      });
      app.all("/admin", (c) => page.fetch(c.req.raw));
      return listen(createAdaptorServer({ fetch: app.fetch, createServer }) as ReturnType<typeof createServer>);
    },
  ],
  [
    "plain Node",
    (sessions, page) => {
      const withSessions = nodeSessions(sessions);
      const handler = withSessions(async (req: IncomingMessage, res) => {
        if (req.url?.startsWith("/admin")) return page.node(req, res);
        (await sessions.get(req)).login(as(req.url));
        res.end("welcome");
      });
      return listen(createServer(handler));
    },
  ],
];
