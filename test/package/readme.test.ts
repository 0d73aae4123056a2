/** The README's first example, followed word by word in an empty folder, with the packed package, on every Node. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot, run } from "../../scripts/lib.ts";
import { bringNode } from "../../scripts/node-matrix.ts";
import { packInto } from "../../scripts/pack.ts";
import { freePort } from "../support/free-port.ts";

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
const blocks = (language: string): string[] =>
  Array.from(readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms")), ([, text = ""]) => text);
const [commands = "", start = ""] = blocks("sh");
const [program = ""] = blocks("ts");
const [beginning = ""] = blocks("js");

/** The lines of the program that CommonJS has others for. */
const shared = program.slice(program.indexOf("const app = "));

const root = mkdtempSync(join(tmpdir(), "sojourn-readme-"));
const [typescript, commonjs] = [join(root, "typescript"), join(root, "commonjs")];
const nodes = new Map<number, string>();

beforeAll(async () => {
  const { tarball } = await packInto(root);
  for (const directory of [typescript, commonjs]) {
    mkdirSync(directory);
    for (const line of commands.trim().split("\n")) {
      // The types are for the compiler alone.
      if (directory === commonjs && line.includes(" -D ")) continue;
      const command = directory === commonjs ? line.replace(" && npm pkg set type=module", "") : line;
      const { code, output } = await shell(command.replace(" sojourn ", ` ${tarball} `), directory);
      expect(code, output).toBe(0);
    }
  }
  writeFileSync(join(typescript, "app.ts"), program);
  writeFileSync(join(commonjs, "app.cjs"), beginning + shared);
  for (const major of [22, 24, 26]) {
    const found = await bringNode(major);
    if ("missing" in found && process.env.CI) throw new Error(found.missing);
    if ("node" in found) nodes.set(major, found.node);
  }
}, 300_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** As typed into a terminal, and from what this machine has of the registry already. */
function shell(command: string, cwd: string): Promise<{ code: number; output: string }> {
  const env = { npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };
  return run("sh", ["-c", command], { cwd, env });
}

test("the program has fifteen lines, and the CommonJS one is the same from line five on", () => {
  expect(start.trim()).toBe("node app.ts");
  expect(
    program
      .trim()
      .split("\n")
      .filter((line) => line !== "" && line !== "});").length,
  ).toBeLessThanOrEqual(15);
  expect(beginning).toMatch(/^const sessions = createSessions\(\);$/m);
});

test("the program compiles, declarations checked", async () => {
  const flags = "--noEmit --strict --module nodenext --target es2022 --skipLibCheck false";
  const { code, output } = await shell(`npx tsc ${flags} app.ts`, typescript);
  expect([code, output]).toEqual([0, ""]);
});

describe.each([22, 24, 26])("on Node %i", (major) => {
  test.each([
    ["TypeScript", typescript, "app.ts"],
    ["CommonJS", commonjs, "app.cjs"],
  ])("as %s it counts visits, logs in and logs out", async (_language, directory, file) => {
    const node = nodes.get(major);
    if (node === undefined) return expect(process.env.CI).toBeUndefined(); // npm could not bring it.
    const port = await freePort();
    const text = readFileSync(join(directory, file), "utf8");
    const own = file.replace(".", `-${major}.`);
    writeFileSync(join(directory, own), text.replace("app.listen(3000)", `app.listen(${port})`));
    const child = spawn(node, [own], { cwd: directory, stdio: ["ignore", "inherit", "pipe"] });
    try {
      await isUp(child, port);
      let cookie = "";
      const send = async (path: string, method = "GET"): Promise<string> => {
        const response = await fetch(`http://localhost:${port}${path}`, { method, headers: cookie ? { cookie } : {} });
        cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
        return `${response.status} ${await response.text()}`;
      };
      expect(await send("/")).toBe("200 guest, visit 1\n");
      expect(await send("/login", "POST")).toBe("200 welcome\n");
      expect(await send("/")).toBe("200 ada, visit 2\n");
      expect(await send("/logout", "POST")).toBe("200 bye\n");
      expect(await send("/")).toBe("200 guest, visit 1\n");
    } finally {
      child.kill();
      await once(child, "close");
    }
  });
});

/** Waits until it answers, or rejects with what it said before it ended. */
async function isUp(child: ChildProcess, port: number): Promise<void> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  while (child.exitCode === null) {
    const answered = await fetch(`http://localhost:${port}/nothing`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it ended with ${child.exitCode}:\n${said}`);
}
