/** The modules that use `#crypto`, once over each of its twins, so that one test runs over both. */

import { vi } from "vitest";

/** The modules over one twin. */
export interface Twin {
  readonly encrypted: typeof import("../../../src/core/record/encrypted.ts");
  readonly id: typeof import("../../../src/core/client/id.ts");
  readonly keys: typeof import("../../../src/core/bytes/keys.ts");
  readonly token: typeof import("../../../src/core/client/token.ts");
}

async function load(): Promise<Twin> {
  vi.resetModules();
  return {
    encrypted: await import("../../../src/core/record/encrypted.ts"),
    id: await import("../../../src/core/client/id.ts"),
    keys: await import("../../../src/core/bytes/keys.ts"),
    token: await import("../../../src/core/client/token.ts"),
  };
}

const node = await load();
vi.doMock("#crypto", () => import("../../../src/core/bytes/crypto.ts"));
const web = await load();
vi.doUnmock("#crypto");
vi.resetModules();

/** Names and modules, for `describe.each`. */
export const twins: readonly (readonly [string, Twin])[] = [
  ["node:crypto", node],
  ["WebCrypto", web],
];
