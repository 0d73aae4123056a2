/** The entry of the server: the sessions are around Angular's engine. */

import { AngularAppEngine, createRequestHandler } from "@angular/ssr";
import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";

export interface Visits {
  visit(): Promise<string>;
}

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", cookie: { secure: false } });
const engine = new AngularAppEngine();

export const fetch = fetchSessions(sessions)(async (request: Request) => {
  const { pathname } = new URL(request.url);
  const session = () => sessions.get(request);
  const home = () => new Response(null, { status: 303, headers: { location: "/" } });
  if (request.method === "POST" && pathname === "/login") {
    (await session()).login("ada");
    return home();
  }
  if (request.method === "POST" && pathname === "/logout") {
    (await session()).destroy();
    return home();
  }
  if (pathname === "/fail") {
    (await session()).data.visits = 99;
    return new Response("a mistake", { status: 500 });
  }
  const context: Visits = {
    async visit() {
      const found = await session();
      return `${found.subject ?? "guest"}, visit ${found.update("visits", (n = 0) => n + 1)}`;
    },
  };
  return (await engine.handle(request, context)) ?? new Response("not here", { status: 404 });
});
export const reqHandler = createRequestHandler(fetch);
// biome-ignore lint/style/noDefaultExport: how other entries of this test are loaded
export default { fetch };
