/**
 * `npm run test:neighbours`: frameworks that are too big to be dependencies of the tests. Each is installed beside this
 * package into a directory of its own, built, served, and asked over HTTP. Give names to run only some.
 */

import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot, run, seconds } from "./lib.ts";
import { packInto } from "./pack.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

interface App {
  readonly default?: { fetch: Fetch };
  readonly server?: Server;
}

/** How each is built, if it is, and where it then exports `default.fetch`, or `server` of `node:http`. */
const neighbours: Readonly<Record<string, { readonly build?: readonly string[]; readonly entry: string }>> = {
  angular: { build: ["node_modules/.bin/ng", "build"], entry: "dist/server/server.mjs" },
  firebase: { entry: "index.js" },
  "solid-start": { build: ["node_modules/.bin/vite", "build"], entry: "dist/server/entry-server.js" },
};

/** Ten minutes for an installation or a build: what hangs must not hold up the run. */
const limit = 600_000;

/** Every application counts visits at `/`, logs in at `/login` and out at `/logout`, and fails at `/fail`. */
async function ask(url: string): Promise<string[]> {
  const wrong: string[] = [];
  let cookie = "";
  const send = async (path: string, method = "GET"): Promise<[number, string]> => {
    const headers = { cookie, origin: url };
    const response = await fetch(url + path, {
      method,
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(20_000),
    });
    for (const line of response.headers.getSetCookie()) cookie = `${line.split(";")[0]}`;
    return [response.status, /<p[^>]*>(?:<!--[^>]*-->)?([^<]*)/.exec(await response.text())?.[1] ?? ""];
  };
  const expect = (what: string, got: unknown, wanted: unknown): void => {
    if (JSON.stringify(got) !== JSON.stringify(wanted))
      wrong.push(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
  };
  expect("the first visit", await send("/"), [200, "guest, visit 1"]);
  expect("the second visit", await send("/"), [200, "guest, visit 2"]);
  const guest = cookie;
  expect("a login", await send("/login", "POST"), [303, ""]);
  expect("the id after a login is another", cookie !== guest, true);
  expect("a visit of the user", await send("/"), [200, "ada, visit 3"]);
  await Promise.all(Array.from({ length: 10 }, () => send("/")));
  expect("ten visits at once are counted", await send("/"), [200, "ada, visit 14"]);
  expect("a handler that fails", (await send("/fail", "POST"))[0], 500);
  expect("it has changed nothing", await send("/"), [200, "ada, visit 15"]);
  const user = cookie;
  expect("a logout", await send("/logout", "POST"), [303, ""]);
  cookie = user;
  expect("the cookie of before is no session", await send("/"), [200, "guest, visit 1"]);
  return wrong;
}

/** A fetch handler as a server of `node:http`. */
function serverOf(handler: Fetch): Server {
  return createServer(async (req, res) => {
    const url = `http://${req.headers.host}${req.url}`;
    const request = new Request(url, { method: req.method ?? "GET", headers: req.headers as Record<string, string> });
    const response = await handler(request);
    res.statusCode = response.status;
    for (const [name, value] of response.headers) res.appendHeader(name, value);
    res.end(Buffer.from(await response.arrayBuffer()));
  });
}

async function step(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await run(command, args, {
    cwd,
    limit,
    env: { NODE_OPTIONS: "", NG_CLI_ANALYTICS: "false" },
  });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}:\n${output}`);
}

const scratch = mkdtempSync(join(tmpdir(), "sojourn-neighbours-"));
const chosen = process.argv.slice(2);
const sources = join(projectRoot, "test", "neighbours");
try {
  const { tarball } = await packInto(scratch);
  for (const name of readdirSync(sources).filter((one) => chosen.length === 0 || chosen.includes(one))) {
    const start = performance.now();
    const directory = join(scratch, name);
    cpSync(join(sources, name), directory, { recursive: true });
    const { build: [program, ...args] = [], entry = "" } = neighbours[name] ?? {};
    await step("npm", ["install", "--legacy-peer-deps", "--no-audit", "--no-fund", tarball], directory);
    if (program) await step(join(directory, program), args, directory);
    // Its sessions are files, below where it runs.
    process.chdir(directory);
    const app = (await import(pathToFileURL(join(directory, entry)).href)) as App;
    const server = app.server ?? serverOf((request) => (app.default as { fetch: Fetch }).fetch(request));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const wrong = await ask(`http://127.0.0.1:${port}`);
    server.close();
    server.closeAllConnections();
    console.log(`${wrong.length === 0 ? "ok  " : "FAIL"} ${name} (${seconds(performance.now() - start)})`);
    for (const line of wrong) console.log(`     ${line}`);
    if (wrong.length > 0) process.exitCode = 1;
  }
} finally {
  process.chdir(projectRoot);
  rmSync(scratch, { recursive: true, force: true });
}
