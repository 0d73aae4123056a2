/** Runs in workerd: the store suite over a Durable Object, and what is to be seen of the object itself. */

import {
  type DurableObjectNamespaceClient,
  durableObjectStore,
  SessionsObject,
  type SessionsObjectState,
} from "../../../src/stores/durable-objects.ts";
import { storeConformance } from "../../../src/testing/store-conformance.ts";
import { runCase } from "./cases.ts";

/** Also tells of its alarm, and lets it ring. */
export class WatchedObject extends SessionsObject {
  readonly #storage: SessionsObjectState["storage"];

  constructor(state: SessionsObjectState) {
    super(state);
    this.#storage = state.storage;
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/ring") await this.alarm();
    if (pathname === "/") return super.fetch(request);
    const rows = [...this.#storage.sql.exec("SELECT key FROM records ORDER BY key").raw()].flat();
    return Response.json({ alarm: await this.#storage.getAlarm(), rows });
  }
}

const worker = {
  async fetch(
    request: Request,
    { SESSIONS: namespace }: { SESSIONS: DurableObjectNamespaceClient },
  ): Promise<Response> {
    const cases = storeConformance({
      name: "Durable Objects",
      sample: durableObjectStore({ namespace }),
      open: ({ space, now }) => durableObjectStore({ namespace, object: space, now }),
    });
    return runCase(cases, new URL(request.url).searchParams);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { worker as default };
