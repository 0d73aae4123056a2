/** The page's watch over its session: "ends in 2 minutes" in two tabs of Chromium, an offer to stay, and the end. */

import { createServer } from "node:http";
import { build } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore } from "sojourn/testing";
import { timeLeft } from "sojourn/time-left";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { listen } from "../support/node-app.ts";
import { launch, missing } from "./chromium.ts";

/** As a bundler gives it to a page. */
const { outputFiles, metafile } = await build({
  stdin: { contents: 'export { watchTimeLeft } from "./src/time-left.ts";', resolveDir: projectRoot },
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "esm",
  platform: "browser",
});
const script = outputFiles[0]?.contents ?? new Uint8Array();

test("a page loads one file of less than 2 KB minified", () => {
  expect(Object.keys(metafile.inputs).filter((file) => file !== "<stdin>")).toEqual(["src/time-left.ts"]);
  expect(script.length).toBeGreaterThan(500);
  expect(script.length).toBeLessThan(2048);
});

const page = `<!doctype html><html lang="en_US"><title>starting</title><button hidden>Stay</button><script type="module">
  import { watchTimeLeft } from "/watch.js";
  const button = document.querySelector("button");
  window.titles = [];
  window.waiting = 0;
  watchTimeLeft({
    url: "/session",
    stayUrl: "/session/stay",
    fetch: (...request) => (waiting++, fetch(...request).finally(() => waiting--)),
    show(state) {
      document.title = state.is === "ending" ? "ends " + state.when : state.is;
      titles.push(document.title);
      button.hidden = !state.stay;
      button.onclick = state.stay;
    },
  });
</script></html>`;

describe("the answer of the status route", () => {
  test("is in whole seconds, rounded up: 0 means over", () => {
    const session = { subject: "ada", expiresAt: 61_001, endsAt: undefined };
    expect(timeLeft(session, 1000)).toEqual({ left: 61, atMost: null });
    expect(timeLeft(session, 61_000)).toEqual({ left: 1, atMost: null });
    expect(timeLeft(session, 70_000)).toEqual({ left: 0, atMost: null });
  });

  test("is over for a guest, who may have a session", () => {
    expect(timeLeft({ subject: undefined, expiresAt: 90_000, endsAt: 90_000 }, 0)).toEqual({ left: 0, atMost: 0 });
  });
});

