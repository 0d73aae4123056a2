/** What middleware outside the sessions, and listeners of the response, do to a session when it was saved: said, never lost in silence. */

import { createServer } from "node:http";
import { Elysia } from "elysia";
import express from "express";
import { H3 } from "h3";
import { Hono } from "hono";
import { createSessions, type Sessions } from "sojourn";
import { elysiaSessions } from "sojourn/frameworks/elysia";
import { expressSessions } from "sojourn/frameworks/express";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { h3Sessions } from "sojourn/frameworks/h3";
import { honoSessions } from "sojourn/frameworks/hono";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, test } from "vitest";
import { listen } from "../support/node-app.ts";

interface Data {
  late: number;
}
type Send = () => Promise<Response>;

/** What is to be done to the session of a request, late. */
type Late = (request: object) => Promise<void>;

const local = "http://localhost/";

/** Applications whose route reads its session, and which change it afterwards. */
const applications: Record<string, (sessions: Sessions<Data>, late: Late) => Promise<[Send, (() => void)?]>> = {
  "Hono's outer middleware": async (sessions, late) => {
    const app = new Hono()
      .use(async (c, next) => {
        await next();
        await late(c);
      })
      .use(honoSessions(sessions))
      .get("/", async (c) => c.text(`${(await sessions.get(c)).isNew}`));
    return [async () => app.request(local)];
  },
  "h3's outer middleware": async (sessions, late) => {
    const app = new H3()
      .use(async (event, next) => {
        const result = await next();
        await late(event);
        return result;
      })
      .use(h3Sessions(sessions))
      .get("/", async (event) => `${(await sessions.get(event)).isNew}`);
    return [async () => app.request(local)];
  },
  "Elysia's onAfterResponse": async (sessions, late) => {
    const app = new Elysia()
      .use(elysiaSessions(sessions))
      .onAfterResponse(({ request }) => late(request))
      .get("/", async ({ request }) => `${(await sessions.get(request)).isNew}`);
    return [async () => app.handle(new Request(local))];
  },
  "what is around a fetch handler": async (sessions, late) => {
    const handler = fetchSessions(sessions)(async (request: Request) =>
      Response.json((await sessions.get(request)).isNew),
    );
    return [
      async () => {
        const request = new Request(local);
        const response = await handler(request);
        await late(request);
        return response;
      },
    ];
  },
  "a listener of finish": (sessions, late) => onExpress(sessions, (req, res) => res.on("finish", () => late(req))),
  "a listener of the head that leaves": (sessions, late) =>
    onExpress(sessions, (req, res) => onHeaders(res, () => void late(req))),
};

/** As the package on-headers does, of which compression and others are made. */
function onHeaders(res: express.Response, listener: () => void): void {
  const { writeHead } = res;
  res.writeHead = (...args: unknown[]) => {
    listener();
    return writeHead.apply(res, args as never);
  };
}

async function onExpress(
  sessions: Sessions<Data>,
  begin: (req: express.Request, res: express.Response) => void,
): Promise<[Send, () => void]> {
  const app = express()
    .use((req, res, next) => {
      begin(req, res);
      next();
    })
    .use(expressSessions(sessions))
    .get("/", async (req, res) => res.send(`${(await sessions.get(req)).isNew}`));
  const { url, close } = await listen(createServer(app));
  return [() => fetch(url), close];
}

describe("a session that is changed after its last save is reported", () => {
  for (const [name, start] of Object.entries(applications)) {
    test(`by ${name}`, async () => {
      let said: (warning: string) => void = () => {};
      const saying = new Promise<string>((resolve) => {
        said = resolve;
      });
      const sessions = createSessions<Data>({
        store: memoryStore(),
        cookie: { secure: false },
        warn: (warning) => said(warning),
        wait: () => new Promise((resolve) => setImmediate(resolve)),
      });
      const [send, close] = await start(sessions, async (request) => {
        (await sessions.get(request)).data.late = 1;
      });
      const response = await send();
      await response.text();
      expect(await saying).toContain("changed after its last save");
      expect(response.status).toBe(200);
      close?.();
    });
  }
});

test("a session that is first asked for while the head leaves is too late for a login, and that is an error", async () => {
  const sessions = createSessions<Data>({ store: memoryStore(), cookie: { secure: false }, warn() {} });
  let refused: Promise<unknown> | undefined;
  const app = express()
    .use((req, res, next) => {
      onHeaders(res, () => {
        refused = sessions.get(req).then((session) => session.login("ada"));
        refused.catch(() => {});
      });
      next();
    })
    .use(expressSessions(sessions))
    .get("/", (_req, res) => void res.send("ok"));
  const { url, close } = await listen(createServer(app));
  const response = await fetch(url);
  expect(response.headers.getSetCookie()).toEqual([]);
  await expect(refused).rejects.toMatchObject({ code: "ERR_SESSION_HEADERS_SENT" });
  close();
});

for (const [how, answer] of Object.entries<(res: express.Response) => void>({
  "writeHead()": (res) => void res.writeHead(200).end("ok"),
  "writeHead() and write()": (res) => {
    res.writeHead(200).write("o");
    res.end("k");
  },
  "flushHeaders()": (res) => {
    res.flushHeaders();
    res.end("ok");
  },
})) {
  test(`a session that is first read while ${how} sends the head does not break the response`, async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), cookie: { secure: false }, warn() {} });
    let isNew: Promise<boolean> | undefined;
    const app = express()
      .use((req, res, next) => {
        onHeaders(res, () => {
          isNew = sessions.get(req).then((session) => session.isNew);
        });
        next();
      })
      .use(expressSessions(sessions))
      .get("/", (_req, res) => answer(res));
    const { url, close } = await listen(createServer(app));
    const response = await fetch(url);
    expect([response.status, await response.text(), await isNew]).toEqual([200, "ok", true]);
    close();
  });
}
