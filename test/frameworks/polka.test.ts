/** Polka 1 (next) and 0.5: the framework suite, and what is Polka's own. */

import { createServer, type ServerResponse } from "node:http";
import polka from "polka";
import polka0 from "polka0";
import { polkaSessionErrors, polkaSessions } from "sojourn/frameworks/polka";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { cookieOf, faultySessions, ours } from "../support/faulty-sessions.ts";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "polka", server: nodeServer, clients: [clientVersion("polka"), clientVersion("polka0")] });

const versions = [
  ["polka", polka],
  ["polka0", polka0],
] as const;

const harnesses = versions.map(([installedAs, application]): FrameworkHarness => {
  return {
    name: clientVersion(installedAs),
    start({ sessions, attach, handle, onError }) {
      const app = application({
        onError: polkaSessionErrors((error, req, res) => {
          // A late save failed: the response is cut off.
          if (res.headersSent) return;
          return onError(error, req).then((given) => answer(res as ServerResponse, given));
        }),
      });
      for (const one of sessions) app.use(polkaSessions(one, { attach }));
      app.use((req, res, next) => {
        const reply = handle(req, req.url, () => bodyOf(req));
        return reply.then((given) => answer(res, given)).catch(next);
      });
      return listen(createServer(app.handler as never));
    },
  };
});

for (const harness of harnesses) describeCases(harness.name, frameworkConformance(harness));

interface Data {
  a: string;
}

const setup = faultySessions<Data>;

async function start(app: ReturnType<typeof polka>): Promise<string> {
  const { url, close } = await listen(createServer(app.handler as never));
  onTestFinished(() => void close());
  return url;
}

describe.each(versions)("%s", (_name, application) => {
  test("a failed save is 503 in words, with Polka's own onError and with ours", async () => {
    for (const onError of [undefined, polkaSessionErrors()]) {
      const { sessions, state } = setup();
      const app = onError ? application({ onError }) : application();
      app.use(polkaSessions(sessions));
      app.get("/", async (req, res) => {
        (await sessions.get(req)).data.a = "1";
        state.fault = "throw-before";
        res.setHeader("x-handler", "1");
        res.end("secret");
      });
      const response = await fetch(await start(app));
      expect([response.status, response.headers.get("x-handler"), ours(response)]).toEqual([503, null, []]);
      expect(await response.text()).not.toContain("secret");
    }
  });

  test("polkaSessionErrors answers what next is given with its status, and a path without a route with 404", async () => {
    const { sessions, state } = setup();
    const app = application({ onError: polkaSessionErrors() });
    app.use(polkaSessions(sessions));
    app.get("/", async (req, res, next) => {
      try {
        state.fault = "throw-before";
        res.end((await sessions.get(req)).data.a);
      } catch (error) {
        next(error as never);
      }
    });
    const url = await start(app);
    const response = await fetch(url, { headers: { cookie: `__Host-session=${"A".repeat(43)}` } });
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable"]);
    const lost = await fetch(`${url}/lost`);
    expect([lost.status, await lost.text()]).toEqual([404, "Not Found"]);
  });

  test("access: a route that skips is not loaded for attach, one that reads does not write", async () => {
    const { sessions, state } = setup();
    const app = application({ onError: polkaSessionErrors() });
    const access = ({ url }: { readonly url?: string | undefined }) => (url === "/skips" ? "skip" : "read");
    app.use(polkaSessions(sessions, { attach: "session", access }));
    app.get("/skips", (req, res) => void res.end(`${"session" in req}`));
    app.get("/reads", async (req, res) => {
      (await sessions.get(req)).data.a = "1";
      res.end("saved");
    });
    const url = await start(app);
    expect((await fetch(`${url}/reads`)).status).toBe(500);
    state.fault = "throw-before";
    const headers = { cookie: `__Host-session=${"A".repeat(43)}` };
    expect(await (await fetch(`${url}/skips`, { headers })).text()).toBe("false");
  });

  test("what a route changed before it gave an error to next is discarded, whatever status answers", async () => {
    const { sessions } = setup();
    const onError = polkaSessionErrors((_error, _req, res) => {
      res.statusCode = 400;
      res.end("sorry");
    });
    const app = application({ onError });
    app.use(polkaSessions(sessions));
    app.get("/:what", async (req, res, next) => {
      const { data } = await sessions.get(req);
      data.a = req.params["what"] === "throw" ? "2" : (data.a ?? "1");
      if (data.a === "2") return next(new Error("no"));
      return void res.end(data.a);
    });
    const url = await start(app);
    const headers = cookieOf(await fetch(`${url}/make`));
    expect((await fetch(`${url}/throw`, { headers })).status).toBe(400);
    expect(await (await fetch(`${url}/read`, { headers })).text()).toBe("1");
  });
});
