/** `openSessions`, for hosts that call a hook once: bare servers, `next` that counts, and h3 1 by `fromNodeMiddleware`. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createApp, createError, eventHandler, fromNodeMiddleware, toNodeListener } from "h3v1";
import { connectSessionErrors, openSessions } from "sojourn/frameworks/node";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "node", server: nodeServer, clients: [clientVersion("h3v1")] });

const harness: FrameworkHarness = {
  name: "openSessions, in a listener for request",
  lacks: {
    attach: "the host asks for the session",
    current: "without next there is nothing to run",
  },
  start({ sessions, handle, onError }) {
    const opens = sessions.map((one) =>
      openSessions(one, {
        onError: async (error, req, res) => {
          if (!res.headersSent) await answer(res as ServerResponse, await onError(error, req));
        },
      }),
    );
    const server = createServer();
    server.on("request", async (req, res) => {
      if (!opens.every((open) => open(req, res))) return;
      try {
        await answer(res, await handle(req, req.url ?? "/", () => bodyOf(req)));
      } catch (error) {
        failed(res);
        await answer(res, await onError(error, req));
      }
    });
    return listen(server);
  },
};

/** What a host calls when a handler threw. */
function failed(res: ServerResponse): void {
  connectSessionErrors()(undefined, {} as never, res, () => {});
}

describeCases(harness.name, frameworkConformance(harness));

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

async function start(listener: (req: IncomingMessage, res: ServerResponse) => unknown): Promise<string> {
  const { url, close } = await listen(createServer(listener));
  onTestFinished(() => void close());
  return url;
}

describe("openSessions", () => {
  // connectSessions calls it a second time, for the error.
  test("next is called once, also when the save fails, and the answer is 503", async () => {
    const { sessions, state } = setup();
    const open = openSessions(sessions);
    let calls = 0;
    const url = await start((req, res) =>
      open(req, res, async () => {
        calls++;
        (await sessions.get(req)).data.a = "1";
        state.fault = "throw-before";
        res.setHeader("x-handler", "1").end("secret");
      }),
    );
    const response = await fetch(url);
    expect([response.status, await response.text(), calls]).toEqual([503, "Service Unavailable", 1]);
    expect([response.headers.get("x-handler"), ours(response)]).toEqual([null, []]);
  });

  test("as a middleware of h3 1, where a failed save hung", async () => {
    const { sessions, state } = setup();
    const app = createApp();
    app.use(fromNodeMiddleware(openSessions(sessions)));
    app.use(
      "/throw",
      eventHandler(async ({ node }) => {
        (await sessions.get(node.req)).data.a = "2";
        throw createError({ statusCode: 500 });
      }),
    );
    app.use(
      eventHandler(async ({ node }) => {
        const { data } = await sessions.get(node.req);
        if (node.req.url === "/fail") state.fault = "throw-before";
        if (node.req.url !== "/read") data.a = `of ${node.req.url}`;
        return data.a;
      }),
    );
    const url = await start(toNodeListener(app));
    const made = await fetch(`${url}/make`);
    expect([await made.text(), ours(made).length]).toEqual(["of /make", 1]);
    const headers = cookieOf(made);
    expect((await fetch(`${url}/throw`, { headers })).status).toBe(500);
    expect(await (await fetch(`${url}/read`, { headers })).text()).toBe("of /make");
    const failed = await fetch(`${url}/fail`, { headers });
    expect([failed.status, await failed.text()]).toEqual([503, "Service Unavailable"]);
  });

  test("what next calls finds the session by sessions.current()", async () => {
    const { sessions } = setup({ current: true });
    const open = openSessions(sessions);
    const url = await start((req, res) => open(req, res, async () => res.end(`${(await sessions.current()).isNew}`)));
    expect(await (await fetch(url)).text()).toBe("true");
  });

  test("access restricts what the request may do", async () => {
    const { sessions } = setup();
    const open = openSessions(sessions, { access: ({ url }) => (url === "/skips" ? "skip" : "read") });
    const url = await start(async (req, res) => {
      open(req, res);
      const said = await sessions.get(req).then(
        (session) => {
          session.data.a = "1";
          return "got";
        },
        (error: Error) => error.name,
      );
      res.end(said);
    });
    expect(await (await fetch(`${url}/skips`)).text()).toBe("TypeError");
    expect((await fetch(`${url}/reads`)).status).toBe(500);
  });

  test("a response that no code asks for its session is as it was", async () => {
    const open = openSessions(setup().sessions);
    const url = await start((req, res) => {
      open(req, res);
      res.end("untouched");
    });
    const response = await fetch(url);
    expect([await response.text(), response.headers.get("vary"), ours(response)]).toEqual(["untouched", null, []]);
  });
});
