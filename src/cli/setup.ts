/** `sojourn setup`: creates what the stores need and is not there. */

import type { Store } from "../core/contracts/store.ts";
import { StoreFailure } from "./cleanup.ts";
import type { Terminal } from "./terminal.ts";

/** Sets up one store after the other. */
export async function setup(
  stores: readonly Store[],
  { json }: { readonly json: boolean },
  { stdout }: Pick<Terminal, "stdout">,
): Promise<void> {
  for (const store of stores) {
    await store.setup?.().catch((error: unknown) => {
      throw new StoreFailure(`${store.name}: what it needs could not be created`, { cause: error });
    });
    const said = store.setup ? "what it needs is there" : "needs nothing to be created";
    if (!json) stdout.write(`${store.name}: ${said}\n`);
  }
  const done = stores.map(({ name, setup }) => ({ store: name, needed: setup !== undefined }));
  if (json) stdout.write(`${JSON.stringify({ stores: done })}\n`);
}
