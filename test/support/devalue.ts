/** The serialiser of SvelteKit: the copy of devalue that SvelteKit itself loads. */

import { createRequire } from "node:module";

interface Devalue {
  stringify(value: unknown): string;
  parse(text: string): unknown;
  uneval(value: unknown): string;
}

const ofKit = createRequire(createRequire(import.meta.url).resolve("@sveltejs/kit/package.json"));

export const devalue: Devalue = ofKit("devalue") as Devalue;
