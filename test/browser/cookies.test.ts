/** What only a browser decides about cookies: which it takes, sends back, and lets be removed. */

import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:http";
import { createServer as createServerTls } from "node:https";
import type { AddressInfo, Server } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CookieOptions, makeCookie } from "../../src/core/client/cookie.ts";
import { cert, key } from "../support/certificate.ts";
import { launch, missing } from "./chromium.ts";

/** What the handler of the servers does now. */
let handler: RequestListener = (_req, res) => void res.end();
const listener: RequestListener = (req, res) => handler(req, res);
const tls = createServerTls({ key, cert }, listener);
const plain = createServer(listener);

const listen = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** The combinations of attributes that a server can ask for; the impossible ones are refused at construction. */
function combinations(): CookieOptions[] {
  const all: CookieOptions[] = [];
  for (const prefix of ["__Host-", "__Secure-", "__Host-Http-", "__Http-", ""] as const)
    for (const domain of [undefined, "shop.test"])
      for (const path of ["/", "/app"])
        for (const sameSite of ["lax", "strict", "none"] as const)
          for (const partitioned of [false, true]) all.push({ prefix, domain, path, sameSite, partitioned });
  return all.filter(({ prefix = "", domain, path }) => !prefix.startsWith("__Host-") || (!domain && path === "/"));
}

describe.skipIf(missing)("Chromium", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    await Promise.all([listen(tls), listen(plain)]);
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    tls.close();
    plain.close();
  });

  /** Runs with a browser profile of its own. */
  async function fresh<T>(work: () => Promise<T>): Promise<T> {
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    try {
      return await work();
    } finally {
      await context.close();
    }
  }

  /** Opens a page and answers the cookies that came with the request, and the page's text. */
  async function open(url: string): Promise<{ cookie: string; text: string }> {
    const [request] = await Promise.all([page.waitForRequest(url), page.goto(url)]);
    const { cookie = "" } = await request.allHeaders();
    return { cookie, text: await page.innerText("body") };
  }

  test("accepts the cookie with every combination of attributes, sends it back, and removes it when asked", async () => {
    const url = `https://www.shop.test:${portOf(tls)}/app/page`;
    const all = combinations();
    expect(all.length).toBeGreaterThan(70);
    for (const persistent of [false, true]) {
      // Fewer at a time than a browser keeps for one site.
      for (let from = 0; from < all.length; from += 40) {
        const cookies = all.slice(from, from + 40).map((options, at) => makeCookie({ name: `c${at}`, ...options }));
        const names = cookies.map((cookie) => cookie.name).sort();
        await fresh(async () => {
          handler = (_req, res) => {
            for (const cookie of cookies) res.appendHeader("Set-Cookie", cookie.set("v", persistent ? 600 : undefined));
            res.end("set");
          };
          await open(url);
          handler = (_req, res) => void res.end("read");
          expect(namesIn((await open(url)).cookie)).toEqual(names);
          handler = (_req, res) => {
            for (const cookie of cookies) res.appendHeader("Set-Cookie", cookie.remove());
            res.end("removed");
          };
          await open(url);
          expect(await context.cookies()).toEqual([]);
          handler = (_req, res) => void res.end("read");
          expect((await open(url)).cookie).toBe("");
        });
      }
    }
  });

  test("keeps the cookie when a deletion omits what its prefix demands, so every attribute is repeated", async () => {
    await fresh(async () => {
      const url = `https://www.shop.test:${portOf(tls)}/`;
      handler = (_req, res) => void res.setHeader("Set-Cookie", makeCookie().set("v")).end();
      await open(url);
      handler = (_req, res) => void res.setHeader("Set-Cookie", "__Host-session=; Max-Age=0; Path=/").end();
      await open(url);
      expect((await context.cookies()).map(({ name }) => name)).toEqual(["__Host-session"]);
    });
  });

  /** An application with the default cookie, on whichever server is asked. */
  function shop(warn: (message: string) => void = () => {}): RequestListener {
    const sessions = createSessions<{ visits: number }>({ store: memoryStore(), warn });
    return nodeSessions(sessions)(async (req: IncomingMessage, res) => {
      // Which a browser asks for by itself.
      if (req.url === "/favicon.ico") return void res.writeHead(404).end();
      const session = await sessions.get(req);
      if (req.url === "/login") session.login("ada");
      if (req.url === "/logout") session.destroy();
      else session.update("visits", (n = 0) => n + 1);
      res.end(req.url === "/logout" ? "bye" : `${session.subject ?? "guest"} ${session.data.visits}`);
    });
  }

  for (const [where, url] of [
    ["https", () => `https://www.shop.test:${portOf(tls)}`],
    ["http://localhost, which it trusts as if it were https", () => `http://localhost:${portOf(plain)}`],
  ] as const) {
    test(`__Host-session works from first visit to logout over ${where}`, async () => {
      handler = shop();
      await fresh(async () => {
        expect((await open(`${url()}/`)).text).toBe("guest 1");
        const [guest, ...others] = await context.cookies();
        expect(others).toEqual([]);
        expect(guest).toMatchObject({ name: "__Host-session", path: "/", secure: true, httpOnly: true, expires: -1 });
        expect(guest?.sameSite).toBe("Lax");
        expect((await open(`${url()}/login`)).text).toBe("ada 2");
        const [ada] = await context.cookies();
        expect(ada?.value).not.toBe(guest?.value);
        expect((await open(`${url()}/`)).text).toBe("ada 3");
        expect((await open(`${url()}/logout`)).text).toBe("bye");
        expect(await context.cookies()).toEqual([]);
        expect((await open(`${url()}/`)).text).toBe("guest 1");
      });
    });
  }

  test("drops __Host-session over plain http on any other host, and a warning says what to do", async () => {
    const said: string[] = [];
    handler = shop((message) => said.push(message));
    const url = `http://www.shop.test:${portOf(plain)}/`;
    await fresh(async () => {
      expect((await open(url)).text).toBe("guest 1");
      expect((await open(url)).text).toBe("guest 1");
      expect(await context.cookies()).toEqual([]);
    });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("docs/development.md#plain-http");
  });

  test("hides the cookie from scripts, forms of other sites and sibling hosts; a form of another site can replace the session", async () => {
    handler = shop();
    const [shopUrl, otherUrl] = [`https://www.shop.test:${portOf(tls)}`, `https://evil.test:${portOf(tls)}`];
    await fresh(async () => {
      expect((await open(`${shopUrl}/login`)).text).toBe("ada 1");
      expect((await open(`https://blog.shop.test:${portOf(tls)}/login`)).cookie).toBe("");
      expect((await open(`${shopUrl}/`)).text).toBe("ada 2");
      expect(await page.evaluate("document.cookie")).toBe("");

      const asked = handler;
      handler = (req, res) => {
        if (!req.headers.host?.startsWith("evil")) return asked(req, res);
        res.setHeader("Content-Type", "text/html");
        res.end(`<form method="post" action="${shopUrl}/"><button>Win a prize</button></form>`);
      };
      await page.goto(otherUrl);
      await page.click("button");
      await page.waitForURL(`${shopUrl}/`);
      expect(await page.innerText("body")).toBe("guest 1");
      // Which is why docs/security.md says to refuse such a request before a handler writes to the session.
      expect((await open(`${shopUrl}/`)).text).toBe("guest 2");
    });
  });
});

function namesIn(header: string): string[] {
  return header
    .split("; ")
    .map((pair) => pair.slice(0, pair.indexOf("=")))
    .sort();
}
