/** Vitest's threads under Deno: at their end they call what Deno does not have, and the run would fail for that alone. */

import { parentPort } from "node:worker_threads";

if (parentPort && "Deno" in globalThis)
  parentPort.removeAllListeners = () => parentPort as NonNullable<typeof parentPort>;
