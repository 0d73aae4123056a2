/** Connections that several requests share, and what `sessions.current()` is in their callbacks. */

import { AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import Memcached from "memcached";
import pg from "pg";
import type { Sessions } from "sojourn";
import { expect } from "vitest";
import { type MemcachedServer, startMemcached } from "./memcached-servers.ts";
import { type SqlServer, startPostgres } from "./sql-servers.ts";

export interface PooledData {
  name: string;
}

/** What calls back when the shared connection has answered. */
interface Connection {
  ask(callback: () => void): void;
  close(): unknown;
}

export interface Backends {
  readonly postgres: SqlServer;
  readonly memcached: MemcachedServer;
}

/** Starts what is connected to. */
export async function startBackends(): Promise<Backends> {
  const [postgres, memcached] = await Promise.all([startPostgres(), startMemcached()]);
  return { postgres, memcached };
}

/** By name: opens what is shared, in the context of whoever asks first. */
export const connections: Readonly<Record<string, (backends: Backends) => Connection>> = {
  "a callback of pg": ({ postgres: { host, port, user, database } }) => {
    const pool = new pg.Pool({ host, port, user, database, max: 1 });
    return { ask: (callback) => pool.query("SELECT 1", callback), close: () => pool.end() };
  },
  "a callback of memcached": ({ memcached }) => {
    const client = new Memcached(memcached.address, { poolSize: 1 });
    return { ask: (callback) => client.get("none", callback), close: () => client.end() };
  },
  "a listener of an emitter of the module": () => {
    const emitter = new EventEmitter();
    const timer = setInterval(() => emitter.emit("tick"), 1);
    return { ask: (callback) => void emitter.once("tick", callback), close: () => clearInterval(timer) };
  },
};

/** The name in a session, or why there is none. */
export const nameIn = (session: Promise<{ readonly data: Partial<PooledData> }>): Promise<string> =>
  session.then(({ data }) => data.name ?? "nobody").catch((error: Error) => error.message);

export const ended: unknown = expect.stringMatching(/ has ended\./);

/** A handler that asks for the session in callbacks of a connection, and what its visitors see. */
export function probe(sessions: Sessions<PooledData>, backends: Backends, kind: string) {
  let shared: Connection | undefined;
  return {
    async handle(request: object, path: string, current = () => sessions.current()): Promise<string> {
      if (path.startsWith("/login/")) {
        (await sessions.get(request)).data.name = path.slice(7);
        return "done";
      }
      shared ??= connections[kind]?.(backends);
      const { ask } = shared as Connection;
      const answers = [nameIn(current())];
      await new Promise<void>((resolve) =>
        ask(() => {
          answers.push(nameIn(current()), nameIn(sessions.get(request)));
          resolve();
        }),
      );
      await new Promise<void>((resolve) =>
        ask(
          AsyncResource.bind(() => {
            answers.push(nameIn(current()));
            resolve();
          }),
        ),
      );
      return JSON.stringify(await Promise.all(answers));
    },
    /** Alice's request opens the connection; it has ended when bob and a stranger come. */
    async visit(url: string): Promise<void> {
      const visitor = async (name?: string): Promise<string[]> => {
        const login = name && (await fetch(`${url}/login/${name}`)).headers.getSetCookie()[0]?.split(";")[0];
        return (await (await fetch(`${url}/`, { headers: login ? { cookie: login } : {} })).json()) as string[];
      };
      expect(await visitor("alice")).toEqual(["alice", "alice", "alice", "alice"]);
      expect(await visitor("bob")).toEqual(["bob", ended, "bob", "bob"]);
      expect(await visitor()).toEqual(["nobody", ended, "nobody", "nobody"]);
    },
    close: async () => shared?.close(),
  };
}
