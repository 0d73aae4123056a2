/** Visits, login and logout with tRPC, on its standalone server. */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { initTRPC } from "@trpc/server";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import { createSessions, type Session } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";

interface Data {
  visits: number;
}

const sessions = createSessions<Data>({ idleTimeout: "30m", absoluteTimeout: "12h" });

interface Context {
  session(): Promise<Session<Data>>; // loaded on first use
}
const createContext = ({ req }: { req: IncomingMessage }): Context => ({ session: () => sessions.get(req) });

const t = initTRPC.context<Context>().create();
const router = t.router({
  home: t.procedure.query(async ({ ctx }) => {
    const session = await ctx.session();
    const visits = session.update("visits", (n = 0) => n + 1);
    return `${session.subject ?? "guest"}, visit ${visits}`;
  }),
  login: t.procedure.mutation(async ({ ctx }) => {
    (await ctx.session()).login("ada"); // after your own check; the id is renewed
  }),
  logout: t.procedure.mutation(async ({ ctx }) => {
    (await ctx.session()).destroy();
  }),
});
export type AppRouter = typeof router;

const withSessions = nodeSessions(sessions);
const server = createServer(withSessions(createHTTPHandler({ router, createContext })));
server.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
