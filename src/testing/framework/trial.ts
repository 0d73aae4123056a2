/** What one case of the framework suite works with, and what the author of an adapter must give to the suite. */

import type { Session } from "../../core/contracts/session.ts";
import type { SessionEvent } from "../../core/contracts/session-event.ts";
import type { Store } from "../../core/contracts/store.ts";
import type { SessionOptions } from "../../core/options/options.ts";
import { Sessions } from "../../core/request/sessions.ts";
import { memoryStore } from "../../stores/memory.ts";
import { type CountedStore, countedStore, type Fault, faultyStore, type StoreCall } from "../faults.ts";
import { Client } from "./client.ts";

/** What a route of the application under test answers. */
export type Reply = {
  /** Default 200; for a redirect 302. */
  readonly status?: number;
  /** Set before the answer, in the framework's own way. A name that comes twice is sent twice. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
} & (
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "redirect"; readonly location: string }
  /** Sent as it comes, with backpressure. */
  | { readonly kind: "stream"; readonly chunks: AsyncIterable<Uint8Array> }
  /** The absolute path of a file. */
  | { readonly kind: "file"; readonly path: string }
);

/** The application that a harness runs: every path and method go to `handle`. */
export interface TrialApp {
  /** The sessions to mount, the outermost first. The same one twice is meant so. */
  readonly sessions: readonly Sessions[];
  /** The adapter's option of that name, for all of them. */
  readonly attach: string | undefined;
  /**
   * What every request does. Answer what it gives; if it rejects, let the framework's error handling have the error.
   *
   * @param request What handlers pass to `sessions.get`.
   * @param url Path and query.
   * @param body Reads the body of the request as text.
   */
  handle(request: object, url: string, body: () => Promise<string>): Promise<Reply>;
  /** The framework's error handler, also for errors of the sessions. Returns the response. */
  onError(error: unknown, request: object): Promise<Reply>;
}

/** An application that runs. */
export interface RunningApp {
  /** `http://127.0.0.1:port`, or with `https:`. */
  readonly url: string;
  /** Stops it, and cuts what is still open. */
  close(): unknown;
}

/**
 * What not every framework has.
 *
 * - `"current"`: `sessions.current()`.
 * - `"attach"`: the adapter's option `attach`.
 * - `"error page"`: the framework's error handling gets the request.
 * - `"late save"`: what is changed while the body is sent is saved at its end (for `text/event-stream` at least).
 * - `"file"`: replies of the kind `"file"`.
 * - `"device binding"`: sessions that take the option `deviceBound`, and requests of browsers that reach the adapter.
 */
export type TrialFeature = "current" | "attach" | "error page" | "late save" | "file" | "device binding";

/**
 * How `frameworkConformance` reaches a framework: a program of thirty lines that mounts the sessions and turns a
 * {@link Reply} into what the framework's users write.
 */
export interface FrameworkHarness {
  /** The name for titles of tests: `"Express 5.1"`. */
  readonly name: string;
  /** Starts the application on a free port, with the framework's own server. */
  start(app: TrialApp): Promise<RunningApp>;
  /** What the framework does not have, and why. The cases that need it are skipped with that reason. */
  readonly lacks?: Readonly<Partial<Record<TrialFeature, string>>>;
  /** Speak HTTP/2 to it. Default false. */
  readonly http2?: boolean;
  /** The store to run on. Default: the memory store. */
  store?(): Store | Promise<Store>;
  /** Makes the sessions from the options of a case. Default: as `createSessions` does. */
  sessions?(options: SessionOptions & { readonly store: Store }): Sessions | Promise<Sessions>;
}

/** A request as a route of a case sees it. */
export interface Ask {
  readonly request: object;
  readonly query: URLSearchParams;
  body(): Promise<string>;
  session(): Promise<Session>;
}

/** The routes of a case, by path. */
export type Routes = Readonly<Record<string, (ask: Ask) => Promise<Reply>>>;

/** A case before it is bound to a harness. */
export interface FrameworkCase {
  readonly name: string;
  readonly group: string;
  readonly needs?: TrialFeature | readonly TrialFeature[];
  run(trial: FrameworkTrial): Promise<void>;
}

