/** The example of Flask and Node side by side runs, and is what the migration guide shows. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readyFlask } from "../../../scripts/flask.ts";
import { projectRoot } from "../../../scripts/lib.ts";
import { Jar } from "../../support/flask.ts";
import { clientVersion } from "../../support/report.ts";
import { flaskIsMissing, type Running, redis } from "./backends.ts";

const missing = flaskIsMissing(redis, [clientVersion("redis")]);
const directory = join(projectRoot, "examples", "flask");

describe.skipIf(missing)("the example of Flask and Node side by side", () => {
  let backend: Running<{ readonly url: string }>;
  const children: ChildProcess[] = [];
  const urls = { flask: "", node: "" };

  /** Starts a program and answers the address that it prints. */
  async function start(program: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, REDIS_URL: backend.at.url, PORT: "0", PYTHONUNBUFFERED: "1" };
    const child = spawn(program, args, { env, cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    return new Promise((resolve, reject) => {
      let log = "";
      child.once("error", reject).once("exit", () => reject(new Error(`it did not start:\n${log}`)));
      for (const output of [child.stdout, child.stderr]) {
        createInterface(output).on("line", (line) => {
          log += `${line}\n`;
          const [url] = /http:\/\/[\w.]+:\d+/.exec(line) ?? [];
          if (url) resolve(url);
        });
      }
    });
  }

  beforeAll(async () => {
    backend = await redis.start();
    const { python } = readyFlask() as { python: string };
    urls.flask = await start(python, "app.py");
    urls.node = await start(process.execPath, "--conditions=sojourn-source", "server.ts");
  });
  afterAll(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await backend?.stop();
  });

  test("one visitor has one session on both", async () => {
    const jar = new Jar();
    const ask = async (path: string, method = "GET"): Promise<string> => {
      const host = path.startsWith("/account") ? urls.flask : urls.node;
      const response = await fetch(host + path, { method, redirect: "manual", headers: { cookie: jar.header } });
      jar.keep(response.headers);
      return response.status === 303 ? ask(response.headers.get("location")!) : response.text();
    };
    expect(await ask("/cart/apple", "POST")).toBe("guest: apple\n");
    expect(await ask("/account")).toBe("guest, 1 in the cart\n");
    const guest = jar.value("session");
    expect(await ask("/account/login", "POST")).toBe("ada, 1 in the cart\n");
    expect(jar.value("session")).not.toBe(guest);
    expect(await ask("/cart/pear", "POST")).toBe("ada: apple, pear\n");
    expect(await ask("/account")).toBe("ada, 2 in the cart\n");
    expect(await ask("/cart/checkout/done", "POST")).toBe("guest: nothing\n");
    expect(await ask("/account")).toBe("guest, 0 in the cart\n");
  });

  test.each(["app.py", "server.ts"])("is in the guide: %s", (name) => {
    const program = readFileSync(join(directory, name), "utf8").replace(/^(\/\*\*|""").*\n\n/, "");
    expect(readFileSync(join(projectRoot, "docs", "migration", "flask.md"), "utf8")).toContain(program);
  });
});
