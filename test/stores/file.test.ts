/** The file store passes the store suite, and what only it has. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { fileStore } from "../../src/stores/file.ts";
import { describeStore } from "../support/store-tests.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-file-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describeStore({
  name: "file",
  sample: fileStore({ directory: root }),
  open: ({ now, space }) => fileStore({ directory: join(root, space), now }),
});
