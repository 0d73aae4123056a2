/** Runs in workerd: the store suite over D1. */

import { type D1Client, sqlStore } from "../../../src/stores/sql.ts";
import { storeConformance } from "../../../src/testing/store-conformance.ts";
import { runCase } from "./cases.ts";

const worker = {
  async fetch(request: Request, { DB: client }: { DB: D1Client }): Promise<Response> {
    const cases = storeConformance({
      name: "D1",
      sample: sqlStore({ client }),
      async open({ space, now }) {
        const store = sqlStore({ client, table: space, now });
        await store.setup?.();
        return store;
      },
    });
    return runCase(cases, new URL(request.url).searchParams);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { worker as default };
