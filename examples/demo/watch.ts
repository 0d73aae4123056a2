/** What the panel of the page shows: the last responses, the calls of the store they took, and the last events. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { RequestHandler } from "express";
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

const most = 6;

/** Keeps the last responses and events, of all visitors: nothing of it would let anybody in. */
export class Watch {
  readonly responses: Response[] = [];
  readonly events: SessionEvent[] = [];
  readonly #calls = new AsyncLocalStorage<string[]>();

  /** Notes what each request needed. Mounted before the sessions. */
  readonly middleware: RequestHandler = (req, res, next) => {
    const calls: string[] = [];
    res.on("finish", () => {
      const setCookie = [res.getHeader("set-cookie") ?? []].flat().map(String)[0];
      add(this.responses, {
        method: req.method,
        path: req.path,
        status: res.statusCode,
        calls,
        setCookie: setCookie?.replace(/=([^;]{6})[^;]+/, "=$1…"),
      });
    });
    this.#calls.run(calls, next);
  };

  /** Takes an event; give it to `sessions.on`. */
  readonly hear = (event: SessionEvent): void => add(this.events, event);

  /** The same store, its calls noted for the request that makes them. */
  over<S extends Store>(store: S): S {
    const note = (method: string): unknown => this.#calls.getStore()?.push(method);
    return new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          note(String(name));
          return value.apply(target, args) as unknown;
        };
      },
    });
  }
}

/** Newest first. */
function add<T>(list: T[], one: T): void {
  list.unshift(one);
  list.length = Math.min(list.length, most);
}
