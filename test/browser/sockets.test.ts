/** What only a browser decides about sockets: which cookies go with a handshake from another page, and what it is told at the end. */

import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";
import { wsSessions } from "sojourn/frameworks/ws";
import { memoryStore } from "sojourn/stores/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { cert, key } from "../support/certificate.ts";
import { launch, missing } from "./chromium.ts";

const sessions = createSessions<{ visits: number }>({ store: memoryStore() });
const sockets = wsSessions(sessions);
const server = createServer(
  { key, cert },
  nodeSessions(sessions)(async (req, res) => {
    if (req.url === "/login") (await sessions.get(req)).login("ada");
    if (req.url === "/logout") (await sessions.get(req)).destroy();
    res.setHeader("content-type", "text/html");
    res.end("page");
  }),
);
/** What came with the last handshake, and whether it was let in. */
let handshake: { origin: string | undefined; session: boolean; allowed: boolean } | undefined;
const wss = new WebSocketServer({
  server,
  verifyClient(info: { req: IncomingMessage }, answer: (ok: boolean, code?: number) => void) {
    const { origin, cookie = "" } = info.req.headers;
    handshake = { origin, session: cookie.includes("__Host-session="), allowed: sockets.allows(info.req) };
    sockets.verifyClient(info, answer);
  },
});
wss.on("connection", (socket, request) => {
  sockets.watch(socket, request);
  socket.send("welcome");
});

describe.skipIf(missing)("Chromium", () => {
  let browser: Browser;
  let port: number;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    wss.close();
    server.close();
  });

  test("sends the cookie with a handshake from a sibling host, not from another site; both are refused", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    try {
      const page = await context.newPage();
      await page.goto(`https://shop.test:${port}/login`);
      /** Opens a socket to the shop from a page of a host. */
      const from = async (host: string): Promise<[opened: boolean, typeof handshake]> => {
        await page.goto(`https://${host}:${port}/page`);
        const opened = await page.evaluate(
          (url) =>
            new Promise<boolean>((resolve) => {
              const socket = new WebSocket(url);
              socket.onmessage = () => resolve(true);
              socket.onclose = () => resolve(false);
            }),
          `wss://shop.test:${port}/`,
        );
        return [opened, handshake];
      };
      const origin = (host: string): string => `https://${host}:${port}`;
      expect(await from("shop.test")).toEqual([true, { origin: origin("shop.test"), session: true, allowed: true }]);
      // The same site, but not the same origin: SameSite does not help, the origin does.
      const sibling = "blog.shop.test";
      expect(await from(sibling)).toEqual([false, { origin: origin(sibling), session: true, allowed: false }]);
      const elsewhere = "evil.test";
      expect(await from(elsewhere)).toEqual([false, { origin: origin(elsewhere), session: false, allowed: false }]);
    } finally {
      await context.close();
    }
  });

  test("tells the page the code and the reason when the session ends", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    try {
      const page = await context.newPage();
      await page.goto(`https://shop.test:${port}/login`);
      const closed = await page.evaluate(
        (url) =>
          new Promise<unknown>((resolve) => {
            const socket = new WebSocket(url);
            socket.onmessage = () => fetch("/logout");
            socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
          }),
        `wss://shop.test:${port}/`,
      );
      expect(closed).toEqual([4401, "logout", true]);
    } finally {
      await context.close();
    }
  });
});
