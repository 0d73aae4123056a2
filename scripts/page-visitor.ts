/**
 * Does in Chromium what a page tells a person to do in a browser, a line each:
 *
 *     Open http://localhost:3000       see "Hello guest"
 *     Type "ada" into "Name"
 *     Press "Log in"                   see "Hello ada"
 *     In another browser
 */

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findProgram } from "./servers.ts";

const action =
  /^(?:(?:Open (\S+)|Type "([^"]*)" into "([^"]*)"|Check "([^"]*)"|Press "([^"]*)"|In (.*) browser)(?:\s{2,}|$))?(?:\s*see "([^"]*)")?$/;

/** The people of one page, each with a browser of their own. */
export class Visitors {
  readonly #browsers = new Map<string, Page>();
  readonly #contexts: BrowserContext[] = [];
  #browser: Browser | undefined;
  #now = "the first";

  /** Whether a block is of this kind. */
  static takes(code: string): boolean {
    return code.split("\n").every((line) => action.test(line)) && /^Open /m.test(code);
  }

  /** Does all of a block. Rejects at the first line that cannot be done, or whose text does not appear. */
  async follow(code: string): Promise<void> {
    for (const line of code.split("\n")) {
      try {
        await this.#step(line);
      } catch (error) {
        const shown = await this.#browsers
          .get(this.#now)
          ?.innerText("body")
          .catch(() => "");
        throw new Error(`${line.trim()}: ${(error as Error).message}\nThe page shows:\n${shown}`);
      }
    }
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }

  async #step(line: string): Promise<void> {
    const [, url, text, field, box, button, who, seen] = action.exec(line) ?? [];
    if (who) this.#now = who;
    const page = this.#browsers.get(this.#now) ?? (await this.#newPage());
    if (url) await page.goto(url);
    // A form that is pressed before its script runs is sent as without script: that must do as well.
    if (field) {
      const named = page.getByLabel(field, { exact: true }).or(page.getByPlaceholder(field, { exact: true }));
      await named.fill(text ?? "");
    }
    if (box) await page.getByLabel(box, { exact: true }).check();
    if (button) await page.getByRole("button", { name: button, exact: true }).click();
    if (seen) await page.getByText(seen).first().waitFor();
  }

  async #newPage(): Promise<Page> {
    this.#browser ??= await chromium.launch({
      executablePath: process.env.CHROMIUM || (findProgram("chromium", "chromium-browser", "google-chrome") as string),
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
    });
    const context = await this.#browser.newContext();
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    this.#browsers.set(this.#now, page);
    return page;
  }
}
