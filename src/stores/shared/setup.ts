/** What a `setup()` could not create though sessions work without it, such as an index. */

import type { Store } from "../../core/contracts/store.ts";

const name = "SetupIncomplete";

/** The error of an incomplete `setup()` after which the store still works, so it is only logged. Its message says what to run, and as which user. */
export function setupIncomplete(message: string, cause: unknown): Error {
  return Object.assign(new Error(message, { cause }), { name });
}

/** Whether a `setup()` rejected with no more than that. */
export function isSetupIncomplete(error: unknown): error is Error {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === name;
}

/** Sets up stores. What one could not create though sessions work without it is a warning. */
export async function setUpAll(
  stores: readonly Pick<Store, "setup">[],
  warn: (message: string) => void,
): Promise<void> {
  const setUp = async (store: Pick<Store, "setup">): Promise<void> => {
    await store.setup?.().catch((error: unknown) => {
      if (!isSetupIncomplete(error)) throw error;
      warn(error.message);
    });
  };
  await Promise.all(stores.map(setUp));
}
