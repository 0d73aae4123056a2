/** What the panel of the page shows its visitor: their last responses, the calls of the store these took, their events. */

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomBytes } from "node:crypto";
import type { Request, RequestHandler } from "express";
import type { SessionEvent, Store } from "sojourn";

/** One response, as the panel shows it. */
export interface Response {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** The methods of the store that were called for it. */
  readonly calls: readonly string[];
  /** The Set-Cookie line, its value cut. */
  readonly setCookie: string | undefined;
}

/** The last responses and events of one browser. */
export interface Log {
  readonly responses: Response[];
  readonly events: SessionEvent[];
}

const most = 6;
const mostVisitors = 500;

/** Keeps a log per visitor. A browser is known by the hash of its id, and stays the same when a response changes the id. */
export class Watch {
  /** A request with this in the header `x-outage` finds a store that does not answer. Only the demo itself knows it. */
  readonly outage: string = randomBytes(16).toString("hex");
  readonly #logs = new Map<string, Log>();
  readonly #now = new AsyncLocalStorage<{ calls: string[]; log: Log; outage: boolean }>();

  /** Notes what each request needed. Mounted before the sessions. */
  readonly middleware: RequestHandler = (req, res, next) => {
    const calls: string[] = [];
    const log = this.logOf(req);
    res.on("finish", () => {
      const setCookie = [res.getHeader("set-cookie") ?? []].flat().map(String)[0];
      add(log.responses, {
        method: req.method,
        path: req.path,
        status: res.statusCode,
        calls,
        setCookie: setCookie?.replace(/=([^;]{6})[^;]+/, "=$1…"),
      });
      for (const key of [keyOf(req.headers.cookie), keyOf(setCookie)]) if (key) this.#logs.set(key, log);
      for (const key of this.#logs.keys()) if (this.#logs.size > mostVisitors) this.#logs.delete(key);
    });
    this.#now.run({ calls, log, outage: req.headers["x-outage"] === this.outage }, next);
  };

  /** The log of the browser that sent a request; empty for a new one. */
  logOf(req: Request): Log {
    return this.#logs.get(keyOf(req.headers.cookie) ?? "") ?? { responses: [], events: [] };
  }

  /** Takes an event for the visitor whose request caused it; give it to `sessions.on`. */
  readonly hear = (event: SessionEvent): void => {
    const log = this.#now.getStore()?.log;
    if (log) add(log.events, event);
  };

  /** The same store, its calls noted for the request that makes them. */
  over<S extends Store>(store: S): S {
    const now = this.#now;
    return new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const request = now.getStore();
          request?.calls.push(String(name));
          return request?.outage ? new Promise(() => {}) : (value.apply(target, args) as unknown);
        };
      },
    });
  }
}

/** Where the store keeps the session of a cookie, as the library finds it: by the hash of the id. */
export function keyOf(cookies = ""): string | undefined {
  const id = /(?:^|;\s*)(?:__Host-)?session=([\w-]{43})(?:;|$)/.exec(cookies)?.[1];
  return id && `session:${createHash("sha256").update(id).digest("base64url")}`;
}

/** Newest first. */
function add<T>(list: T[], one: T): void {
  list.unshift(one);
  list.length = Math.min(list.length, most);
}
