/** Device-bound sessions in a real Chromium, which makes keys in software where it is asked to. */

import { createHash, createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createSessions, type SessionEvent } from "sojourn";
import { type DeviceBoundOptions, deviceBound } from "sojourn/device-bound";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import type { CookieOptions } from "../../src/core/client/cookie.ts";
import { scratch, start } from "../examples/demo-process.ts";
import { cert, key } from "../support/certificate.ts";
import { launch, missing } from "./chromium.ts";

const minute = 60_000;

let handler: RequestListener = (_req, res) => void res.end();
const server = createServer({ key, cert }, (req, res) => handler(req, res));

/** What reached the server: `POST /device-bound/session/refresh 200`. */
let log: string[] = [];
const refreshes = (): string[] => log.filter((line) => line.includes("/refresh"));

describe.skipIf(missing)("Chromium", () => {
  let browser: Browser;
  let contexts: BrowserContext[] = [];
  let url = "";

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://shop.test:${(server.address() as AddressInfo).port}`;
    const spki = createPublicKey(cert).export({ type: "spki", format: "der" });
    // A connection with a certificate error binds nothing, so the certificate's key is trusted by its hash.
    browser = await launch([
      `--ignore-certificate-errors-spki-list=${createHash("sha256").update(spki).digest("base64")}`,
      "--enable-features=DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting",
    ]);
  });
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    contexts = [];
  });
  afterAll(async () => {
    await browser?.close();
    server.closeAllConnections();
    server.close();
  });

  /** A browser profile of its own. */
  async function profile(): Promise<{ context: BrowserContext; page: Page; drop(): Promise<void> }> {
    const context = await browser.newContext();
    contexts.push(context);
    const page = await context.newPage();
    // Which ends the cookie as its Max-Age does, without waiting for it.
    return { context, page, drop: () => context.clearCookies({ name: /-proof$/ }) };
  }

  /** Starts a shop, and answers what its listener heard. */
  function shop(bound: DeviceBoundOptions = {}, cookie: CookieOptions = {}) {
    const events: SessionEvent[] = [];
    const clock = { ahead: 0 };
    const now = (): number => Date.now() + clock.ahead;
    const sessions = createSessions({
      store: memoryStore({ now }),
      storeTimeout: "30s",
      now,
      cookie,
      deviceBound: deviceBound(bound),
    });
    sessions.on((event) => events.push(event));
    log = [];
    const app = nodeSessions(sessions)(async (req: IncomingMessage, res) => {
      const { pathname } = new URL(req.url ?? "", url);
      if (pathname === "/favicon.ico") return void res.writeHead(404).end();
      const session = await sessions.get(req);
      if (pathname.endsWith("/login")) session.login("ada");
      if (pathname === "/logout") {
        session.destroy();
        return void res.end("bye");
      }
      let body = "";
      for await (const chunk of req) body += chunk;
      res.setHeader("content-type", "text/html");
      res.end(`${session.subject ?? "guest"}${session.bound ? ", bound" : ""}${body && `: ${body}`}`);
    });
    handler = (req, res) => {
      const { pathname } = new URL(req.url ?? "", url);
      res.on("finish", () => log.push(`${req.method} ${pathname} ${res.statusCode}`));
      if (req.headers.host?.startsWith("mail.test")) return void res.setHeader("content-type", "text/html").end(letter);
      return app(req, res);
    };
    const told = (type: string): SessionEvent[] => events.filter((event) => event.type === type);
    return { sessions, events, told, clock };
  }
  let letter = "";

  const text = async (page: Page, path: string): Promise<string> => {
    await page.goto(`${url}${path}`);
    return page.innerText("body");
  };

  /** Logs in, and waits until the session is bound. */
  async function logIn(page: Page, context: BrowserContext, at = url): Promise<void> {
    await page.goto(`${at}/login`);
    await expect.poll(async () => (await context.cookies()).map(({ name }) => name).join()).toContain("-bound");
  }

  test("binds at login, refreshes the proof once for five requests, keeps the body of a POST, and ends with the logout", async () => {
    const { told } = shop({ reportRefresh: true });
    const { page, context, drop } = await profile();
    await logIn(page, context);
    expect(told("session_bound")).toHaveLength(1);
    expect(await text(page, "/")).toBe("ada, bound");
    expect(refreshes()).toEqual([]);

    await drop();
    const answers = await page.evaluate(() =>
      Promise.all([1, 2, 3, 4, 5].map((n) => fetch(`/page-${n}`).then((response) => response.text()))),
    );
    expect(answers).toEqual(Array(5).fill("ada, bound"));
    expect(refreshes()).toEqual(["POST /device-bound/session/refresh 200"]);

    await drop();
    const posted = await page.evaluate(() =>
      fetch("/order", { method: "POST", body: "two teapots" }).then((response) => response.text()),
    );
    expect(posted).toBe("ada, bound: two teapots");
    expect(refreshes()).toHaveLength(2);
    expect(told("binding_refreshed")).toHaveLength(2);

    expect(await text(page, "/logout")).toBe("bye");
    expect(await context.cookies()).toEqual([]);
    expect(await text(page, "/")).toBe("guest");
    expect(refreshes().slice(2)).toEqual(["POST /device-bound/session/refresh 200"]);
    expect(await text(page, "/again")).toBe("guest");
    expect(refreshes()).toHaveLength(3);
    expect(told("binding_violated")).toEqual([]);
  });

  test("a copy of all cookies works in another browser until the proof expires, and never again", async () => {
    const { told, clock } = shop();
    const ada = await profile();
    await logIn(ada.page, ada.context);
    expect(await text(ada.page, "/")).toBe("ada, bound");

    const thief = await profile();
    await thief.context.addCookies(await ada.context.cookies());
    expect(await text(thief.page, "/")).toBe("ada, bound");
    clock.ahead += 12 * minute;
    expect(await text(thief.page, "/")).toBe("guest");
    expect(told("binding_violated").at(-1)).toMatchObject({ reason: "the proof of the browser has ended" });

    await ada.drop();
    expect(await text(ada.page, "/")).toBe("ada, bound");
    // Nor with the newest proof of before, nor by logging out.
    expect(await text(thief.page, "/logout")).toBe("bye");
    expect(await text(ada.page, "/")).toBe("ada, bound");
  });

  test("a link from another site, before which no browser refreshes, arrives with its proof", async () => {
    const { told } = shop();
    const { page, context, drop } = await profile();
    await logIn(page, context);
    expect(await text(page, "/")).toBe("ada, bound");
    await drop();
    letter = `<a href="${url}/offer?a=1&b=2#terms">An offer</a>`;
    await page.goto(url.replace("shop.test", "mail.test"));
    await page.click("a");
    await expect.poll(() => page.innerText("body")).toBe("ada, bound");
    expect(page.url()).toBe(`${url}/offer?a=1&b=2#terms`);
    expect(log.slice(-3)).toEqual(["GET /offer 200", "POST /device-bound/session/refresh 200", "GET /offer 200"]);
    expect(told("binding_violated")).toEqual([]);
    // One step back is the letter: the page that reloads itself is not in the history.
    await page.goBack();
    expect(page.url()).toContain("mail.test");
  });

  test("a store that fails during a refresh logs no user out", async () => {
    const { clock } = shop();
    const { page, context, drop } = await profile();
    await logIn(page, context);
    expect(await text(page, "/")).toBe("ada, bound");
    await drop();
    clock.ahead = minute;
    const app = handler;
    handler = (req, res) => {
      if (!req.url?.endsWith("/refresh")) return app(req, res);
      res.on("finish", () => log.push(`${req.method} ${req.url} ${res.statusCode}`));
      res.writeHead(503).end();
    };
    const response = await page.goto(`${url}/`);
    expect(response?.status()).toBe(503);
    handler = app;
    expect(await text(page, "/")).toBe("ada, bound");
  });

  test("a site with subdomains has one binding for all of them", async () => {
    const { told } = shop({ scope: { site: url } }, { domain: "shop.test" });
    const { page, context, drop } = await profile();
    await logIn(page, context);
    const below = url.replace("shop.test", "my.shop.test");
    await page.goto(`${below}/`);
    expect(await page.innerText("body")).toBe("ada, bound");
    await drop();
    await page.goto(`${below}/`);
    expect(await page.innerText("body")).toBe("ada, bound");
    expect(refreshes()).toHaveLength(1);
    // One host calls another.
    await drop();
    await page.evaluate((to) => fetch(to, { mode: "no-cors", credentials: "include" }).then(() => {}), `${url}/api`);
    expect(refreshes()).toHaveLength(2);
    expect(told("binding_violated")).toEqual([]);
  });

  test("with a cookie for a path, the rest of the origin needs no proof", async () => {
    shop({}, { path: "/app" });
    const { page, context, drop } = await profile();
    await page.goto(`${url}/app/login`);
    await expect.poll(async () => (await context.cookies()).length).toBe(3);
    expect(await text(page, "/app/")).toBe("ada, bound");
    await drop();
    expect(await text(page, "/elsewhere")).toBe("guest");
    expect(refreshes()).toEqual([]);
    expect(await text(page, "/app/page")).toBe("ada, bound");
    expect(refreshes()).toHaveLength(1);
  });

  test("a link from another site or a sibling host arrives even where scripts must not run", async () => {
    const { told, clock } = shop();
    const { page, context, drop } = await profile();
    await logIn(page, context);
    expect(await text(page, "/")).toBe("ada, bound");
    clock.ahead = minute;
    const app = handler;
    handler = (req, res) => {
      // As a proxy does it.
      const set = res.setHeader.bind(res);
      res.setHeader = (name, value) => set(name, name === "content-security-policy" ? "default-src 'none'" : value);
      return app(req, res);
    };
    await drop();
    letter = `<a href="${url}/offer">An offer</a>`;
    await page.goto(url.replace("shop.test", "mail.test"));
    await page.click("a");
    await expect.poll(() => page.innerText("body"), { timeout: 5000 }).toBe("ada, bound");
    handler = app;

    await drop();
    await page.goto(url.replace("shop.test", "my.shop.test"));
    log = [];
    await page.setContent(`<a href="${url}/offer">An offer</a>`);
    await page.click("a");
    await page.waitForURL(`${url}/offer`);
    await expect.poll(() => page.innerText("body")).toBe("ada, bound");
    expect(log).toEqual(["GET /offer 200", "POST /device-bound/session/refresh 200", "GET /offer 200"]);
    expect(told("binding_violated")).toEqual([]);
  });

  for (const program of ["examples/demo/server.ts", "examples/device-bound/server.ts"])
    test(`${program} binds over https`, async () => {
      const directory = await scratch();
      const files = { TLS_KEY: join(directory.path, "key.pem"), TLS_CERT: join(directory.path, "cert.pem") };
      writeFileSync(files.TLS_KEY, key);
      writeFileSync(files.TLS_CERT, cert);
      const started = start(["--conditions=sojourn-source", join(projectRoot, program)], {
        cwd: directory.path,
        env: { PORT: "0", SESSIONS: directory.path, ...files },
      });
      try {
        const base = await started.url;
        const { page, context } = await profile();
        await page.goto(base);
        await page.click("button:text-matches('^(login|Ada)', 'i')");
        await expect.poll(async () => (await context.cookies()).map(({ name }) => name).join()).toContain("-bound");
        await page.goto(base);
        expect(await page.innerText("body")).toContain("to this browser");
      } finally {
        await started.stop();
        await directory.remove();
      }
    });
});
