/** `npm run test:nuxt`: the example for Nuxt on the packed package, built and run, and edited ten times in development. Installs Nuxt. */

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../test/support/free-port.ts";
import { projectRoot, run, seconds } from "./lib.ts";
import { packInto } from "./pack.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-nuxt-"));
const running = new Set<ChildProcess>();
let [passed, failed] = [0, 0];

try {
  cpSync(join(projectRoot, "examples", "nuxt"), directory, { recursive: true });
  const { tarball } = await packInto(directory);
  await done("npm", ["install", "--no-audit", "--no-fund", tarball]);
  await done(join(directory, "node_modules/.bin/nuxt"), ["build"]);
  await trial("nuxt build", [".output/server/index.mjs"], visits);
  await trial("nuxt dev", ["node_modules/nuxt/bin/nuxt.mjs", "dev", "--no-fork"], edits);
} finally {
  for (const child of running) stop(child);
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** What a browser sees. */
interface Browser {
  /** The line of the page or the route. */
  said(path: string, method?: string): Promise<string | undefined>;
  /** The cookies that were set. */
  readonly cookies: string[];
}

async function visits(browser: Browser): Promise<void> {
  const before = sessionsKept();
  same(await browser.said("/"), "guest, visit 1", "a page that fetches");
  same(await browser.said("/"), "guest, visit 2", "the next page");
  same(await browser.said("/api/visit"), "guest, visit 3", "a route");
  same(browser.cookies.length, 1, "cookies of three visits");
  same(sessionsKept() - before, 1, "sessions of three visits");
  same(await browser.said("/api/login", "POST"), "ada, visit 4", "the page after a login");
  same(await browser.said("/api/logout", "POST"), "guest, visit 1", "the page after a logout");
}

async function edits(browser: Browser, output: () => string): Promise<void> {
  const route = join(directory, "server/api/visit.get.ts");
  const code = readFileSync(route, "utf8");
  const before = await browser.said("/");
  same(before?.startsWith("guest, visit "), true, "a page in development");
  const first = Number(before?.match(/\d+$/)?.[0]);
  for (let edit = 1; edit <= 10; edit++) {
    const built = (): number => output().match(/Nitro server built/g)?.length ?? 0;
    const builds = built();
    writeFileSync(route, code.replace(", visit", `, edit ${edit}, visit`));
    await until(() => built() > builds, `edit ${edit} is built`);
    // Nuxt builds twice after some edits, and gives no answer to what is under way then, with and without sessions.
    await quiet(output);
    same(await browser.said("/"), `guest, edit ${edit}, visit ${first + edit}`, `the page after edit ${edit}`);
  }
  same(browser.cookies.length, 1, "cookies over ten edits");
}

async function trial(
  name: string,
  args: readonly string[],
  look: (browser: Browser, output: () => string) => Promise<void>,
): Promise<void> {
  const start = performance.now();
  rmSync(join(directory, ".sessions"), { recursive: true, force: true });
  const port = await freePort();
  const env = { ...process.env, PORT: `${port}`, HOST: "127.0.0.1", NUXT_TELEMETRY_DISABLED: "1", NODE_OPTIONS: "" };
  const child = spawn(process.execPath, [...args], {
    cwd: directory,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(
      async () => (await fetch(`${url}/favicon.ico`, limited()).catch(() => undefined)) !== undefined,
      `${name} answers`,
    );
    await look(browserAt(url), () => output);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${(error as Error).message}\n${output}`);
  }
  stop(child);
  running.delete(child);
  console.log(`${name}: ${seconds(performance.now() - start)}`);
}

function browserAt(url: string): Browser {
  const cookies: string[] = [];
  const ask = async (path: string, method: string): Promise<Response> => {
    const cookie = cookies.at(-1)?.split(";")[0] ?? "";
    const response = await fetch(url + path, { method, headers: { cookie }, redirect: "manual", ...limited() });
    cookies.push(...response.headers.getSetCookie());
    return response.status === 303 ? ask(response.headers.get("location") ?? "/", "GET") : response;
  };
  return {
    cookies,
    said: async (path, method = "GET") =>
      (await (await ask(path, method)).text()).match(/\w+,( edit \d+,)? visit \d+/)?.[0],
  };
}

function sessionsKept(): number {
  if (!existsSync(join(directory, ".sessions"))) return 0;
  const files = readdirSync(join(directory, ".sessions"), { recursive: true, withFileTypes: true });
  // A record is a folder.
  return new Set(files.filter((file) => file.isFile() && !file.name.startsWith(".")).map((file) => file.parentPath))
    .size;
}

function limited(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(30_000) };
}

/** Waits until a program has printed nothing for two seconds. */
async function quiet(output: () => string): Promise<void> {
  for (let before = -1; before !== output().length; ) {
    before = output().length;
    await wait(2000);
  }
}

async function until(holds: () => unknown, what: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await wait(100);
  }
  throw new Error(`not within a minute: ${what}`);
}

function same(is: unknown, should: unknown, what: string): void {
  if (is === should) passed++;
  else failed++;
  if (is !== should) console.log(`FAILED ${what}: expected ${should}, got ${is}`);
}

function stop(child: ChildProcess): void {
  try {
    process.kill(-(child.pid as number), "SIGKILL");
  } catch {
    // It has ended.
  }
}

async function done(command: string, args: readonly string[]): Promise<void> {
  const { code, output } = await run(command, args, { cwd: directory, limit: 600_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}:\n${output}`);
}
