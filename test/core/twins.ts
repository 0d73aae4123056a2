/** The modules that use `#crypto`, once over each of its twins, so that one test runs over both. */

import { vi } from "vitest";

/** The modules over one twin. */
export interface Twin {
  readonly encrypted: typeof import("../../src/core/encrypted.ts");
  readonly id: typeof import("../../src/core/id.ts");
  readonly keys: typeof import("../../src/core/keys.ts");
  readonly token: typeof import("../../src/core/token.ts");
}

async function load(): Promise<Twin> {
  vi.resetModules();
  return {
    encrypted: await import("../../src/core/encrypted.ts"),
    id: await import("../../src/core/id.ts"),
    keys: await import("../../src/core/keys.ts"),
    token: await import("../../src/core/token.ts"),
  };
}

const node = await load();
vi.doMock("#crypto", () => import("../../src/core/crypto.ts"));
const web = await load();
vi.doUnmock("#crypto");
vi.resetModules();

/** Names and modules, for `describe.each`. */
export const twins: readonly (readonly [string, Twin])[] = [
  ["node:crypto", node],
  ["WebCrypto", web],
];
