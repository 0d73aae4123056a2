/** Runs in workerd: sessions in KV, one of whose writes takes three seconds when a request asks for it. */

import { fetchSessions } from "../../../src/frameworks/fetch.ts";
import { createSessions } from "../../../src/index.ts";
import { cloudflareKvStore, type KvNamespaceClient } from "../../../src/stores/cloudflare-kv.ts";

type Worker = (request: Request) => Promise<Response>;
let slow = false;
let worker: Worker | undefined;

/** One for the isolate, as an application has it. */
function make(kv: KvNamespaceClient): Worker {
  const namespace: KvNamespaceClient = {
    get: (key) => kv.get(key),
    delete: (key) => kv.delete(key),
    list: (options) => kv.list(options),
    async put(...values) {
      if (slow) {
        slow = false;
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
      await kv.put(...values);
    },
  };
  const sessions = createSessions<{ a: string }>({
    name: "slow",
    store: cloudflareKvStore({ namespace }),
    warn: () => {},
  });
  return fetchSessions(sessions)(async (request: Request) => {
    const { searchParams: query, pathname } = new URL(request.url);
    const session = await sessions.get(request);
    if (pathname === "/logout") session.destroy();
    else if (query.has("a")) session.data.a = query.get("a") as string;
    slow = pathname === "/slow";
    return new Response(session.subject ?? `${session.data.a}`);
  });
}

const program = {
  fetch(request: Request, { SESSIONS }: { SESSIONS: KvNamespaceClient }): Promise<Response> {
    worker ??= make(SESSIONS);
    return worker(request);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { program as default };
