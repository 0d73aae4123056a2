/** `npm run examples [-- name…]`: runs examples as a stranger does, outside this repository: the packed package, npm install, npm start. */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../test/support/free-port.ts";
import { projectRoot, run, seconds } from "./lib.ts";
import { packInto } from "./pack.ts";

interface Example {
  /** Where it counts. Default `/`. */
  readonly visits?: string;
  /** Where to post to. Default `/login` and `/logout`. */
  readonly login?: string;
  readonly logout?: string;
  /** What a post carries: a form, JSON, or the one form of the home page, as a browser without scripts sends it. Default nothing. */
  readonly body?: "form" | "json" | "form of the page";
}

/** Those that need no server beside them, and no https. */
const examples: Readonly<Record<string, Example>> = {
  astro: {},
  elysia: {},
  express: {},
  "express-session": {},
  fastify: {},
  fetch: {},
  h3: {},
  hapi: {},
  hono: {},
  koa: {},
  nest: {},
  next: { visits: "/visits", login: "/", logout: "/", body: "form of the page" },
  nitro: {},
  node: {},
  nuxt: { visits: "/api/visit", login: "/api/login", logout: "/api/logout" },
  polka: {},
  "react-router": {},
  restify: {},
  sveltekit: { login: "/?/login", logout: "/?/logout", body: "form" },
  trpc: { visits: "/home", body: "json" },
};

const installLimit = 300_000;
const startLimit = 300_000;

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(examples);
const directory = mkdtempSync(join(tmpdir(), "sojourn-examples-"));
let failed = 0;
try {
  const { tarball } = await packInto(directory);
  for (const name of names) {
    const began = performance.now();
    const problem = await tryExample(name, tarball).catch((error: unknown) => String(error));
    if (problem) failed++;
    console.log(`${problem ? "FAIL" : "ok  "}  ${name.padEnd(16)} ${seconds(performance.now() - began)}  ${problem}`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;

/** Answers what went wrong, or "". */
async function tryExample(name: string, tarball: string): Promise<string> {
  const place = join(directory, name);
  const here = join(projectRoot, "examples", name);
  if (!examples[name] || !readdirSync(join(projectRoot, "examples")).includes(name)) return "there is no such example";
  cpSync(here, place, {
    recursive: true,
    filter: (path) => !/node_modules|\.next$|\.nitro$|\.nuxt$|\.output$|dist$|build$/.test(path.slice(here.length)),
  });
  const manifest = join(place, "package.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"sojourn": "[^"]*"/, `"sojourn": "file:${tarball}"`));
  // The Node and npm of this project, and none of its packages.
  const env = outside();
  const install = await run("npm", ["install", "--no-audit", "--no-fund"], { cwd: place, env, limit: installLimit });
  if (install.code !== 0) return `npm install: ${install.output.slice(-2000)}`;
  return start(name, place, env);
}

async function start(name: string, cwd: string, env: Record<string, string | undefined>): Promise<string> {
  const port = await freePort();
  const address = { PORT: String(port), HOST: "127.0.0.1", PROTOCOL_HEADER: "x-forwarded-proto" };
  const child = spawn("npm", ["start"], {
    cwd,
    env: { ...env, ...address } as unknown as NodeJS.ProcessEnv,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ended = new Promise<string>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.on("error", (error) => resolve(String(error)));
    child.on("close", (code) => resolve(`npm start ended with ${code}`));
  });
  let late: NodeJS.Timeout | undefined;
  const limit = new Promise<string>((resolve) => {
    late = setTimeout(() => resolve(`nothing listened on port ${port} in time`), startLimit);
  });
  try {
    const problem = await Promise.race([ended, limit, visit(name, port)]);
    return problem && `${problem}\n${said.slice(-2000)}`;
  } finally {
    clearTimeout(late);
    if (child.pid) {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
  }
}

/** Visits, logs in, visits, logs out and visits, with the cookie as a browser on localhost sends it. */
async function visit(name: string, port: number): Promise<string> {
  const { visits = "/", login = "/login", logout = "/logout", body } = examples[name] ?? {};
  let cookie = "";
  const ask = async (path: string, method = "GET"): Promise<string> => {
    const origin = `http://localhost:${port}`;
    // https, as a proxy in front says it: some adapters check the origin of a form against it.
    const headers: Record<string, string> = {
      cookie,
      origin,
      "x-forwarded-proto": "http",
      "sec-fetch-site": "same-origin",
    };
    const page = body === "form of the page" && method === "POST" ? await ask(path) : "";
    const sent = method === "POST" ? { body: bodyOf(body, page) } : {};
    if (body === "json") headers["content-type"] = "application/json";
    const answer = await fetch(`${origin}${path}`, { method, headers, redirect: "manual", ...sent });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      cookie = /Max-Age=0|Expires=Thu, 01 Jan 1970/i.test(line) ? "" : pair;
    }
    const text = await answer.text();
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`);
    return text;
  };
  for (;;) {
    const up = await ask(visits).catch((error: unknown) =>
      error instanceof TypeError ? undefined : Promise.reject(error),
    );
    if (up !== undefined) {
      cookie = "";
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const seen: string[] = [];
  for (const [path, method] of [[visits], [visits], [login, "POST"], [visits], [logout, "POST"], [visits]] as const) {
    const text = (await ask(path, method)).replace(/<[^>]*>/g, " ");
    if (!method) seen.push(/(\w+),\s+visit\s+(\d+)/.exec(text)?.slice(1, 3).join(" ") ?? text.slice(0, 200));
  }
  const expected = ["guest 1", "guest 2", "ada 3", "guest 1"];
  return seen.join() === expected.join() ? "" : `expected ${expected.join()}; saw ${seen.join()}`;
}

/** What a post carries. */
function bodyOf(kind: Example["body"], page: string): string | FormData | URLSearchParams | null {
  if (kind === undefined) return null;
  if (kind === "json") return "{}";
  const form = kind === "form" ? new URLSearchParams() : new FormData();
  for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g))
    form.append(/name="([^"]*)"/.exec(input)?.[1] ?? "", /value="([^"]*)"/.exec(input)?.[1] ?? "");
  return form;
}

function outside(): Record<string, string | undefined> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_(?!config_)|^NODE_/.test(key)));
  const path = (process.env.PATH ?? "").split(":").filter((one) => !one.includes("node_modules"));
  return { ...env, PATH: [dirname(process.execPath), ...path].join(":") };
}
