/** A file that has outgrown its bound is about more than one thing: split it by what it is about, never by length alone. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, filesBelow } from "../lib.ts";

/** Lines. */
const most = 300;
/** The class that every application holds, of which two thirds are doc comments. */
const longer: Readonly<Record<string, number>> = {
  "src/core/request/sessions.ts": 340,
};

export const lengths: Check = {
  name: "length",
  about: `no file of src has more than ${most} lines, but for ${Object.keys(longer).length}`,
  run(root) {
    return filesBelow(root, "src", ".ts").flatMap((file) => {
      const lines = readFileSync(join(root, file), "utf8").split("\n").length - 1;
      return lines > (longer[file] ?? most)
        ? [`${file}:${most}: has ${lines} lines: move what it is also about to a file of its own`]
        : [];
    });
  },
};
