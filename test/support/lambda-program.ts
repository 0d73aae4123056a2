/** A function on AWS Lambda's terms: it is called with events, and frozen from each answer to the next event. */

import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { createSessions } from "sojourn";
import { honoSessions } from "sojourn/frameworks/hono";
import { memoryStore } from "sojourn/stores/memory";
import { type RedisClient, redisStore } from "sojourn/stores/redis";

const [through, url = ""] = process.argv.slice(2);

async function connected(): Promise<RedisClient> {
  if (through === "ioredis") {
    const client = new Redis(url);
    client.on("error", () => {});
    return client;
  }
  const client = createClient({ url });
  client.on("error", () => {});
  return client.connect();
}

// A function: the client connects with the first request, and stays for those after it.
const store = through === "memory" ? memoryStore() : redisStore({ client: connected });
const sessions = createSessions<{ visits: number }>({ name: "shop", store, storeTimeout: "30s" });
const app = new Hono().use(honoSessions(sessions));
app.get("/count", async (c) => c.text(`${(await sessions.get(c)).update("visits", (n = 0) => n + 1)}`));

const handler = handle(app);
process.on("message", async ([id, event, context]: [number, never, never]) => {
  const result = await handler(event, context);
  const timers = process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
  process.send?.([id, result, timers]);
});
