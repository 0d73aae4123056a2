#!/usr/bin/env node
/** The command `sojourn`. */

import { run } from "./run.ts";

const { stdout, stderr, env } = process;
const code = await run(process.argv.slice(2), { stdout, stderr, env, cwd: process.cwd() });
// A module of yours may hold connections open that nobody closes; what was written is to arrive all the same.
for (const stream of [stdout, stderr]) await new Promise<void>((done) => stream.write("", () => done()));
process.exit(code);
