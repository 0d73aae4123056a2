/** The examples for frameworks that build an application first: they are built, they run, and are what the documentation shows. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import makeFetchCookie from "fetch-cookie";
import { CookieJar } from "tough-cookie";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { type Program, start } from "../examples/demo-process.ts";
import { type BuiltApp, buildApp } from "../support/app-build.ts";
import { listen } from "../support/node-app.ts";

interface Example {
  /** What runs it. */
  readonly program: string;
  /** Where it is logged in and out. */
  readonly login?: string;
  readonly logout?: string;
  readonly page: string;
  /** Its files that the page shows. */
  readonly shown: readonly string[];
}

const examples = {
  nitro: {
    program: ".output/server/index.mjs",
    page: "docs/frameworks/h3.md",
    shown: ["sessions.ts", "middleware/sessions.ts", "routes/index.get.ts"],
  },
  sveltekit: {
    program: "build/index.js",
    login: "/?/login",
    logout: "/?/logout",
    page: "docs/frameworks/sveltekit.md",
    shown: [
      "src/lib/sessions.server.ts",
      "src/hooks.server.ts",
      "src/routes/+page.server.ts",
      "src/routes/+page.svelte",
    ],
  },
  astro: {
    program: "dist/server/entry.mjs",
    page: "docs/frameworks/astro.md",
    shown: ["src/sessions.ts", "src/middleware.ts", "src/pages/index.astro", "src/pages/login.ts"],
  },
} satisfies Readonly<Record<string, Example>>;

describe.each(Object.keys(examples) as (keyof typeof examples)[])("the example for %s", (name) => {
  const example: Example = examples[name];
  const { program, page, shown, login = "/login", logout = "/logout" } = example;
  let app: BuiltApp;
  let running: Program;
  beforeAll(async () => {
    app = await buildApp(`examples/${name}`, name);
    // Not all of them know port 0.
    const probe = await listen(createServer());
    await probe.close();
    const env = { PORT: new URL(probe.url).port, HOST: "127.0.0.1", PROTOCOL_HEADER: "x-forwarded-proto" };
    running = start([join(app.path, program)], { cwd: app.path, env });
  }, 120_000);
  afterAll(async () => {
    await running?.stop();
    await app?.remove();
  });

  test("counts visits, logs in and out", async () => {
    const url = await running.url;
    const browser = makeFetchCookie(fetch, new CookieJar());
    const ask = (path: string, method = "GET"): Promise<Response> => {
      const headers = { origin: url, "x-forwarded-proto": "http", accept: "text/html" };
      const body = method === "POST" ? new URLSearchParams({ form: "1" }) : null;
      return browser(url + path, { method, headers, body });
    };
    const said = async (path: string, method?: string): Promise<string | undefined> =>
      (await (await ask(path, method)).text()).match(/\w+, visit \d+/)?.[0];
    expect(await said("/")).toBe("guest, visit 1");
    expect(await said("/")).toBe("guest, visit 2");
    expect(await said(login, "POST")).toBe("ada, visit 3");
    expect(await said(logout, "POST")).toBe("guest, visit 1");
    expect((await ask("/elsewhere")).status).toBe(404);
  });

  test.each(shown)("%s equals the one in the documentation", (file) => {
    const source = readFileSync(join(projectRoot, "examples", name, file), "utf8");
    const code = source.replace(/^\/\*\*.*\n\n/, "").replace(/^\/\/ biome-ignore.*\n/gm, "");
    expect(readFileSync(join(projectRoot, page), "utf8")).toContain(code);
  });
});
