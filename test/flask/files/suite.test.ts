/** The store over cachelib's files passes the store suite and the process suite. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { reportBackend } from "../../support/report.ts";
import { describeProcesses, describeStore } from "../../support/store-tests.ts";
import { open } from "./files-process.ts";

reportBackend({ backend: "flask-files", server: "none (files of this machine)" });

const root = mkdtempSync(join(tmpdir(), "sojourn-flask-files-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const sample = open({ space: "sample", now: Date.now }, root);
describeStore({ name: "flask-files", sample, open: (options) => open(options, root) });
describeProcesses({
  name: "flask-files",
  sample,
  module: new URL("files-process.ts", import.meta.url),
  args: root,
});
