/** Two experiments beside the race: a request that outlasts the logout, and a store that does not answer. */

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import expressSession from "express-session";

/** What a request came to that changed its session after the logout. */
export interface LateResult {
  readonly status: number;
  /** Whether its response set a cookie. */
  readonly setCookie: boolean;
  /** Who the old cookie is afterwards. */
  readonly then: string;
}

/** What visitors see while the store does not answer. */
export interface OutageResult {
  /** A page that needs the session. */
  readonly needs: { readonly status: number; readonly milliseconds: number; readonly setCookie: boolean };
  /** A page that does not. */
  readonly free: { readonly status: number; readonly milliseconds: number };
  /** Who the visitor is when the store is back. */
  readonly after: string;
}

/** Holds requests until the logout is done. */
export class Lates {
  readonly #held = new Map<string, { arrived: () => void; go: Promise<void> }>();

  /** Called by the slow request once it has its session; resolves after the logout. False for a run that is none. */
  async hold(run: string): Promise<boolean> {
    const one = this.#held.get(run);
    one?.arrived();
    await one?.go;
    return one !== undefined;
  }

  /** Sends the slow request, logs out while it runs, lets it end. */
  async run(send: (run: string) => Promise<Response>, logout: () => Promise<void>): Promise<Response> {
    const run = randomBytes(8).toString("hex");
    const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.#held.set(run, { arrived: arrived.resolve, go: released.promise });
    try {
      const slow = send(run);
      await Promise.race([arrived.promise, slow]);
      await logout();
      released.resolve();
      return await slow;
    } finally {
      released.resolve();
      this.#held.delete(run);
    }
  }
}

/** The same with express-session and its own memory store, on a server of its own: for comparison. */
export async function expressSessionLate(): Promise<LateResult> {
  const lates = new Lates();
  const app = express();
  app.use(expressSession({ secret: "of this comparison", resave: false, saveUninitialized: false }));
  app.use((req, res, next) => {
    const { session } = req;
    const data = session as unknown as { user?: string; cart?: string };
    if (req.path === "/login") data.user = "ada";
    if (req.path === "/logout") return void session.destroy(() => res.end());
    if (req.path === "/whoami") return void res.end(data.user ? `${data.user}, with a session` : "no session found");
    if (!req.path.startsWith("/late/")) return void res.end();
    lates.hold(req.path.slice(6)).then(() => {
      data.cart = "tea";
      res.end();
    }, next);
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const cookie = (await fetch(`${base}/login`)).headers.get("set-cookie")?.split(";")[0] ?? "";
    const get = (path: string): Promise<Response> => fetch(base + path, { headers: { cookie } });
    const late = await lates.run(
      (run) => get(`/late/${run}`),
      async () => void (await get("/logout")),
    );
    const then = await (await get("/whoami")).text();
    return { status: late.status, setCookie: late.headers.has("set-cookie"), then };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Asks for two pages while the store does not answer, and for one of them again afterwards. */
export async function outage(base: string, cookie: string, mark: string): Promise<OutageResult> {
  const timed = async (path: string) => {
    const start = performance.now();
    const response = await fetch(base + path, { headers: { cookie, "x-outage": mark } });
    await response.arrayBuffer();
    const milliseconds = performance.now() - start;
    return { status: response.status, milliseconds, setCookie: response.headers.has("set-cookie") };
  };
  const [needs, free] = await Promise.all([timed("/whoami"), timed("/hours")]);
  const after = await (await fetch(`${base}/whoami`, { headers: { cookie } })).text();
  return { needs, free: { status: free.status, milliseconds: free.milliseconds }, after };
}
