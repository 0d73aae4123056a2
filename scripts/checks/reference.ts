/** The reference is what the doc comments say: every option is on its page, with the default that the code takes. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeReference } from "../docs/reference.ts";
import type { Check } from "../lib.ts";

export const reference: Check = {
  name: "reference",
  about: "docs/reference has every option, method and event, with the default that the code takes",
  async run(root) {
    const { pages, problems } = await makeReference(root);
    const old = pages.filter(
      ({ file, text }) => !existsSync(join(root, file)) || readFileSync(join(root, file), "utf8") !== text,
    );
    return [
      ...problems,
      ...old.map(({ file }) => `${file}: is not what the doc comments say; run npm run docs:reference`),
    ];
  },
};
