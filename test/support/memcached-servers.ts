/** Real Memcached servers for tests, on free ports, gone with the tests. */

import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { findProgram } from "../../scripts/servers.ts";
import { end, host, launch, onFreePort } from "./processes.ts";

/** The program that is run: the environment's `MEMCACHED_SERVER`, else `memcached` on the PATH, or `undefined`. */
export const memcachedProgram: string | undefined = process.env.MEMCACHED_SERVER ?? findProgram("memcached");

/** `"Memcached 1.6.18"`; empty where there is none. */
export const memcachedVersion: string = memcachedProgram
  ? execFileSync(memcachedProgram, ["--version"], { encoding: "utf8", timeout: 60_000 }).trim().replace(/^m/, "M")
  : "";

/** Why nothing can be tested here, for `reportMissing`. */
export const noMemcached = "no memcached on the PATH; install it, or name one in MEMCACHED_SERVER";

/** One running server. */
export interface MemcachedServer {
  readonly host: string;
  readonly port: number;
  /** `"127.0.0.1:<port>"` */
  readonly address: string;
  /** Sends commands over a connection of its own and answers the first line of the reply. */
  ask(commands: string | Uint8Array): Promise<string>;
  /** Stops answering; connections stay open. */
  freeze(): void;
  /** Answers again. */
  thaw(): void;
  /** Ends it the hard way, and all it holds. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one server. `args` are more of its options, such as `["-I", "2m"]`. */
export async function startMemcached(args: readonly string[] = []): Promise<MemcachedServer> {
  const program = memcachedProgram;
  if (!program) throw new Error(noMemcached);
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const run = (port: number): Promise<ChildProcess> =>
    launch(program, [...user, "-l", host, "-p", String(port), "-U", "0", ...args], port);
  let [port, child] = await onFreePort(async (free) => [free, await run(free)] as const);
  return {
    host,
    port,
    address: `${host}:${port}`,
    ask: (commands) => ask(port, commands),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    kill: () => end(child),
    async restart() {
      await end(child);
      child = await run(port);
    },
    stop: () => end(child),
  };
}

async function ask(port: number, commands: string | Uint8Array): Promise<string> {
  const socket = connect({ host, port });
  try {
    socket.write(commands);
    let reply = "";
    while (!reply.includes("\r\n")) reply += String((await once(socket, "data"))[0]);
    return reply.slice(0, reply.indexOf("\r\n"));
  } finally {
    socket.destroy();
  }
}
