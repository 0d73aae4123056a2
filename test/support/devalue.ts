/** The serialiser of SvelteKit: the copy of devalue that SvelteKit itself loads. */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

interface Devalue {
  stringify(value: unknown): string;
  parse(text: string): unknown;
  uneval(value: unknown): string;
}

const ofKit = createRequire(fileURLToPath(import.meta.resolve("@sveltejs/kit")));

export const devalue: Devalue = ofKit("devalue") as Devalue;
