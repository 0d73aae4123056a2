/** The examples for frameworks that build an application first: they are built, they run, and are what the documentation shows. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot, run } from "../../scripts/lib.ts";
import { type Program, scratch, start } from "../examples/demo-process.ts";
import { listen } from "../support/node-app.ts";

interface Example {
  /** Builds the example in one directory into another. */
  readonly build: string;
  /** What runs it, in that other directory. */
  readonly program: string;
  readonly page: string;
  /** Its files that the page shows. */
  readonly shown: readonly string[];
}

const examples: Readonly<Record<string, Example>> = {
  nitro: {
    build: "test/support/nitro-build.ts",
    program: "output/server/index.mjs",
    page: "docs/frameworks/h3.md",
    shown: ["sessions.ts", "middleware/sessions.ts", "routes/index.get.ts"],
  },
};

describe.each(Object.entries(examples))("the example for %s", (name, { build, program, page, shown }) => {
  let directory: Awaited<ReturnType<typeof scratch>>;
  let running: Program;
  beforeAll(async () => {
    directory = await scratch();
    const source = join(projectRoot, "examples", name);
    const { code, output } = await run("node", [join(projectRoot, build), source, directory.path]);
    expect(code, output).toBe(0);
    // Not all of them know port 0.
    const probe = await listen(createServer());
    await probe.close();
    const env = { PORT: new URL(probe.url).port, HOST: "127.0.0.1" };
    running = start([join(directory.path, program)], { cwd: directory.path, env });
  }, 60_000);
  afterAll(async () => {
    await running?.stop();
    await directory?.remove();
  });

  test("counts visits, logs in and out", async () => {
    const url = await running.url;
    const browser = makeFetchCookie(fetch, new CookieJar());
    const said = async (path: string, method = "GET"): Promise<string> =>
      (await browser(url + path, { method, headers: { origin: url } })).text();
    expect(await said("/")).toBe("guest, visit 1\n");
    expect(await said("/")).toBe("guest, visit 2\n");
    expect(await said("/login", "POST")).toBe("ada, visit 3\n");
    expect(await said("/logout", "POST")).toBe("guest, visit 1\n");
    expect((await browser(`${url}/elsewhere`)).status).toBe(404);
  });

  test.each(shown)("%s is the one in the documentation", (file) => {
    const example = readFileSync(join(projectRoot, "examples", name, file), "utf8");
    const code = example.replace(/^\/\*\*.*\n\n/, "").replace(/^\/\/ biome-ignore.*\n/m, "");
    expect(readFileSync(join(projectRoot, page), "utf8")).toContain(code);
  });
});
