/** What every process of the process suite imports to open a DynamoDB store of its own. */

import type { Store } from "../../src/core/contracts/store.ts";
import type { OpenOptions } from "../../src/testing/index.ts";
import { openStore } from "./dynamodb-harness.ts";

export { closeStore as close } from "./dynamodb-harness.ts";

export function open(options: OpenOptions, args: unknown): Promise<Store> {
  return openStore((args as { endpoint: string }).endpoint, options);
}
