/** Runs in workerd without any of Node's modules: the store suite over memory, and sessions whose record is their cookie. */

import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { storeConformance } from "../../../src/testing/store-conformance.ts";
import { runCase } from "./cases.ts";

const cases = storeConformance({ name: "memory", sample: memoryStore(), open: ({ now }) => memoryStore({ now }) });
const secrets = "a secret of at least 32 characters, really";
const sessions = createSessions<{ visits: number }>({ store: cookieStore({ secrets, revocations: memoryStore() }) });

const visit = fetchSessions(sessions)(async (request) => {
  const session = await sessions.get(request);
  if (request.url.endsWith("/login")) session.login("ada");
  if (request.url.endsWith("/revoke")) await sessions.revoke("ada");
  const visits = request.url.endsWith("/visit") ? session.update("visits", (n = 0) => n + 1) : session.data.visits;
  return Response.json({ visits, subject: session.subject });
});

/** `/case?name=…&group=…` runs one case; the rest is the application. */
const worker = {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    return pathname === "/case" ? runCase(cases, searchParams) : visit(request);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { worker as default };
