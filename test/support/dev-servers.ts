/** Runs examples under the dev servers of their frameworks: starts one, edits a file under it, and counts what it holds open. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { build, isBuilt } from "../../scripts/build.ts";
import { projectRoot, run } from "../../scripts/lib.ts";
import { freePort } from "./free-port.ts";

/** A dev server, and the example that it runs. */
export interface DevServer {
  /** As the documentation calls it. */
  readonly name: string;
  readonly example: string;
  /** The module that makes the sessions, which is edited. */
  readonly edited: string;
  /** The route that counts visits. Default `/`. */
  readonly path?: string;
  /** The program and its arguments. */
  command(port: string): readonly string[];
  /** An edit ends what runs the modules and starts another: warnings of before are not known there. */
  readonly restarts?: "process" | "worker";
  /** What builds the application, where something does. */
  readonly build?: readonly string[];
  /** The tests do not have its packages: they are installed into the project itself. Default false. */
  readonly installs?: boolean;
  /** Files that the example does not have. */
  readonly files?: Readonly<Record<string, string>>;
}

const server = { edited: "server.ts", restarts: "process" } as const;

/** Every dev server that is tested. */
export const devServers: readonly DevServer[] = [
  {
    name: "SvelteKit",
    example: "sveltekit",
    edited: "src/lib/sessions.server.ts",
    build: ["vite", "build"],
    command: (port) => ["vite", "dev", "--host", "127.0.0.1", "--strictPort", "--port", port],
  },
  {
    name: "Next.js",
    example: "next",
    edited: "sessions.ts",
    path: "/visits",
    build: ["next", "build"],
    command: (port) => ["next", "dev", "--hostname", "127.0.0.1", "--port", port],
    files: {
      "next.config.mjs": `
        import { join } from "node:path";
        export default { turbopack: { root: join(import.meta.dirname, "..", "..") }, typescript: { ignoreBuildErrors: true } };
      `,
    },
  },
  {
    name: "Astro",
    example: "astro",
    edited: "src/sessions.ts",
    build: ["astro", "build"],
    command: (port) => ["astro", "dev", "--host", "127.0.0.1", "--port", port],
  },
  {
    name: "React Router",
    example: "react-router",
    edited: "app/sessions.server.ts",
    build: ["react-router", "build"],
    command: (port) => ["react-router", "dev", "--host", "127.0.0.1", "--strictPort", "--port", port],
    files: {
      "vite.config.ts": `
        import { reactRouter } from "@react-router/dev/vite";
        export default { plugins: [reactRouter()] };
      `,
      "app/sessions.server.ts": `
        import { createSessions } from "sojourn";
        export const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
      `,
      "app/root.tsx": `
        import { Outlet } from "react-router";
        import { reactRouterSessions } from "sojourn/frameworks/react-router";
        import { sessions } from "./sessions.server";
        export const middleware = [reactRouterSessions(sessions)];
        export default function Root() { return <Outlet />; }
      `,
      "app/entry.server.tsx": `
        import { renderToString } from "react-dom/server";
        import { ServerRouter } from "react-router";
        export default function handle(request, status, headers, context) {
          return new Response(renderToString(<ServerRouter context={context} url={request.url} />), { status, headers });
        }
      `,
      "app/routes.ts": `
        import { index } from "@react-router/dev/routes";
        export default [index("home.ts")];
      `,
      "app/home.ts": `
        import { sessions } from "./sessions.server";
        export async function loader({ context }) {
          const session = await sessions.get(context);
          const visits = session.update("visits", (n = 0) => n + 1);
          return new Response(\`\${session.subject ?? "guest"}, visit \${visits}\`);
        }
      `,
    },
  },
  {
    name: "Nitro",
    example: "nitro",
    edited: "sessions.ts",
    restarts: "worker",
    build: ["nitro", "build"],
    command: (port) => ["nitro", "dev", "--host", "127.0.0.1", "--port", port],
  },
  {
    name: "Nuxt",
    example: "nuxt",
    edited: "server/utils/sessions.ts",
    path: "/api/visit",
    restarts: "worker",
    installs: true,
    build: ["node_modules/.bin/nuxt", "build"],
    command: (port) => ["node_modules/.bin/nuxt", "dev", "--no-fork", "--host", "127.0.0.1", "--port", port],
  },
  { name: "Express, `node --watch`", example: "express", ...server, command: () => ["node", "--watch", "server.ts"] },
  { name: "Express, `tsx watch`", example: "express", ...server, command: () => ["tsx", "watch", "server.ts"] },
  { name: "Hono, `node --watch`", example: "hono", ...server, command: () => ["node", "--watch", "server.ts"] },
  {
    name: "`Bun.serve`, `bun --hot`",
    example: "fetch",
    edited: "server.ts",
    command: () => ["bun", "--hot", "server.ts"],
  },
];

