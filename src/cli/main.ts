#!/usr/bin/env node
/** The command `sojourn`. */

import { run } from "./run.ts";

const { stdout, stderr, env } = process;
const code = await run(process.argv.slice(2), { stdout, stderr, env, cwd: process.cwd() });
// The loaded module may keep connections open: flush, then exit.
for (const stream of [stdout, stderr]) await new Promise<void>((done) => stream.write("", () => done()));
process.exit(code);
