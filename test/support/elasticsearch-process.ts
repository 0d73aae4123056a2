/** What every process of the process suite imports to open an Elasticsearch store of its own. */

import type { Store } from "../../src/core/contracts/store.ts";
import type { OpenOptions } from "../../src/testing/index.ts";
import { openStore } from "./elasticsearch-clients.ts";

export { closeStore as close } from "./elasticsearch-clients.ts";

export function open(options: OpenOptions, args: unknown): Promise<Store> {
  const { through, url } = args as { through: string; url: string };
  return openStore(through, url, options);
}