describe.skipIf(missing)("Chromium", () => {
  const start = Date.now();
  const clock = { now: start };
  const now = () => clock.now;
  const store = countedStore(memoryStore({ now }));
  const sessions = createSessions({
    store,
    now,
    cookie: { secure: false },
    idleTimeout: "10m",
    absoluteTimeout: "15m",
    warn: false,
  });
  const server = { asked: 0, down: false, held: undefined as Promise<void> | undefined };
  const http = createServer(
    nodeSessions(sessions)(async (req, res) => {
      if (req.url === "/watch.js") return void res.setHeader("content-type", "text/javascript").end(script);
      if (req.url?.startsWith("/session")) {
        server.asked++;
        if (server.down) return void res.writeHead(502).end("<h1>Bad gateway</h1>");
        if (req.url === "/session") sessions.restrict(req, "no-touch");
        const session = await sessions.get(req);
        if (req.url === "/session/stay" && req.method === "POST") await session.save();
        const answer = JSON.stringify(timeLeft(session, now()));
        if (req.url === "/session") await server.held;
        return void res.end(answer);
      }
      const session = await sessions.get(req);
      if (req.url === "/login") session.login("ada");
      if (req.url === "/logout") session.destroy();
      res.setHeader("content-type", "text/html").end(req.url === "/logout" ? "Bye." : page);
    }),
  );
  let browser: Browser;
  let app: Awaited<ReturnType<typeof listen>>;
  let context: BrowserContext;
  beforeAll(async () => {
    app = await listen(http);
    browser = await launch();
  });
  afterEach(async () => {
    server.down = false;
    await context?.close();
  });
  afterAll(async () => {
    await browser?.close();
    await app?.close();
  });

  /** Two tabs of a browser whose clock stands still, and is wrong, with a user who has just logged in. */
  async function twoTabs(): Promise<readonly [Page, Page]> {
    clock.now = start;
    context = await browser.newContext({ locale: "en-US" });
    await context.clock.install({ time: new Date("2001-09-09T01:46:40Z") });
    await context.clock.pauseAt(new Date("2001-09-09T01:47:00Z"));
    const tabs = [await context.newPage(), await context.newPage()] as const;
    await tabs[0].goto(`${app.url}/login`);
    await tabs[1].goto(app.url);
    await both(tabs, "alive");
    return tabs;
  }
  /** Time passes, here and there, in steps at whose end every request is answered: one is off by a step at most. */
  async function pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 5) {
      const step = Math.min(left, 5) * 1000;
      clock.now += step;
      await context.clock.runFor(step);
      for (const tab of context.pages()) {
        await vi.waitFor(async () => expect(await tab.evaluate("window.waiting ?? 0")).toBe(0), { timeout: 20_000 });
      }
    }
  }
  const becomes = (tab: Page, title: string | RegExp) =>
    vi.waitFor(async () => expect(await tab.title()).toMatch(title), { timeout: 20_000, interval: 20 });
  const both = (tabs: readonly [Page, Page], title: string | RegExp) =>
    Promise.all(tabs.map((tab) => becomes(tab, title)));
  const nearly = (most: number): RegExp =>
    new RegExp(`^ends in (${Array.from({ length: 7 }, (_, less) => most - less).join("|")}) seconds$`);
  const titles = (tab: Page): Promise<string[]> => tab.evaluate("titles.splice(0)");

  test("two tabs warn, one extends for both, and both show the end; watching extends and writes nothing", async () => {
    const tabs = await twoTabs();
    await pass(470);
    await both(tabs, "alive");
    store.reset();
    await pass(15);
    await both(tabs, "ends in 2 minutes");
    await pass(55);
    await both(tabs, nearly(60));
    expect(Object.keys(store.calls)).toEqual(["read"]);
    await tabs[0].click("button");
    await both(tabs, "alive");
    expect(await tabs[1].isHidden("button")).toBe(true);
    // Until the absolute end: no use moves that, so there is nothing to offer.
    await pass(300);
    await both(tabs, nearly(60));
    expect(await tabs[0].isHidden("button")).toBe(true);
    await pass(60);
    await both(tabs, "over");
    const { asked } = server;
    await pass(60);
    expect(server.asked).toBe(asked);
    expect((await titles(tabs[1])).filter((title) => title === "over")).toHaveLength(1);
  });

  test("after sleep a tab shows the end, or nothing when the session was extended elsewhere, and never a wrong time", async () => {
    const tabs = await twoTabs();
    await pass(500);
    await both(tabs, "ends in 2 minutes");
    for (const tab of tabs) await titles(tab);
    // No timer runs in the sleep, and the clock of the page stands still.
    await sleep(3600);
    await pass(2);
    await both(tabs, "over");
    for (const tab of tabs) expect(await titles(tab)).toEqual(["over"]);

    await tabs[0].goto(`${app.url}/login`);
    await both(tabs, "alive");
    await pass(500);
    await both(tabs, "ends in 2 minutes");
    await fetch(`${app.url}/session/stay`, { method: "POST", headers: { cookie: await cookie() } });
    for (const tab of tabs) await titles(tab);
    await sleep(200);
    await pass(2);
    await both(tabs, "alive");
    for (const tab of tabs) expect(await titles(tab)).toEqual(["alive"]);
  });

  test("a clock that is set forwards or back changes nothing of what is shown", async () => {
    const tabs = await twoTabs();
    await pass(500);
    await both(tabs, "ends in 2 minutes");
    for (const hours of [3, -5]) {
      const { asked } = server;
      await context.clock.setSystemTime((await browserTime()) + hours * 3_600_000);
      await pass(1);
      await vi.waitFor(() => expect(server.asked).toBeGreaterThan(asked));
      await pass(1);
    }
    await pass(30);
    await both(tabs, nearly(66));
    for (const tab of tabs) expect(await titles(tab)).not.toContain("over");
  });

  test("an answer or a message older than one already seen is ignored", async () => {
    const tabs = await twoTabs();
    await pass(500);
    await both(tabs, "ends in 2 minutes");
    let release = (): void => {};
    server.held = new Promise((resolve) => {
      release = resolve;
    });
    const { asked } = server;
    await tabs[0].evaluate("dispatchEvent(new Event('focus'))");
    await vi.waitFor(() => expect(server.asked).toBe(asked + 1));
    clock.now += 1000;
    await context.clock.runFor(1000);
    await tabs[0].click("button");
    await both(tabs, "alive");
    server.held = undefined;
    release();
    await pass(5);
    await both(tabs, "alive");
    // As a tab gets it that was frozen when it was sent: the tab asks for the truth.
    for (const tab of tabs) await titles(tab);
    const before = server.asked;
    await tabs[0].evaluate(
      "new BroadcastChannel('sojourn /session').postMessage([{ left: 0, atMost: 0 }, Date.now() - 60_000])",
    );
    await vi.waitFor(() => expect(server.asked).toBeGreaterThan(before));
    await pass(5);
    for (const tab of tabs) expect(await titles(tab)).toEqual([]);
  });

  test("a logout in one tab is seen by the other when it is looked at", async () => {
    const tabs = await twoTabs();
    await tabs[0].goto(`${app.url}/logout`);
    await pass(2);
    await tabs[1].evaluate("dispatchEvent(new Event('focus'))");
    await becomes(tabs[1], "over");
  });

  test("without an answer it ends in time, is right again once the server answers, and sends few requests until then", async () => {
    const tabs = await twoTabs();
    await pass(500);
    await both(tabs, "ends in 2 minutes");
    await fetch(`${app.url}/session/stay`, { method: "POST", headers: { cookie: await cookie() } });
    server.down = true;
    await pass(90);
    await both(tabs, nearly(10));
    await pass(12);
    await both(tabs, "over");
    server.asked = 0;
    for (let second = 0; second < 60; second++) await pass(1);
    expect(server.asked).toBeLessThan(20);
    server.down = false;
    await pass(31);
    await both(tabs, "alive");
  });

  /** The server's clock and the browser's go on, nothing runs in the page. */
  async function sleep(seconds: number): Promise<void> {
    clock.now += seconds * 1000;
    await context.clock.setSystemTime((await browserTime()) + seconds * 1000);
  }
  const browserTime = (): Promise<number> => (context.pages()[0] as Page).evaluate("Date.now()");
  const cookie = async (): Promise<string> =>
    (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
});
