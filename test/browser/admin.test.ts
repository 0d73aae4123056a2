/** The page for administrators in a real browser: keyboard only, narrow, without JavaScript, and under attack. */

import { createServer } from "node:http";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { createSessions } from "sojourn";
import { adminPage } from "sojourn/admin";
import { memoryStore } from "sojourn/stores/memory";
import type { RunningApp } from "sojourn/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { apps } from "../admin/apps.ts";
import { visitor } from "../observe/visitor.ts";
import { listen } from "../support/node-app.ts";
import { launch, missing } from "./chromium.ts";

describe.skipIf(missing)("the admin page in Chromium", () => {
  let browser: Browser;
  let app: RunningApp;
  let base: string;
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  const state = { down: false };
  const inner = memoryStore();
  const sessions = createSessions({
    store: { ...inner, page: (options) => (state.down ? Promise.reject(new Error("down")) : inner.page!(options)) },
    warn: false,
    cookie: { secure: false },
    describe: () => ({ label: "Firefox on Linux" }),
  });
  const page = adminPage(sessions, {
    audit: false,
    data: (data) => data,
    async authorize(request) {
      const { subject } = await sessions.get(request);
      return subject === "root" && subject;
    },
  });

  beforeAll(async () => {
    const start = (apps[0] as (typeof apps)[0])[1];
    [app, browser] = await Promise.all([start(sessions as never, page), launch()]);
    base = app.url.replace("127.0.0.1", "localhost");
  });
  afterEach(async () => {
    state.down = false;
    for (const context of contexts.splice(0)) await context.close();
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.close();
  });

  async function administrator(options: BrowserContextOptions = {}, as = "root"): Promise<Page> {
    const context = await browser.newContext(options);
    contexts.push(context);
    const tab = await context.newPage();
    tab.on("pageerror", (error) => complaints.push(error.message));
    tab.on("console", (message) => {
      if (message.type() === "error" && !/status of (403|404|503)/.test(message.text()))
        complaints.push(message.text());
    });
    await tab.goto(`${base}/login?as=${as}`);
    await tab.goto(`${base}/admin`);
    return tab;
  }

  async function users(name: string, count: number): Promise<void> {
    const visit = visitor(sessions);
    for (let at = 0; at < count; at++) await visit((session) => session.login(name), "");
  }

  test("works from the keyboard alone: skip link, search a user, end one session, then all of them", async () => {
    await users("key", 3);
    const tab = await administrator();
    const focused = (): Promise<string> =>
      tab.evaluate(
        () =>
          `${document.activeElement?.tagName} ${document.activeElement?.getAttribute("name") ?? document.activeElement?.textContent}`,
      );
    await tab.keyboard.press("Tab");
    expect(await focused()).toBe("A Skip to the content");
    await tab.keyboard.press("Enter");
    await tab.keyboard.press("Tab");
    expect(await focused()).toBe("INPUT subject");
    await tab.keyboard.type("key");
    await tab.keyboard.press("Enter");
    await tab.getByRole("heading", { name: "Sessions of key" }).waitFor();
    expect(await tab.getByRole("row").count()).toBe(4);
    const until = async (wanted: RegExp): Promise<void> => {
      for (let presses = 0; presses < 40; presses++) {
        const label = await tab.evaluate(
          () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "",
        );
        if (wanted.test(label)) return;
        await tab.keyboard.press("Tab");
      }
      throw new Error(`no ${wanted} was reached`);
    };
    await until(/^End session .+ of key$/);
    await tab.keyboard.press("Enter");
    await tab.getByRole("status").filter({ hasText: "The session has ended." }).waitFor();
    expect(await sessions.list("key")).toHaveLength(2);
    await until(/^End all sessions of key…$/);
    await tab.keyboard.press("Enter");
    await until(/^End all sessions of key$/);
    await tab.keyboard.press("Space");
    await tab.getByRole("status").filter({ hasText: "All sessions of this user have ended." }).waitFor();
    expect(await sessions.list("key")).toHaveLength(0);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`without JavaScript, 390 pixels wide, ${colorScheme}: nothing is cut off, and a session can be viewed and ended`, async () => {
      await users("phone", 2);
      const tab = await administrator({ javaScriptEnabled: false, viewport: { width: 390, height: 800 }, colorScheme });
      await tab.getByLabel("User").fill("phone");
      await tab.getByRole("button", { name: "Search" }).click();
      const widths = async (): Promise<void> => {
        for (const box of await tab.locator("main *:visible").all()) {
          const place = await box.boundingBox();
          if (place) expect(place.x + place.width).toBeLessThanOrEqual(391);
        }
      };
      await widths();
      expect(
        (
          await tab
            .getByRole("button", { name: /^End session/ })
            .first()
            .boundingBox()
        )?.height,
      ).toBeGreaterThanOrEqual(44);
      await tab.locator("td a.handle").first().click();
      await tab.getByRole("heading", { name: "Data" }).waitFor();
      await widths();
      await tab.getByRole("button", { name: /^End this session/ }).click();
      await tab.getByRole("status").filter({ hasText: "The session has ended." }).waitFor();
      expect(await sessions.list("phone")).toHaveLength(1);
      await sessions.revoke("phone");
    });
  }

  test("gives a screen reader one h1, named fields, tables with headers and a landmark", async () => {
    await users("reader", 1);
    const tab = await administrator({ viewport: { width: 390, height: 800 } });
    expect(await tab.getByRole("heading", { level: 1 }).count()).toBe(1);
    expect(await tab.getByRole("main").count()).toBe(1);
    expect(await tab.getByRole("search").count()).toBe(1);
    for (const name of ["User", "Session handle"])
      expect(await tab.getByRole("textbox", { name, exact: true }).count()).toBe(1);
    // Rows are blocks here; they are rows all the same.
    expect(await tab.getByRole("cell").count()).toBeGreaterThan(5);
    expect(await tab.getByRole("columnheader").count()).toBeGreaterThan(5);
    expect(await tab.locator("html").getAttribute("lang")).toBe("en");
    await sessions.revoke("reader");
  });

  test("has a contrast of at least 4.5 to 1 in light and dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const tab = await administrator({ colorScheme });
      const ratios = await tab.evaluate(() => {
        const [probe, canvas] = [document.createElement("p"), document.createElement("canvas")];
        document.body.append(probe);
        const paint = canvas.getContext("2d") as CanvasRenderingContext2D;
        const light = (name: string): number => {
          probe.style.color = `var(${name})`;
          paint.fillStyle = getComputedStyle(probe).color;
          paint.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
          }) as [number, number, number];
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        return ["--ink", "--soft", "--accent", "--bad"].flatMap((ink) =>
          ["--paper", "--bar"].map((paper) => {
            const [one, other] = [light(ink), light(paper)].sort((a, b) => b - a) as [number, number];
            return (one + 0.05) / (other + 0.05);
          }),
        );
      });
      for (const ratio of ratios) expect(ratio).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("a page on another port, which gets the cookie, cannot end a session through an administrator's browser", async () => {
    await users("victim", 1);
    const form = `<form method="post" action="${base}/admin"><input name="act" value="end-subject"><input name="subject" value="victim"></form><script>document.forms[0].submit()</script>`;
    const evil = await listen(createServer((_, res) => res.setHeader("content-type", "text/html").end(form)));
    try {
      const tab = await administrator();
      const refused = tab.waitForResponse((response) => response.request().method() === "POST");
      await tab.goto(evil.url.replace("127.0.0.1", "localhost"));
      const answer = await refused;
      expect(answer.status()).toBe(403);
      expect((await answer.request().allHeaders())["cookie"]).toContain("session=");
      expect(await sessions.list("victim")).toHaveLength(1);
    } finally {
      await evil.close();
      await sessions.revoke("victim");
    }
  });

  test("cannot be framed, runs no script and sends nothing elsewhere", async () => {
    const frame = await listen(
      createServer((_, res) => res.setHeader("content-type", "text/html").end(`<iframe src="${base}/admin"></iframe>`)),
    );
    try {
      const tab = await administrator();
      await tab.goto(frame.url.replace("127.0.0.1", "localhost"));
      const framed = tab.frames()[1];
      await framed?.waitForLoadState();
      expect(await framed?.content()).not.toContain("live sessions");
      complaints.splice(0);
    } finally {
      await frame.close();
    }
  });

  test("shows nothing to others than administrators; when the store is down, says so and recovers", async () => {
    const other = await administrator({}, "ada");
    expect((await other.locator("body").innerText()).trim()).toBe("You may not do this.");
    const tab = await administrator();
    state.down = true;
    await tab.reload();
    await tab.getByRole("alert").filter({ hasText: "ERR_SESSION_STORE_UNAVAILABLE" }).waitFor();
    state.down = false;
    await tab.getByRole("link", { name: "Try again" }).click();
    await tab.getByText("live sessions").waitFor();
  });
});
