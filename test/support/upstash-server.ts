/** Upstash's REST protocol, as `@upstash/redis` speaks it, in front of a real Redis. */

import { createServer } from "node:http";
import { createClient } from "redis";
import type { RunningApp } from "sojourn/testing";
import { bodyOf, listen } from "./node-app.ts";

/** What a test may do to the answers. */
export interface UpstashFaults {
  /** Carries the command out and cuts the connection in place of the answer, this many times. */
  losesAnswers: number;
  /** Answers this in place of Redis. */
  answers: { readonly status: number; readonly body: string } | undefined;
}

/** A server that runs. */
export interface UpstashServer extends RunningApp {
  readonly token: string;
  readonly faults: UpstashFaults;
  /** The names of the commands that came, in order. */
  readonly commands: string[];
}

/** Texts go as base64 where the client asks for it, all but "OK". */
function encoded(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(encoded);
  return typeof reply === "string" && reply !== "OK" ? Buffer.from(reply).toString("base64") : reply;
}

/** Starts one on a free port. */
export async function startUpstash(redisUrl: string): Promise<UpstashServer> {
  const client = createClient({ url: redisUrl, RESP: 2 });
  client.on("error", () => {}); // Every command that fails says so itself.
  await client.connect();
  const token = "token-of-the-tests";
  const faults: UpstashFaults = { losesAnswers: 0, answers: undefined };
  const commands: string[] = [];
  const server = createServer(async (req, res) => {
    const answer = (status: number, body: object): void => {
      res.writeHead(status, { "content-type": "application/json", "upstash-sync-token": "1" });
      res.end(JSON.stringify(body));
    };
    const command = JSON.parse(await bodyOf(req)) as (string | number)[];
    if (req.headers.authorization !== `Bearer ${token}`) return answer(401, { error: "Unauthorized" });
    commands.push(`${command[0]}`);
    if (faults.answers) {
      res.writeHead(faults.answers.status).end(faults.answers.body);
      return;
    }
    try {
      const reply = await client.sendCommand(command.map(String));
      if (faults.losesAnswers > 0) {
        faults.losesAnswers -= 1;
        res.destroy();
      } else {
        answer(200, { result: req.headers["upstash-encoding"] === "base64" ? encoded(reply) : reply });
      }
    } catch (error) {
      answer(400, { error: (error as Error).message });
    }
  });
  const running = await listen(server);
  return {
    url: running.url,
    token,
    faults,
    commands,
    close() {
      running.close();
      client.destroy();
    },
  };
}
