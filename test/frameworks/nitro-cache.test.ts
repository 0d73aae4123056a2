/** Cached handlers of Nitro: what they answer goes to everybody, so they have no session. */

import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Program, start } from "../examples/demo-process.ts";
import { type BuiltApp, buildApp } from "../support/app-build.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";

reportBackend({ backend: "nitro cache", server: nodeServer, clients: [clientVersion("nitro")] });

let app: BuiltApp;
let program: Program;
beforeAll(async () => {
  app = await buildApp("test/support/nitro-app", "nitro");
  const probe = await listen(createServer());
  await probe.close();
  const env = { PORT: new URL(probe.url).port, HOST: "127.0.0.1" };
  program = start([join(app.path, ".output/server/index.mjs")], { cwd: app.path, env });
}, 240_000);
afterAll(async () => {
  await program?.stop();
  await app?.remove();
});

async function visitor(name?: string): Promise<(path: string) => Promise<[status: number, text: string]>> {
  const url = await program.url;
  const answer = name && (await fetch(`${url}/login?name=${name}`)).headers.getSetCookie()[0]?.split(";")[0];
  return async (path) => {
    const response = await fetch(url + path, { headers: answer ? { cookie: answer } : {} });
    return [response.status, await response.text()];
  };
}

// Alice's page was stored, and Bob and a stranger passed her gate.
test.each(["/asked", "/attached"])(
  "the session cannot be used in a cached handler, so %s stores no user's page",
  async (path) => {
    const [alice, bob, stranger] = await Promise.all([visitor("alice"), visitor("bob"), visitor()]);
    for (const who of [alice, bob, stranger, alice, bob]) {
      const [status, text] = await who(path);
      expect([status, text]).toEqual([409, expect.stringContaining("as inside a cached handler")]);
    }
  },
);

test("a handler around a cached handler has the session, and the page is cached", async () => {
  const [alice, bob, stranger] = await Promise.all([visitor("alice"), visitor("bob"), visitor()]);
  expect(await alice("/beside")).toEqual([200, "page 1"]);
  expect((await bob("/beside"))[0]).toBe(403);
  expect((await stranger("/beside"))[0]).toBe(403);
  expect(await alice("/beside")).toEqual([200, "page 1"]);
});
