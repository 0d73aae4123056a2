/** The demo in a real browser: what a person does with it, with and without JavaScript, in one tab and in two. */

import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Program, scratch, startDemo } from "../examples/demo-process.ts";
import { launch, missing } from "./chromium.ts";

describe.skipIf(missing)("the demo in Chromium", () => {
  let browser: Browser;
  let program: Program;
  let base: string;
  let directory: Awaited<ReturnType<typeof scratch>>;
  const contexts: BrowserContext[] = [];
  /** What the browser complained of: script errors, refused resources, a broken content security policy. */
  const complaints: string[] = [];

  beforeAll(async () => {
    directory = await scratch();
    program = startDemo(directory.path);
    [base, browser] = await Promise.all([program.url, launch()]);
  });

  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await program?.stop();
    await directory?.remove();
  });

  /** A browser of somebody new, on the demo. */
  async function visitor(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    contexts.push(context);
    return tab(context);
  }

  async function tab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(base);
    return page;
  }

  const says = async (page: Page, text: string): Promise<void> =>
    page.locator("#notice", { hasText: text }).waitFor({ state: "attached" });
  const greets = (page: Page, name: string): Promise<void> =>
    page.getByRole("heading", { name: `Hello, ${name}` }).waitFor();
  const inCart = (page: Page, article: string): Promise<string> =>
    page.getByLabel(`${article} in the cart`).innerText();

  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
      test("a guest shops, logs in, goes on shopping and logs out: then the cookie is another and the cart empty", async () => {
        const page = await visitor({ javaScriptEnabled });
        await page.click("#add-tea");
        await says(page, "Assam tea is in your cart.");
        const [guest] = await page.context().cookies();
        expect(guest).toMatchObject({ name: "session", httpOnly: true, secure: false, sameSite: "Lax", expires: -1 });

        await page.click("#login-ada");
        await greets(page, "Ada");
        const [ada] = await page.context().cookies();
        expect(ada?.value).not.toBe(guest?.value);
        expect(await inCart(page, "Assam tea")).toBe("1");
        await page.click("#add-pot");
        await says(page, "Iron teapot is in your cart.");

        await page.click("#logout");
        await says(page, "You are logged out.");
        await greets(page, "guest");
        const after = await page.context().cookies();
        expect(after.map(({ value }) => value)).not.toContain(ada?.value);
        expect(await inCart(page, "Assam tea")).toBe("0");
      });

      test("the race keeps 100 of 100 changes and counts to exactly 100", async () => {
        const page = await visitor({ javaScriptEnabled });
        await page.click("#race-all");
        const result = page.locator(".result", { hasText: "sojourn" });
        await result.getByText("100 of 100 kept · counter 100").waitFor();
        expect(await result.locator(".kept").count()).toBe(100);
      });

      test("devices are listed and ended", async () => {
        const page = await visitor({ javaScriptEnabled });
        await page.click("#login-katherine");
        await greets(page, "Katherine");
        await page.click("#add-device");
        await says(page, "A second browser is logged in");
        await page.click("#end-others");
        await says(page, "ended");
        expect(await page.locator("#devices li").count()).toBe(1);
        expect(await page.locator("#devices li").innerText()).toContain("this one");
      });
    });
  }

  test("the race that the page itself sends keeps 100 of 100 too", async () => {
    const page = await visitor();
    await page.click("#race-page");
    await page.getByText("100 of 100 kept · counter 100").waitFor();
    expect(await page.locator(".grid .kept").count()).toBe(100);
    // The browser's own limit of connections, not ours: the button that sends from the server shows more.
    expect(await page.locator("#race-result").innerText()).toMatch(/up to [2-9] under way at once/);
  });

  test("a login that is to be remembered has a cookie with a lifetime, which the logout removes", async () => {
    const page = await visitor();
    await page.check("[name=keep]");
    await page.click("#login-grace");
    await greets(page, "Grace");
    const [kept] = await page.context().cookies();
    expect(kept?.expires).toBeGreaterThan(Date.now() / 1000 + 1700);
    await page.click("#logout");
    await greets(page, "guest");
    const [guest] = await page.context().cookies();
    expect(guest?.expires).toBe(-1);
  });

  test("scripts see no cookie, and the panel shows neither id nor token", async () => {
    const page = await visitor();
    await page.click("#login-ada");
    await greets(page, "Ada");
    expect(await page.evaluate("document.cookie")).toBe("");
    const [cookie] = await page.context().cookies();
    await page.locator("#panel").getByText("POST /login").first().waitFor();
    expect(await page.content()).not.toContain(cookie?.value as string);
  });

  test("everything works from the keyboard, and focus stays where it was", async () => {
    const page = await visitor();
    await page.locator("#login-ada").focus();
    await page.keyboard.press("Enter");
    await greets(page, "Ada");
    await page.locator("#add-cup").focus();
    await page.keyboard.press("Enter");
    await says(page, "Porcelain cup is in your cart.");
    expect(await page.evaluate("document.activeElement.id")).toBe("add-cup");
  });

  test("a login in one tab is a login in the other, and so is a logout", async () => {
    const first = await visitor();
    const second = await tab(first.context());
    await first.click("#login-ada");
    await greets(first, "Ada");
    await second.click("#add-tea");
    await greets(second, "Ada");
    await second.click("#logout");
    await greets(second, "guest");
    await first.click("#add-pot");
    await greets(first, "guest");
    expect(await inCart(first, "Assam tea")).toBe("0");
    expect(await first.context().cookies()).toHaveLength(1);
  });

  test("two tabs that log in and out at the same moment end in one state that both show", async () => {
    const first = await visitor();
    const second = await tab(first.context());
    for (let round = 0; round < 3; round++) {
      await Promise.all([first.click("#login-ada"), second.click("#login-grace")]);
      await Promise.all([settled(first), settled(second)]);
      await Promise.all([first.reload(), second.reload()]);
      const names = await Promise.all([first, second].map((page) => page.innerText("#you-title")));
      expect(names[0]).toBe(names[1]);
      if (names[0] === "Hello, guest") continue;
      await Promise.all([first.click("#logout"), second.click("#logout")]);
      await Promise.all([settled(first), settled(second)]);
      await Promise.all([first.reload(), second.reload()]);
      expect(await Promise.all([first, second].map((page) => page.innerText("#you-title")))).toEqual([
        "Hello, guest",
        "Hello, guest",
      ]);
    }
  });

  test("a phone whose session is ended on a laptop notices by itself", async () => {
    const [phone, laptop] = [await visitor({ viewport: { width: 390, height: 844 } }), await visitor()];
    for (const page of [phone, laptop]) {
      await page.click("#login-ada");
      await greets(page, "Ada");
    }
    await laptop.click("#end-others");
    await says(phone, "You were logged out on another device or tab.");
    await greets(phone, "guest");
  });

  test("the time left counts down", async () => {
    const page = await visitor();
    await page
      .getByText(/^in 29:5[0-7]$/)
      .first()
      .waitFor();
  });

  test.each([
    { width: 1280, height: 900 },
    { width: 390, height: 844 },
  ])("the notice does not cover the record at $width pixels", async (viewport) => {
    const page = await visitor({ viewport });
    const record = page.locator("#panel pre");
    await record.evaluate((element) => element.scrollIntoView({ block: "center" }));
    await page.click("#replay");
    await says(page, "The stored key was sent back");
    const [notice, covered] = [await page.locator("#notice").boundingBox(), await record.boundingBox()];
    if (!notice || !covered) throw new Error("both are there");
    const beside = notice.x + notice.width <= covered.x;
    expect(beside || notice.y + notice.height <= covered.y || covered.y + covered.height <= notice.y).toBe(true);
  });

  test("nothing overflows on a phone, in light or dark mode", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await visitor({ viewport: { width: 360, height: 740 }, colorScheme });
      await page.click("#login-ada");
      await greets(page, "Ada");
      await page.click("#race-all");
      await page.getByText("100 of 100 kept").waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    }
  });

  /** Until the page has shown what came. */
  async function settled(page: Page): Promise<void> {
    await page.locator("[aria-busy]").waitFor({ state: "detached" });
    await page.waitForLoadState("networkidle");
  }
});
