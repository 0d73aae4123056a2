/** Starts server programs for tests and ends them: with the tests at the latest. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { hungFiles } from "../../scripts/hung-tests.ts";
import { freePort } from "./free-port.ts";

/** The address servers of the tests listen on. */
export const host = "127.0.0.1";

const running = new Set<ChildProcess>();
/** Those that a test ended. */
const ending = new WeakSet<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a program and resolves when it accepts connections on the port. It does not keep the tests from ending. */
export async function launch(
  program: string,
  args: readonly string[],
  port: number,
  patience = 20_000,
): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = `${complaint}${text}`.slice(-2000);
  });
  let failure: string | undefined;
  child.once("error", (error) => {
    failure = error.message;
  });
  child.once("exit", (code, signal) => {
    running.delete(child);
    failure ??= `it ended with ${code ?? signal}`;
  });
  for (const limit = Date.now() + patience; !(await accepts(port)); await pause(10)) {
    if (failure === undefined && Date.now() < limit) continue;
    await end(child);
    throw new Error(`${program} did not start: ${failure ?? "it took too long"}\n${complaint}`);
  }
  // Another program may have taken the port: then ours has ended, or will at once.
  await pause(20);
  if (failure !== undefined) throw new Error(`${program} did not start: ${failure}\n${complaint}`);
  child.once("exit", (code, signal) => {
    if (!ending.has(child) && (code || signal)) endFile(`${program} ended with ${code ?? signal}\n${complaint}`);
  });
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return child;
}

/** A server that ends by itself would have each test wait to its limit: so the file ends, and `npm test` runs it again. */
function endFile(why: string): void {
  const notes = process.env.SOJOURN_TEST_PROCESSES;
  const file = notes && readFileSync(join(notes, String(process.pid)), "utf8");
  writeSync(2, `A server of the tests is gone (${file || process.argv[1]}): ${why}\n`);
  if (notes) appendFileSync(join(notes, hungFiles), `${file}\n`);
  process.kill(process.pid, "SIGKILL");
}

/** Ends it the hard way and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  ending.add(child);
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.ref();
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Runs `start` with a free port, with another one if it fails: another program may be faster. */
export async function onFreePort<Started>(start: (port: number) => Promise<Started>): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return await start(port);
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

/** Resolves after some real time. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (accepted: boolean) => () => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", answer(true)).once("error", answer(false));
  });
}
