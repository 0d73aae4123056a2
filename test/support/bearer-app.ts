/** The framework suite over `transport: bearer()`: a client that turns cookies of its jar into `Authorization`, and tokens into cookies. */

import { bearer, handOut } from "sojourn/bearer";
import type { FrameworkHarness, Reply, TrialApp } from "sojourn/testing";
import { Sessions } from "../../src/core/request/sessions.ts";
import { fetchApp, fetchLacks } from "./fetch-app.ts";
import { listenFetch } from "./fetch-server.ts";

const name = "__Host-session";
const attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";

/** The application, whose handlers hand out what is new, in a header of their own. */
function handingOut(app: TrialApp): TrialApp {
  const [sessions] = app.sessions as [TrialApp["sessions"][0]];
  const used = new WeakSet<object>();
  const get = sessions.get.bind(sessions);
  sessions.get = (request: object) => {
    used.add(request);
    return get(request);
  };
  return {
    ...app,
    async handle(request, url, body): Promise<Reply> {
      const reply = await app.handle(request, url, body);
      if (!used.has(request) || (reply.status ?? 200) >= 500) return reply;
      // What the handler caught is its own matter.
      const session = await get(request).catch(() => undefined);
      if (!session) return reply;
      const token = await handOut(session);
      return token === undefined ? reply : { ...reply, headers: [...(reply.headers ?? []), ["x-token", token]] };
    },
  };
}

/** What a client without cookies does, for a suite whose client has them. */
function withTokens(app: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  return async (request) => {
    const headers = new Headers(request.headers);
    const token = new RegExp(`${name}=([^;]*)`).exec(headers.get("cookie") ?? "")?.[1];
    headers.delete("cookie");
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    const response = await app(new Request(request, { headers }));
    const answered = new Headers(response.headers);
    const vary = answered.get("vary")?.replace("Authorization", "Cookie");
    if (vary !== undefined) answered.set("vary", vary);
    const next = answered.get("x-token");
    answered.delete("x-token");
    if (next !== null) answered.append("set-cookie", `${name}=${next}${attributes}`);
    // A client forgets its token when it logs out.
    else if (new URL(request.url).pathname === "/logout" && response.ok)
      answered.append("set-cookie", `${name}=; Max-Age=0${attributes}`);
    return new Response(response.body, { status: response.status, headers: answered });
  };
}

/** Fetch handlers over the `Authorization` header. */
export const bearerHarness: FrameworkHarness = {
  name: "fetch handler over Authorization: Bearer",
  lacks: fetchLacks,
  sessions: ({ cookie: _, ...options }) => new Sessions({ ...options, transport: bearer() }),
  start: (app) => listenFetch(withTokens(fetchApp(handingOut(app)))),
};
