/** Opens the store over cachelib's files, in this process and in those of the process suite. */

import { join } from "node:path";
import type { Store } from "../../../src/core/contracts/store.ts";
import { flaskFiles } from "../../../src/flask/files.ts";
import type { OpenOptions } from "../../../src/testing/index.ts";
import { withFormat } from "../../support/bare-layouts.ts";

export function open({ space, now }: OpenOptions, directory: unknown): Store {
  return withFormat(flaskFiles({ directory: join(String(directory), space), now }));
}
