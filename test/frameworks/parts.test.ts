/** The framework suite with one session split over three parts: Redis, files, and a cookie. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import fastify from "fastify";
import { createClient } from "redis";
import type { Sessions } from "sojourn";
import { createPartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { fileStore } from "sojourn/stores/file";
import { redisStore } from "sojourn/stores/redis";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { afterAll, beforeAll, describe } from "vitest";
import { startExpress } from "../support/express-app.ts";
import { startFastify } from "../support/fastify-app.ts";
import { startHono } from "../support/hono-app.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { clientVersion } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

const missing = redisIsMissing("parts", ["redis"]);

describe.skipIf(missing)("a session in three parts", () => {
  const root = mkdtempSync(join(tmpdir(), "sojourn-parts-"));
  const client = { current: createClient() };
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
    client.current = createClient({ url: server.url });
    await client.current.connect();
  });
  afterAll(async () => {
    client.current.destroy();
    await server?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  let applications = 0;
  // The suite counts the calls of its store, and looks at its cookie: that is the part of Redis. What 100 parallel
  // requests count is in files.
  const inParts: Pick<FrameworkHarness, "store" | "sessions" | "lacks"> = {
    lacks: { "device binding": "sessions in parts cannot be bound" },
    store: () => redisStore({ client: client.current, prefix: `parts${applications++}:` }),
    // Each part has a key space of its own.
    sessions: ({ store, keyPrefix: _, ...options }) =>
      createPartsSessions<Record<string, unknown>>({
        ...options,
        parts: {
          login: { store, fields: "rest" },
          files: {
            cookie: { name: "files" },
            store: fileStore({ directory: mkdtempSync(join(root, "sessions-")) }),
            fields: ["count", "name", "late"],
          },
          plain: {
            cookie: { name: "plain" },
            store: cookieStore({ secrets: "a secret of at least 32 characters" }),
            fields: ["user", "seen"],
          },
        },
      }) as Sessions,
  };

  const harnesses: readonly FrameworkHarness[] = [
    { name: clientVersion("express"), start: (app) => startExpress(express, app) },
    { name: clientVersion("fastify"), start: (app) => startFastify(fastify({ forceCloseConnections: true }), app) },
    { name: clientVersion("hono"), start: startHono },
  ];
  for (const harness of harnesses) describeCases(harness.name, frameworkConformance({ ...harness, ...inParts }));
});
