/** docs/guides/deployment.md: its program behind the real nginx with its configuration and TLS. */

import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf } from "../../scripts/checks/doc-code.ts";
import { projectRoot } from "../../scripts/lib.ts";
import { findProgram } from "../../scripts/servers.ts";
import { cert, key } from "../support/certificate.ts";
import { end, host, launch, onFreePort } from "../support/processes.ts";
import { reportMissing } from "../support/report.ts";

const nginx = findProgram("nginx");
const missing = nginx ? false : reportMissing("nginx", "no nginx on the PATH");

const page = readFileSync(join(projectRoot, "docs/guides/deployment.md"), "utf8");
const blocks = blocksOf(page.split("\n"));
const command = blocks.find(({ language }) => language === "sh")?.code.trim() ?? "";
const program = blocks.find(({ name }) => name === "app.ts")?.code ?? "";
const configuration = blocks.find(({ language }) => language === "nginx")?.code ?? "";

describe.skipIf(missing)("the guide to deployment", () => {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-deployment-"));
  // Where Node finds express and sojourn.
  const own = join(projectRoot, ".cache", `deployment-${process.pid}`);
  const running: ChildProcess[] = [];
  let https: number;
  let http: number;

  beforeAll(async () => {
    mkdirSync(own, { recursive: true });
    const [app, appPort] = await onFreePort(async (port) => {
      writeFileSync(join(own, "app.ts"), program.replace("3000", String(port)));
      const line = `cd "$0" && export NODE_OPTIONS=--conditions=sojourn-source && exec env ${command} 2> said`;
      return [await launch("sh", ["-c", line, own], port), port] as const;
    });
    running.push(app);
    writeFileSync(join(directory, "cert.pem"), cert);
    writeFileSync(join(directory, "key.pem"), key);
    mkdirSync(join(directory, "logs"));
    http = await onFreePort(async (port) => port);
    https = await onFreePort(async (port) => {
      writeFileSync(join(directory, "nginx.conf"), wholeConfiguration(appPort, port));
      running.push(await launch(nginx as string, ["-p", directory, "-c", join(directory, "nginx.conf")], port));
      return port;
    });
  });
  afterAll(async () => {
    for (const child of running) await end(child);
    for (const path of [directory, own]) rmSync(path, { recursive: true, force: true });
  });

  /** The page's configuration on free ports, with a certificate for localhost, as one user. */
  function wholeConfiguration(app: number, port: number): string {
    const shop = configuration
      .replaceAll("shop.example;", "localhost;")
      .replace("listen 443", `listen ${host}:${port}`)
      .replace("listen 80", `listen ${host}:${http}`)
      .replace("/etc/ssl/shop.example.pem", join(directory, "cert.pem"))
      .replace("/etc/ssl/shop.example.key", join(directory, "key.pem"))
      .replace("127.0.0.1:3000", `${host}:${app}`);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${directory}/${name};`,
    );
    return `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/logs/error.log;
      events {} http { access_log off; ${temporary.join(" ")} ${shop} }`;
  }

  function get(path: string, headers: Record<string, string> = {}) {
    return new Promise<{ status: number | undefined; text: string; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        request({ host: "localhost", port: https, path, headers, ca: cert }, (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk;
          });
          answer.on("end", () => resolve({ status: answer.statusCode, text, headers: answer.headers }));
        })
          .on("error", reject)
          .end();
      },
    );
  }

  test("the session cookie is __Host- and Secure, and is found again through nginx", async () => {
    const first = await get("/");
    const [line = ""] = first.headers["set-cookie"] ?? [];
    expect(line).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    expect(first.headers["strict-transport-security"]).toBe("max-age=63072000");
    const [cookie = ""] = line.split(";");
    expect((await get("/", { cookie })).text).toMatch(/^visit 2 over https from (127\.0\.0\.1|::1)\n$/);
  });

  test("a client cannot choose its address or its protocol", async () => {
    const headers = { "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "http" };
    expect((await get("/", headers)).text).toMatch(/over https from (127\.0\.0\.1|::1)\n$/);
  });

  test("nothing warns of a cookie over plain http", () => {
    const said = readFileSync(join(own, "said"), "utf8");
    expect(said).not.toContain("plain http");
    expect(said).toContain("no store was given");
  });

  test("a failure shows visitors no stack trace", async () => {
    rmSync(join(own, ".sessions"), { recursive: true, force: true });
    writeFileSync(join(own, ".sessions"), "no directory");
    const { status, text } = await get("/");
    expect([status, text]).toEqual([503, expect.stringContaining("Service Unavailable")]);
    expect(text).not.toMatch(/SessionError|\.ts|node_modules/);
    expect((await get("/health")).text).toBe("ok\n");
  });

  test("the health check makes no session, and http leads to https", async () => {
    expect((await get("/health")).headers["set-cookie"]).toBeUndefined();
    const plain = await fetch(`http://${host}:${http}/cart?a=1`, { redirect: "manual" });
    expect([plain.status, plain.headers.get("location")]).toEqual([301, `https://${host}:${http}/cart?a=1`]);
  });
});
