/** The examples of the adapters run, and are what the documentation shows. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { projectRoot } from "../../scripts/lib.ts";
import { type Program, scratch, start } from "../examples/demo-process.ts";
import { freePort } from "../support/free-port.ts";

const condition = "--conditions=sojourn-source";
const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

/** Runs a program in a directory of its own, where it keeps its sessions. */
async function run(args: readonly string[], port = 0): Promise<Program> {
  const directory = await scratch();
  cleaning.push(directory.remove);
  const program = start([condition, ...args.map((arg) => join(projectRoot, arg))], {
    cwd: directory.path,
    env: { PORT: `${port}` },
  });
  cleaning.push(() => program.stop());
  return program;
}

const programs = {
  node: ["examples/node/server.ts"],
  express: ["examples/express/server.ts"],
  fastify: ["examples/fastify/server.ts"],
  koa: ["examples/koa/server.ts"],
  hapi: ["examples/hapi/server.ts"],
  restify: ["examples/restify/server.ts"],
  polka: ["examples/polka/server.ts"],
  hono: ["examples/hono/server.ts"],
  h3: ["examples/h3/server.ts"],
  // Node has no server for fetch handlers of its own.
  "react-router": ["test/support/fetch-program.ts", "examples/react-router/server.ts"],
  fetch: ["test/support/fetch-program.ts", "examples/fetch/server.ts"],
  elysia: ["examples/elysia/server.ts"],
  // Node strips types, but does not know decorators.
  nest: ["test/support/decorators-program.ts", "examples/nest/server.ts"],
};

/** Elysia says where it listens before it does. */
async function listening(url: string): Promise<string> {
  for (;;) {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const open = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return url;
    await wait(10);
  }
}

describe.each(Object.entries(programs))("the example for %s", (name, args) => {
  test("counts visits, logs in and out", async () => {
    const url = await listening(await (await run(args, name === "elysia" ? await freePort() : 0)).url);
    const jar = new CookieJar();
    const browser = makeFetchCookie(fetch, jar);
    const said = async (path: string, method = "GET"): Promise<string> =>
      (await browser(url + path, { method })).text();
    expect(await said("/")).toBe("guest, visit 1\n");
    expect(await said("/")).toBe("guest, visit 2\n");
    expect(await said("/login", "POST")).toBe("ada, visit 3\n");
    expect(await said("/logout", "POST")).toBe("guest, visit 1\n");
    expect((await browser(`${url}/elsewhere`)).status).toBe(404);
  });

  test("equals the one in the documentation", () => documented(name));
});

describe("the example for trpc", () => {
  test("counts visits, logs in and out", async () => {
    const url = await (await run(["examples/trpc/server.ts"])).url;
    const browser = makeFetchCookie(fetch, new CookieJar());
    const said = async (procedure: string, method = "GET"): Promise<unknown> => {
      const headers = { "content-type": "application/json" };
      const { result } = await (await browser(`${url}/${procedure}`, { method, headers })).json();
      return result.data;
    };
    expect(await said("home")).toBe("guest, visit 1");
    expect(await said("home")).toBe("guest, visit 2");
    await said("login", "POST");
    expect(await said("home")).toBe("ada, visit 3");
    await said("logout", "POST");
    expect(await said("home")).toBe("guest, visit 1");
  });

  test("equals the one in the documentation", () => documented("trpc"));
});

describe("the example for ws", () => {
  test("counts visits by requests and messages, and closes the socket at logout", async () => {
    const url = await (await run(["examples/ws/server.ts"])).url;
    const jar = new CookieJar();
    const browser = makeFetchCookie(fetch, jar);
    const said = async (path: string, method = "GET"): Promise<string> =>
      (await browser(url + path, { method })).text();
    expect(await said("/")).toBe("guest, visit 1\n");
    expect(await said("/login", "POST")).toBe("ada, visit 2\n");

    const headers = { cookie: await jar.getCookieString(url), origin: url };
    const socket = new WebSocket(url.replace("http", "ws"), { headers });
    cleaning.push(() => socket.terminate());
    await once(socket, "open");
    socket.send("hello");
    expect(`${(await once(socket, "message"))[0]}`).toBe("ada, visit 3");
    expect(await said("/")).toBe("ada, visit 4\n");
    const closed = once(socket, "close");
    expect(await said("/logout", "POST")).toBe("guest, visit 1\n");
    expect((await closed).map(String)).toEqual(["4401", "logout"]);
  });

  test("equals the one in the documentation", () => documented("ws"));
});

/** Fails unless the page shows the example as it is. */
function documented(name: string): void {
  const example = readFileSync(join(projectRoot, "examples", name, "server.ts"), "utf8");
  const program = example.replace(/^\/\*\*.*\n\n/, "").replace(/^\/\/ biome-ignore.*\n/m, "");
  expect(readFileSync(join(projectRoot, "docs", "frameworks", `${name}.md`), "utf8")).toContain(program);
}
