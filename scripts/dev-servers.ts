/**
 * `npm run test:dev-servers`: every dev server with an example, ten edits each, with a kept client, with a new one for each
 * edit, and without options. Ends with the table of docs/development.md, which `--write` puts there, and `N passed, N failed`.
 * Names of dev servers, or parts of them, run only these.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildWithoutRedis,
  type DevServer,
  devServers,
  type Keeping,
  type Seen,
  tryDevServer,
} from "../test/support/dev-servers.ts";
import { startRedis } from "../test/support/redis-servers.ts";
import { build } from "./build.ts";
import { rowOf, tableOf } from "./dev-servers/table.ts";
import { projectRoot, seconds } from "./lib.ts";

const asked = process.argv.slice(2).filter((word) => word !== "--write");
const chosen = devServers.filter(({ name }) => asked.length === 0 || asked.some((word) => name.includes(word)));
const page = join(projectRoot, "docs", "development.md");
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // Ends what it started.
let [passed, failed] = [0, 0];

const said = await build();
if (said !== "") throw new Error(said);
const redis = await startRedis();
const rows: string[] = [];
try {
  for (const app of chosen) rows.push(await row(app));
} finally {
  await redis.stop();
}

console.log(`\n${rows.join("\n")}\n`);
const is = readFileSync(page, "utf8");
if (process.argv.includes("--write") && failed === 0) writeFileSync(page, tableOf(is, rows));
for (const one of rows) count(readFileSync(page, "utf8").includes(`${one}\n`), `docs/development.md has not ${one}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** What the page says of a dev server. */
async function row(app: DevServer): Promise<string> {
  const kept = await seen(app, "kept client");
  const fresh = await seen(app, "new client");
  const files = await seen(app, "default store", 100);
  if (app.build) {
    const failure = await buildWithoutRedis(app, "kept client").then(
      () => "",
      (error: Error) => error.message,
    );
    console.log(`${app.name}, built without Redis: ${failure || "yes"}`);
    count(failure === "", `${app.name} is not built without Redis`);
  }
  const text = rowOf(app, { kept, fresh, files });
  if (kept) count(flat(kept.connections), `${app.name}: ${kept.connections.join(" → ")} connections with keepOpen`);
  if (files) {
    count(flat(files.watches), `${app.name}: ${files.watches.join(" → ")} watches`);
    const warnings = files.output.match(/no store was given/g)?.length ?? 0;
    count(
      app.restarts !== undefined || warnings === 1,
      `${app.name}: the warning about the store came ${warnings} times`,
    );
  }
  return text;
}

async function seen(app: DevServer, keeping: Keeping, others = 0): Promise<Seen | undefined> {
  const start = performance.now();
  try {
    const connections = async (): Promise<number> => {
      const clients = String(await redis.ask("CLIENT", "LIST"));
      return clients.trim().split("\n").length - 1; // Without the one that asks.
    };
    const found = await tryDevServer(app, { keeping, redis: redis.url, connections, others });
    const [open, watched] = [found.connections, found.watches].map((pair) => pair.join(" → "));
    const took = seconds(performance.now() - start);
    console.log(`${app.name}, ${keeping}: ${open} connections, ${watched} watches, ${took}`);
    count(true, "");
    return found;
  } catch (error) {
    count(false, `${app.name}, ${keeping}: ${(error as Error).message}`);
    return undefined;
  }
}

function flat([before, after]: readonly [number, number]): boolean {
  return after <= before + 2;
}

function count(good: boolean, what: string): void {
  if (good) passed += 1;
  else failed += 1;
  if (!good) console.log(`FAILED ${what}`);
}
