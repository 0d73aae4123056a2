/** The race: 100 requests of one session at once, each with a change of its own, and one counter that all raise. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import express, { type Response } from "express";
import expressSession from "express-session";

/** How many requests run. */
export const runners = 100;

/** What was found in the session when all had answered. */
export interface RaceResult {
  /** Which of the keys were there: their numbers. */
  readonly kept: readonly number[];
  readonly counter: number;
  /** From the first request to the last response. */
  readonly milliseconds: number;
  /** The most requests that were under way at one moment. */
  readonly atOnce: number;
}

/** Counts the requests that are under way. */
export class Traffic {
  #now = 0;
  #most = 0;

  /** Counts a request until it is answered, and takes as long as a handler of a real application may: 10 to 60 ms. */
  async dawdle(res: Response): Promise<void> {
    this.#now += 1;
    this.#most = Math.max(this.#most, this.#now);
    res.once("close", () => {
      this.#now -= 1;
    });
    await delay(10 + Math.random() * 50);
  }

  /** The most there were at one moment since this was last asked. */
  takeMost(): number {
    const most = this.#most;
    this.#most = this.#now;
    return most;
  }
}

/** Sends all requests at the same moment, over connections of their own, and answers how long it took. */
export async function sendAll(url: (runner: number) => string, cookie: string): Promise<number> {
  const start = performance.now();
  const responses = Array.from({ length: runners }, async (_, runner) => {
    const response = await fetch(url(runner), { method: "POST", headers: { cookie } });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`a request of the race was answered with ${response.status}`);
  });
  await Promise.all(responses);
  return performance.now() - start;
}

/** The same race with express-session and its own memory store, on a server of its own: for comparison. */
export async function expressSessionRace(): Promise<RaceResult> {
  const traffic = new Traffic();
  const app = express();
  app.use(expressSession({ secret: "nobody's", resave: false, saveUninitialized: true }));
  app.post("/:runner", async (req, res) => {
    const data = req.session as unknown as Record<string, unknown>;
    await traffic.dawdle(res);
    data[`runner-${req.params.runner}`] = true;
    data["counter"] = Number(data["counter"] ?? 0) + 1;
    res.end();
  });
  app.get("/", (req, res) => void res.json(req.session));

  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const cookie = (await fetch(base)).headers.get("set-cookie")?.split(";")[0] ?? "";
    const milliseconds = await sendAll((runner) => `${base}/${runner}`, cookie);
    const data = (await (await fetch(base, { headers: { cookie } })).json()) as Record<string, unknown>;
    return { kept: keptOf(data, true), counter: Number(data["counter"]), milliseconds, atOnce: traffic.takeMost() };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The numbers of the runners whose key has the value they set. */
export function keptOf(data: Readonly<Record<string, unknown>>, value: unknown): number[] {
  return Array.from({ length: runners }, (_, runner) => runner).filter((runner) => data[`runner-${runner}`] === value);
}
