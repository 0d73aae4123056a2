/** Starts the demo as its user does: a process of its own, on the built package where it is up to date. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBuilt } from "../../scripts/build.ts";
import { projectRoot } from "../../scripts/lib.ts";

/** A program that a test started. */
export interface Program {
  readonly process: ChildProcess;
  /** All it has said so far. */
  readonly said: () => string;
  /** The URL it printed. Rejects when it ends before. */
  readonly url: Promise<string>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it, and waits for that. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** How to start it. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** In a process group of its own, so that a signal can be sent as a terminal does. Default false. */
  readonly group?: boolean;
  /** Where. Default: the project. */
  readonly cwd?: string;
}

/** Runs a script of the project and waits for the URL it prints. */
export function start(
  args: readonly string[],
  { env = {}, group = false, cwd = projectRoot }: StartOptions = {},
): Program {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: group,
  });
  let said = "";
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const url = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        said += chunk;
        const found = said.match(/https?:\/\/(?:localhost|127\.0\.0\.1):\d+/)?.[0];
        if (found) resolve(found);
      });
    }
    ended.then((how) => reject(new Error(`it ended with ${how} before it said where it is:\n${said}`)), reject);
  });
  url.catch(() => {});
  return {
    process: child,
    said: () => said,
    url,
    ended,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.pid !== undefined) process.kill(group ? -child.pid : child.pid, signal);
      return ended;
    },
  };
}

/** The demo on a free port, with sessions of its own. */
export function startDemo(sessions: string, env: StartOptions["env"] = {}): Program {
  const condition = isBuilt() ? [] : ["--conditions=sojourn-source"];
  return start([...condition, "examples/demo/server.ts"], { env: { PORT: "0", SESSIONS: sessions, ...env } });
}

/** A directory that is removed by the function it comes with. */
export async function scratch(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sojourn-demo-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
