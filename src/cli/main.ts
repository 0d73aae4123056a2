#!/usr/bin/env node
/** The command `sojourn`. */

import { createInterface } from "node:readline/promises";
import { run } from "./run.ts";

const { stdin, stdout, stderr, env } = process;

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

const person = stdin.isTTY && stderr.isTTY ? { ask } : {};
const code = await run(process.argv.slice(2), { stdout, stderr, env, cwd: process.cwd(), ...person });
// The loaded module may keep connections open: flush, then exit.
for (const stream of [stdout, stderr]) await new Promise<void>((done) => stream.write("", () => done()));
process.exit(code);
