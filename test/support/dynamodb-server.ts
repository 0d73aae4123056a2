/** Amazon's own DynamoDB Local for tests, on a free port, in memory, gone with the tests. */

import type { ChildProcess } from "node:child_process";
import { type JavaServer, javaCommand, readyJavaServer } from "../../scripts/java-servers.ts";
import { end, host, launch, onFreePort } from "./processes.ts";

const ready: JavaServer | string = readyJavaServer("dynamodb");

/** Why nothing can be tested here, for `reportMissing`, or nothing. */
export const noDynamodb: string | undefined = typeof ready === "string" ? ready : undefined;

/** `"DynamoDB Local 2.6.1"`; empty where there is none. */
export const dynamodbVersion: string = typeof ready === "string" ? "" : ready.title;

/** One running server. */
export interface DynamodbServer {
  /** `"http://127.0.0.1:<port>"` */
  readonly endpoint: string;
  /** Ends it the hard way, and all it holds. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one server. */
export async function startDynamodb(): Promise<DynamodbServer> {
  if (typeof ready === "string") throw new Error(ready);
  const run = (port: number): Promise<ChildProcess> => {
    const main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner";
    const args = [main, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", String(port)];
    const [program, ...rest] = javaCommand(ready, 384, args);
    return launch(program, rest, port, 60_000);
  };
  let [port, child] = await onFreePort(async (free) => [free, await run(free)] as const);
  return {
    endpoint: `http://${host}:${port}`,
    kill: () => end(child),
    async restart() {
      await end(child);
      child = await run(port);
    },
    stop: () => end(child),
  };
}