/** Where the application keeps its sessions: as the documentation says, as it warns against, or without options. */
export type Keeping = "kept client" | "new client" | "default store";

/** What was seen. */
export interface Seen {
  /** Connections to Redis and watches of files, before the edits and after them. */
  readonly connections: readonly [number, number];
  readonly watches: readonly [number, number];
  /** All that the dev server printed. */
  readonly output: string;
}

export interface TryOptions {
  readonly keeping: Keeping;
  /** The URL of a Redis. */
  readonly redis: string;
  /** How many connections it has. */
  connections(): Promise<number>;
  /** How often the file is edited. Default 10. */
  readonly edits?: number;
  /** How many other sessions begin in between. Default 0. */
  readonly others?: number;
}

const patience = 60_000;

/**
 * Edits a file under a session that is in use. Rejects when a visit is answered with another session, with another
 * count than its own, or not at all.
 */
export async function tryDevServer(app: DevServer, options: TryOptions): Promise<Seen> {
  const { keeping, redis, edits = 10, others = 0 } = options;
  const directory = join(projectRoot, ".cache", `dev-${app.example}-${process.pid}`);
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}${app.path ?? "/"}`;
  let running: Running | undefined;
  try {
    await layOut(app, directory);
    const file = join(directory, app.edited);
    const source = withStore(await readFile(file, "utf8"), keeping);
    await writeFile(file, source);
    running = new Running(app.command(port), directory, { PORT: port, REDIS_URL: redis });
    const visitor = new Visitor(url, running);
    await visitor.first();
    for (let at = 0; at < 3; at += 1) await visitor.visit();
    const [connections, watches] = [await options.connections(), await running.watches()];
    for (let at = 0; at < others; at += 1) await visitor.other();
    for (let edit = 1; edit <= edits; edit += 1) {
      const said = `sojourn edit ${edit}.`;
      const save = (): Promise<void> => edited(file, `${source}\nconsole.log(${JSON.stringify(said)});\n`);
      await pause(200); // Watchers may take two changes within milliseconds for one, which no hand does.
      await save();
      let [again, limit] = [Date.now() + 5000, Date.now() + patience];
      while (!running.output.includes(said)) {
        if (Date.now() > limit) throw new Error(`edit ${edit} was not taken up:\n${running.output.slice(-2000)}`);
        if (Date.now() > again) {
          again += 5000;
          await save();
        }
        // What restarts by itself is between two processes.
        if (!app.restarts) await visitor.visit();
        await pause(50);
      }
      for (let at = 0; at < 2; at += 1) await (app.restarts ? visitor.again() : visitor.visit());
    }
    await visitor.visit();
    return {
      connections: [connections, await options.connections()],
      watches: [watches, await running.watches()],
      output: running.output,
    };
  } finally {
    await running?.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Builds the application while no Redis answers. Rejects with what was printed when that fails, or does not end. */
export async function buildWithoutRedis(app: DevServer, keeping: Keeping, limit = 300_000): Promise<void> {
  const directory = join(projectRoot, ".cache", `build-${app.example}-${process.pid}`);
  let building: Running | undefined;
  try {
    await layOut(app, directory);
    const file = join(directory, app.edited);
    await writeFile(file, withStore(await readFile(file, "utf8"), keeping));
    const port = String(await freePort()); // Where nothing listens.
    building = new Running(app.build ?? [], directory, { REDIS_URL: `redis://127.0.0.1:${port}` });
    for (const end = Date.now() + limit; !building.ended; await pause(100)) {
      if (Date.now() > end) throw new Error(`it did not end:\n${building.output.slice(-2000)}`);
    }
    if (building.code !== 0) throw new Error(`it ended with ${building.code}:\n${building.output.slice(-2000)}`);
  } finally {
    await building?.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A project of its own, with this package installed as users have it. */
async function layOut(app: DevServer, directory: string): Promise<void> {
  const installed = join(directory, "node_modules", "sojourn");
  await mkdir(directory, { recursive: true });
  if (app.installs) await install(app, directory);
  await mkdir(installed, { recursive: true });
  const said = isBuilt() ? "" : await build();
  if (said !== "") throw new Error(said);
  await cp(join(projectRoot, "dist"), join(installed, "dist"), { recursive: true });
  await cp(join(projectRoot, "package.json"), join(installed, "package.json"));
  const filter = (source: string): boolean => !/\/(node_modules|\.svelte-kit|\.astro|\.nuxt|\.output)$/.test(source);
  await cp(join(projectRoot, "examples", app.example), directory, { recursive: true, filter });
  for (const [name, text] of Object.entries(app.files ?? {})) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  await writeFile(join(directory, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
}

/** The packages of an example but this one. */
async function install({ example }: DevServer, directory: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(projectRoot, "examples", example, "package.json"), "utf8"));
  const { sojourn: _, ...dependencies } = manifest.dependencies as Record<string, string>;
  await writeFile(join(directory, "package.json"), JSON.stringify({ ...manifest, dependencies }));
  const { code, output } = await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], {
    cwd: directory,
  });
  if (code !== 0) throw new Error(`npm install: ${output.slice(-2000)}`);
}

