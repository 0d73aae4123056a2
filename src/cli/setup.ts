/** `sojourn setup`: creates the tables, indexes and collections that are missing. */

import type { Store } from "../core/contracts/store.ts";
import { isSetupIncomplete } from "../stores/shared/setup.ts";
import { StoreFailure } from "./cleanup.ts";
import type { Command } from "./command.ts";
import { jsonLine, type Terminal } from "./terminal.ts";

export const setupCommand: Command = {
  name: "setup",
  about: "create missing tables, indexes and collections",
  async run(call) {
    await setup((await call.load()).stores, call, call);
  },
};

/** Sets up one store after the other. */
async function setup(
  stores: readonly Store[],
  { json }: { readonly json: boolean },
  { stdout, stderr }: Terminal,
): Promise<void> {
  for (const store of stores) {
    await store.setup?.().catch((error: unknown) => {
      if (!isSetupIncomplete(error)) throw new StoreFailure(`${store.name}: set-up failed`, { cause: error });
      // Sessions work without it.
      stderr.write(`${store.name}: ${error.message}\n`);
    });
    if (!json) stdout.write(`${store.name}: ${store.setup ? "ready" : "ready, it needs no set-up"}\n`);
  }
  const done = stores.map(({ name, setup }) => ({ store: name, needed: setup !== undefined }));
  if (json) stdout.write(jsonLine({ stores: done }));
}
