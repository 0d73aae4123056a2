/** Opens the file store in the processes of the process suite. */

import { join } from "node:path";
import type { Store } from "../../src/core/contracts/store.ts";
import { fileStore } from "../../src/stores/file.ts";
import type { OpenOptions } from "../../src/testing/index.ts";

export function open({ space, now }: OpenOptions, directory: unknown): Store {
  return fileStore({ directory: join(String(directory), space), now });
}
