/** A real Chromium for tests: found, started, and said to be missing where it is. */

import { type Browser, chromium } from "playwright-core";
import { findProgram } from "../../scripts/servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";

const program =
  process.env.CHROMIUM || findProgram("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome");

/** Whether the tests of a file must be skipped. In CI a missing browser is an error instead. */
export const missing: boolean = program
  ? false
  : reportMissing("chromium", "no chromium on the PATH, and CHROMIUM is not set");

/**
 * Starts it, every host but `localhost` led to this machine, and puts it into the table of `npm test`.
 *
 * @param more Arguments for Chromium, besides.
 */
export async function launch(more: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: program as string,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--host-resolver-rules=MAP *.test 127.0.0.1",
      ...more,
    ],
  });
  reportBackend({ backend: "chromium", server: `Chromium ${browser.version()}`, clients: [] });
  return browser;
}
