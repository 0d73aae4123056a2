/** The examples of the adapters run, and are what the documentation shows. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";
import { afterEach, describe, expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { type Program, scratch, start } from "../examples/demo-process.ts";

const condition = "--conditions=sojourn-source";
const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

/** Runs a program in a directory of its own, where it keeps its sessions. */
async function run(...args: string[]): Promise<Program> {
  const directory = await scratch();
  cleaning.push(directory.remove);
  const program = start([condition, ...args.map((arg) => join(projectRoot, arg))], {
    cwd: directory.path,
    env: { PORT: "0" },
  });
  cleaning.push(() => program.stop());
  return program;
}

const programs = {
  node: ["examples/node/server.ts"],
  express: ["examples/express/server.ts"],
  fastify: ["examples/fastify/server.ts"],
  koa: ["examples/koa/server.ts"],
  hono: ["examples/hono/server.ts"],
  h3: ["examples/h3/server.ts"],
  // Node has no server for fetch handlers of its own.
  fetch: ["test/support/fetch-program.ts", "examples/fetch/server.ts"],
};

describe.each(Object.entries(programs))("the example for %s", (name, args) => {
  test("counts visits, logs in and out", async () => {
    const url = await (await run(...args)).url;
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

  test("is the one in the documentation", () => {
    const example = readFileSync(join(projectRoot, "examples", name, "server.ts"), "utf8");
    const program = example.replace(/^\/\*\*.*\n\n/, "").replace(/^\/\/ biome-ignore.*\n/m, "");
    expect(readFileSync(join(projectRoot, "docs", "frameworks", `${name}.md`), "utf8")).toContain(program);
  });
});