/** What a case may change of its application. */
export interface StartOptions {
  readonly routes?: Routes;
  readonly options?: Omit<SessionOptions, "store" | "warn">;
  /** Given the sessions of the application, what is mounted. Default: just them. */
  readonly mount?: (sessions: Sessions) => readonly Sessions[];
  readonly attach?: string;
  /** The application has no listener: what an operator must know is a line then. Default false. */
  readonly deaf?: boolean;
}

/** An application under test. */
export interface StartedApp {
  readonly sessions: Sessions;
  /** Counts the calls that reach it. */
  readonly store: CountedStore;
  readonly events: SessionEvent[];
  readonly warnings: string[];
  /** What happens to each call of the store from now on; `undefined`: nothing special. */
  fault: ((call: StoreCall) => Fault) | undefined;
  /** Waits before each call of the store, in milliseconds. */
  delay: number;
  /** A new browser. */
  client(): Client;
}

/** One run of a case: it starts applications, and stops them afterwards. */
export class FrameworkTrial {
  readonly #harness: FrameworkHarness;
  readonly #running: { close(): unknown }[] = [];

  constructor(harness: FrameworkHarness) {
    this.#harness = harness;
  }

  async start({ routes = {}, options = {}, mount, attach, deaf }: StartOptions = {}): Promise<StartedApp> {
    const harness = this.#harness;
    const inner = harness.store ? await harness.store() : memoryStore();
    const store = countedStore(
      faultyStore(inner, (call) => app.fault?.(call) ?? (app.delay > 0 ? { late: wait(app.delay) } : "pass")),
    );
    const warnings: string[] = [];
    const all = {
      ...(options.ids ? {} : { keyPrefix: "session:" }),
      ...options,
      store,
      warn: (message: string) => void warnings.push(message),
    };
    const sessions = harness.sessions ? await harness.sessions(all) : new Sessions(all);
    const events: SessionEvent[] = [];
    if (!deaf) sessions.on((event) => events.push(event));
    const mounted = mount?.(sessions) ?? [sessions];
    const known: Routes = { ...standardRoutes, ...routes };
    const running = await harness.start({
      sessions: mounted,
      attach,
      async handle(request, url, body) {
        const { pathname, searchParams: query } = new URL(url, "http://trial.test");
        const route = known[pathname];
        if (!route) return { kind: "text", status: 404, text: `no route ${pathname}` };
        return route({ request, query, body, session: () => sessions.get(request) });
      },
      onError: (error, request) => errorPage(error, request, sessions),
    });
    this.#running.push(running);
    const app: StartedApp = {
      sessions,
      store,
      events,
      warnings,
      fault: undefined,
      delay: 0,
      client: () => {
        const client = new Client(running.url, harness.http2 === true);
        this.#running.push(client);
        return client;
      },
    };
    return app;
  }

  async stop(): Promise<void> {
    for (const one of this.#running.reverse()) await one.close();
  }
}

/** A text answer. */
export function text(answer: string, headers: Reply["headers"] = [], status = 200): Reply {
  return { kind: "text", text: answer, headers, status };
}

/** The error for a bad request. */
export class BadRequest extends Error {
  readonly status = 400;
}

const standardRoutes: Routes = {
  "/untouched": async () => text("untouched"),
  "/read": async ({ session }) => text(JSON.stringify({ ...(await session()).data })),
  "/subject": async ({ session }) => text((await session()).subject ?? "nobody"),
  async "/set"({ session, query }) {
    const { data } = await session();
    for (const [key, value] of query) data[key] = value;
    return text("saved");
  },
  async "/count"({ session }) {
    return text(`${(await session()).update("count", (n) => ((n as number | undefined) ?? 0) + 1)}`);
  },
  async "/login"({ session, query }) {
    (await session()).login(query.get("as") ?? "ada");
    return text("logged in");
  },
  async "/logout"({ session }) {
    (await session()).destroy();
    return text("logged out");
  },
  async "/regenerate"({ session }) {
    (await session()).regenerate();
    return text("regenerated");
  },
};

/** The page names the error, and shows that the session can be read there. */
async function errorPage(error: unknown, request: object, sessions: Sessions): Promise<Reply> {
  const { status = 500, code = "no code" } = error as { status?: number; code?: string };
  const seen = await sessions.get(request).then(
    (session) => JSON.stringify(session.data["user"] ?? "nobody"),
    () => "no session",
  );
  return text(`error page: ${code}; user: ${seen}`, [], status);
}

/** Resolves after some real time. */
export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