/** Saves a file as editors do that keep it in place: a dev server never reads the half of it. */
async function edited(path: string, text: string): Promise<void> {
  const file = await open(path, "r+");
  await file.write(text, 0);
  await file.close();
}

/** The module with the store in it, by the lines of docs/development.md. */
function withStore(source: string, keeping: Keeping): string {
  if (keeping === "default store") return source;
  const open = 'createClient({ url: process.env.REDIS_URL ?? "" }).on("error", console.error).connect()';
  const client = keeping === "new client" ? `() => ${open}` : `() => keepOpen("redis", () => ${open})`;
  const called = source.replace(
    /(createSessions<[^(]*>\(\{)/,
    '$1 name: "app", store: redisStore({ client: openClient }),',
  );
  if (called === source) throw new Error("there is no createSessions in the module that is edited");
  // Functions and imports are hoisted: they may come last, and the imports of the module stay first.
  return `${called}
import { createClient } from "redis";
import { keepOpen } from "sojourn/keep-open";
import { redisStore } from "sojourn/stores/redis";
${keeping === "new client" ? "void keepOpen;" : ""}
function openClient() { return (${client})(); }
`;
}

/** A dev server that runs, with the processes it starts. */
class Running {
  output = "";
  readonly #child: ChildProcess;

  constructor([program = "", ...args]: readonly string[], cwd: string, env: Record<string, string>) {
    const PATH = [join(projectRoot, "node_modules", ".bin"), process.env.PATH].join(delimiter);
    // Vitest's own settings are not meant for it.
    const foreign = { VITEST: undefined, NODE_OPTIONS: undefined, NODE_ENV: undefined, CI: undefined };
    const quiet = { ASTRO_TELEMETRY_DISABLED: "1", NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };
    const own: Record<string, string | undefined> = { ...foreign, ...quiet, ...env, PATH };
    // A group of its own, so that all it starts ends with it.
    this.#child = spawn(program, args, { cwd, env: { ...process.env, ...own }, detached: true });
    const take = (chunk: Buffer): void => {
      this.output += chunk;
    };
    this.#child.stdout?.on("data", take);
    this.#child.stderr?.on("data", take);
    this.#child.on("error", (error) => {
      this.output += error.message;
    });
    running.add(this.#child);
  }

  get code(): number | null {
    return this.#child.exitCode;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  /** How many files and directories its processes watch, when they are done with adding them. Only Linux shows it; elsewhere 0. */
  async watches(): Promise<number> {
    let [before, now] = [-1, await this.#watches()];
    for (const limit = Date.now() + 10_000; now !== before && Date.now() < limit; ) {
      await pause(500);
      [before, now] = [now, await this.#watches()];
    }
    return now;
  }

  async #watches(): Promise<number> {
    if (process.platform !== "linux") return 0;
    let count = 0;
    for (const pid of await groupOf(this.#child.pid)) {
      for (const name of await readdir(`/proc/${pid}/fdinfo`).catch(() => [])) {
        const text = await readFile(`/proc/${pid}/fdinfo/${name}`, "utf8").catch(() => "");
        count += text.match(/^inotify/gm)?.length ?? 0;
      }
    }
    return count;
  }

  async stop(): Promise<void> {
    const ended = this.ended ? undefined : once(this.#child, "exit");
    kill(this.#child);
    await ended;
  }
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) kill(child);
});

function kill(child: ChildProcess): void {
  running.delete(child);
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended, and all it started.
  }
}

/** The processes of a group. */
async function groupOf(group: number | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // The name of the program, in brackets, may have spaces: state, parent and group follow it.
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === group) found.push(pid);
  }
  return found;
}

/** A browser that counts its visits; the application answers with the same number. */
class Visitor {
  readonly #url: string;
  readonly #server: Running;
  #cookie: string | undefined;
  #visits = 0;
  /** Visits without an answer since the last one with an answer. */
  #unsure = 0;

  constructor(url: string, server: Running) {
    this.#url = url;
    this.#server = server;
  }

  /** The first visit, when the server is ready. */
  async first(): Promise<void> {
    const response = await this.#answered();
    this.#cookie = response.headers.get("set-cookie")?.split(";")[0];
    await this.#check(response);
    if (this.#cookie === undefined) throw new Error("the first visit got no cookie");
  }

  async visit(): Promise<void> {
    const response = await this.#ask();
    const cookie = response.headers.get("set-cookie");
    if (cookie !== null && cookie.split(";")[0] !== this.#cookie) throw new Error("a visit got another session");
    await this.#check(response);
  }

  /** A visit to a server that is being replaced. One that the old server dropped may have been counted. */
  async again(): Promise<void> {
    await this.#check(await this.#answered());
  }

  /** A visit of another visitor, whose session nothing is done with. */
  async other(): Promise<void> {
    const response = await fetch(this.#url, { signal: AbortSignal.timeout(patience) });
    await response.text();
    if (!response.headers.has("set-cookie")) throw new Error(`another visitor got no session, and ${response.status}`);
  }

  #ask(): Promise<Response> {
    const headers = { accept: "text/html", ...(this.#cookie && { cookie: this.#cookie }) };
    return fetch(this.#url, { headers, signal: AbortSignal.timeout(patience) });
  }

  /** The first answer of the application. */
  async #answered(): Promise<Response> {
    for (const limit = Date.now() + patience; ; await pause(100)) {
      let failure: unknown;
      try {
        const response = await this.#ask();
        if (response.status < 500) return response;
        failure = `${response.status} ${(await response.text()).slice(0, 300)}`;
        this.#unsure += 1;
      } catch (error) {
        const { cause } = error as { cause?: { code?: string } };
        failure = cause ?? error;
        // While nothing listens, nothing is counted.
        if (cause?.code !== "ECONNREFUSED") this.#unsure += 1;
      }
      if (Date.now() < limit && !this.#server.ended) continue;
      throw new Error(`there was no answer (${String(failure)}):\n${this.#server.output.slice(-2000)}`);
    }
  }

  async #check(response: Response): Promise<void> {
    const [least, most] = [this.#visits + 1, this.#visits + 1 + this.#unsure];
    const text = await response.text();
    const counted = Number(/\w+, visit (?:<!-- -->)?(\d+)/.exec(text)?.[1]);
    if (!(counted >= least && counted <= most)) {
      const said = `${response.status} ${text.slice(0, 500)}\n${this.#server.output.slice(-2000)}`;
      throw new Error(`visit ${least} was counted as ${counted}:\n${said}`);
    }
    [this.#visits, this.#unsure] = [counted, 0];
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
