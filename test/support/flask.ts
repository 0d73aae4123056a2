/** The real Flask with the real Flask-Session, started for tests: `test/flask/beside/app.py` on a free port. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { flaskTitle, readyFlask } from "../../scripts/flask.ts";

const ready = readyFlask();

/** Why there is none, for `reportMissing`; `undefined` when all is well. */
export const noFlask: string | undefined = typeof ready === "string" ? ready : undefined;

/** `"Flask-Session 0.8.0 with Flask 3.1.3"` */
export const flaskVersion: string = flaskTitle;

/** What `app.py` takes. */
export interface FlaskOptions {
  /** The `type` of `SESSION_TYPE`, or `"cookie"` for Flask's own session, and what the client of it needs. */
  readonly backend: { readonly type: string; readonly [option: string]: unknown };
  /** `app.config`: `SECRET_KEY`, `SESSION_PERMANENT`, ... */
  readonly config?: Readonly<Record<string, unknown>>;
  /** With Flask-Login. Default false. */
  readonly login?: boolean;
}

/** One thing a Flask handler does with `session`. Values and keys are Python expressions: `"'k'"`, `"1.0"`, `"b'\\xff'"`. */
export type FlaskStep =
  | readonly [name: "set", key: string, value: string]
  | readonly [name: "get" | "delete", key: string]
  | readonly [name: "append", key: string, value: string]
  | readonly [name: "permanent", value: boolean]
  | readonly [name: "flash", text: string, category: string]
  | readonly [name: "flashed" | "clear" | "regenerate" | "modified" | "fail"]
  /** Flask-Login's: `who` is `(id, fresh)`. */
  | readonly [name: "login", id: string]
  | readonly [name: "logout" | "who"]
  /** Holds the request, its session loaded, until `open(gate)`. */
  | readonly [name: "wait", gate: string];

/** What came of a request. */
export interface FlaskReply {
  readonly status: number;
  /** `repr(dict(session))` after the last step. */
  readonly session: string;
  readonly permanent: boolean;
  /** What each step answered: `repr` of a value, or `null`. */
  readonly results: readonly (string | null)[];
  readonly headers: Headers;
}

/** A running Flask application. */
export interface FlaskServer {
  readonly url: string;
  /** A request whose handler does these steps. It keeps to the cookies of the jar, which is also how a browser would. */
  do(jar: Jar, ...steps: FlaskStep[]): Promise<FlaskReply>;
  /** Resolves when a handler waits at the gate. */
  came(gate: string): Promise<void>;
  open(gate: string): Promise<void>;
  stop(): Promise<void>;
}

/** The cookies of one browser, which do not tell one port of a host from another. */
export class Jar {
  readonly #cookies = new Map<string, string>();
  /** Every `Set-Cookie` line that came, the newest last. */
  readonly lines: string[] = [];

  /** The `Cookie` header. */
  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  value(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  set(name: string, value: string): void {
    this.#cookies.set(name, value);
  }

  /** The same cookies, from now on on their own: a request that was sent before. */
  copy(): Jar {
    const jar = new Jar();
    for (const [name, value] of this.#cookies) jar.set(name, value);
    return jar;
  }

  keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      this.lines.push(line);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/;\s*max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.set(name, value);
    }
  }
}

const program = fileURLToPath(new URL("../flask/beside/app.py", import.meta.url));
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts one. Its standard error goes to this process's. */
export async function startFlask(options: FlaskOptions): Promise<FlaskServer> {
  if (typeof ready === "string") throw new Error(ready);
  const child = spawn(ready.python, [program, JSON.stringify(options)], { stdio: ["pipe", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log = (log + chunk).slice(-10_000);
  });
  const port = await new Promise<string>((resolve, reject) => {
    const fail = (): void => reject(new Error(`Flask did not start:\n${log}`));
    child.once("error", reject).once("exit", fail);
    createInterface(child.stdout).on("line", (line) => {
      if (line.startsWith("listening ")) resolve(line.slice("listening ".length));
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const post = async (path: string, jar: Jar, body = ""): Promise<Response> => {
    const response = await fetch(url + path, { method: "POST", body, headers: { cookie: jar.header } });
    jar.keep(response.headers);
    return response;
  };
  const signal = async (path: string): Promise<void> => {
    const response = await post(path, new Jar());
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  };
  return {
    url,
    async do(jar, ...steps) {
      const response = await post("/do", jar, JSON.stringify(steps));
      const text = await response.text();
      const { status, headers } = response;
      if (!response.ok && !steps.some(([name]) => name === "fail")) throw new Error(`Flask says ${status}:\n${log}`);
      const reply = response.ok ? (JSON.parse(text) as Omit<FlaskReply, "status" | "headers">) : nothing;
      return { ...reply, status, headers };
    },
    came: (gate) => signal(`/came/${gate}`),
    open: (gate) => signal(`/open/${gate}`),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

const nothing = { session: "", permanent: false, results: [] };
