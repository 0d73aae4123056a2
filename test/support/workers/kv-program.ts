/** Runs in workerd: the store suite over KV, as it claims to be, and as it is within one Worker. */

import { cloudflareKvStore, type KvNamespaceClient } from "../../../src/stores/cloudflare-kv.ts";
import { storeConformance } from "../../../src/testing/store-conformance.ts";
import { runCase } from "./cases.ts";
import { withinOneProcess } from "./one-process.ts";

const worker = {
  async fetch(request: Request, { SESSIONS: namespace }: { SESSIONS: KvNamespaceClient }): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const as = searchParams.has("alone") ? withinOneProcess : <Same>(store: Same): Same => store;
    const cases = storeConformance({
      name: "KV",
      sample: as(cloudflareKvStore({ namespace })),
      open: ({ space, now }) => as(cloudflareKvStore({ namespace, prefix: `${space}:`, now })),
    });
    return runCase(cases, searchParams);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { worker as default };
