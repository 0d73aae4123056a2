/** `sojourn move` and `sojourn secrets`: what they do, say and leave. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { encrypted } from "../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../src/core/record/json-format.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { fileStore } from "../../src/stores/file.ts";
import { request } from "../support/requests.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-move-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let cwd = root;
beforeEach(() => {
  cwd = mkdtempSync(join(root, "case-"));
});

async function cli(args: string, tty = false): Promise<{ code: number; out: string; told: string }> {
  let [out, told] = ["", ""];
  const write = (add: (text: string) => void) => ({ write: add, isTTY: tty, columns: 200 });
  const code = await run(args.split(" "), {
    stdout: write((text) => {
      out += text;
    }),
    stderr: write((text) => {
      told += text;
    }),
    env: {},
    cwd,
  });
  return { code, out, told };
}

const source = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));

/** A module with files in a folder as its store. */
function module(name: string, text: string): string {
  writeFileSync(
    join(cwd, `${name}.ts`),
    `import { fileStore } from ${JSON.stringify(source("stores/file.ts"))};
import { movingStore } from ${JSON.stringify(source("stores/moving.ts"))};
import { createSessions } from ${JSON.stringify(source("create.ts"))};
import { encrypted } from ${JSON.stringify(source("core/record/encrypted.ts"))};
import { jsonFormat } from ${JSON.stringify(source("core/record/json-format.ts"))};
import { signedToken } from ${JSON.stringify(source("core/client/token.ts"))};
const files = (name: string) => fileStore({ directory: ${JSON.stringify(cwd)} + "/" + name });
${text}`,
  );
  return `${name}.ts`;
}

const files = (name: string) => fileStore({ directory: join(cwd, name) });

/** Sessions of so many users in a folder; answers their cookies. */
async function begin(name: string, users: number): Promise<string[]> {
  const sessions = new Sessions({ store: files(name), warn: false });
  const cookies: string[] = [];
  for (let at = 0; at < users; at++)
    cookies.push((await request(sessions, undefined, (session) => session.login(`user${at}`))).cookie as string);
  return cookies;
}

async function whoIs(name: string, cookies: string[]): Promise<(string | undefined)[]> {
  const sessions = new Sessions({ store: files(name), warn: false });
  return Promise.all(
    cookies.map((cookie) => request(sessions, cookie, ({ subject }) => subject).then(({ value }) => value)),
  );
}

describe("sojourn move", () => {
  test("moves all, says how many are left, reads them back, and can be run again", async () => {
    const cookies = await begin("old", 30);
    const [from, to] = [
      module("a", `export const store = files("old");`),
      module("b", `export const store = files("new");`),
    ];
    const dry = await cli(`move --from ${from} --to ${to} --dry-run`);
    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^file → file: 30 to move, \d+ KB\. Nothing was moved\n$/),
    });
    const moved = await cli(`move --from ${from} --to ${to} --verify --batch 7`);
    expect(moved.code).toBe(0);
    expect(moved.out).toMatch(
      /^file → file: moved 30 in \d+\.\d s, [\d,]+\/s\nread back from file: 30 the same, 0 changed since, 0 ended since\n0 left in file: it can be switched off\n$/,
    );
    expect(await whoIs("new", cookies)).toEqual(cookies.map((_, at) => `user${at}`));
    expect(await whoIs("old", cookies)).toEqual(cookies.map(() => undefined));
    const again = await cli(`move --from ${from} --to ${to} --json`);
    expect(JSON.parse(again.out)).toMatchObject({ from: "file", to: "file", moved: 0, left: 0 });
  });

  test("takes both stores from a moving store, and shows a bar on a terminal", async () => {
    const cookies = await begin("old", 5);
    const app = module(
      "app",
      `export const sessions = createSessions({ store: movingStore({ from: files("old"), to: files("new") }) });`,
    );
    const { code, out, told } = await cli(`move --from ${app}`, true);
    expect([code, out]).toEqual([0, expect.stringContaining("moved 5 in")]);
    expect(told).toMatch(/file → file \[=* *\] \d moved/);
    expect(await whoIs("new", cookies)).toEqual(cookies.map((_, at) => `user${at}`));
  });

  test.each([
    ["no new store", "move --from a.ts", "move needs --to <file>"],
    ["a moving store beside --to", "move --from app.ts --to b.ts", "is a movingStore()"],
    ["no module", "move --from none.ts --to b.ts", "none.ts"],
    ["the same option of another command", "move --from a.ts --to b.ts --batch 0", "--batch must be"],
  ])("%s is an error that says what to do", async (_, args, message) => {
    module("a", `export const store = files("old");`);
    module("b", `export const store = files("new");`);
    module("app", `export const store = movingStore({ from: files("old"), to: files("new") });`);
    const { code, told } = await cli(args);
    expect(code).toBeGreaterThan(0);
    expect(told).toContain(message);
  });

  test("a store that fails shows how far the move came, and that it can go on", async () => {
    await begin("old", 3);
    const from = module("a", `export const store = files("old");`);
    const to = module(
      "b",
      `const store = files("new"); store.create = async () => { throw new Error("disk full"); }; export { store };`,
    );
    const { code, told } = await cli(`move --from ${from} --to ${to}`);
    expect(code).toBe(1);
    expect(told).toContain("the move failed; 0 were moved and count. Run it again: it goes on where it is: disk full");
  });
});

describe("sojourn secrets", () => {
  const [old, next] = ["the old secret, of at least 32 characters", "the new secret, of at least 32 characters"];

  test("shows which secret still opens something, and what no store can tell", async () => {
    const make = (secrets: string[]) =>
      new Sessions({ store: files("s"), format: encrypted(jsonFormat(), secrets), warn: false });
    const cookies: string[] = [];
    for (let at = 0; at < 3; at++)
      cookies.push((await request(make([old]), undefined, (session) => session.login(`user${at}`))).cookie as string);
    const app = module(
      "app",
      `export const sessions = createSessions({ store: files("s"), format: encrypted(jsonFormat(), ["${next}", "${old}"]) });`,
    );
    const lines = async () => (await cli(`secrets --from ${app}`)).out;
    expect(await lines()).toMatch(/which seals +0\n +secret 2 +3: still needed\n$/);
    for (const cookie of cookies.slice(1)) await request(make([next, old]), cookie, (session) => session.regenerate());
    expect(await lines()).toMatch(/which seals +[24]\n +secret 2 +1: still needed\n$/);
    await request(make([next, old]), cookies[0], (session) => session.destroy());
    expect(await lines()).toMatch(/which seals +\d\n +secret 2 +0: opens nothing, and can go\n$/);
    const { out } = await cli(`secrets --from ${app} --json`);
    expect(JSON.parse(out)).toMatchObject({ stores: [{ store: "file", opens: [expect.any(Number), 0], none: 0 }] });
    expect(out).not.toContain("secret, of");
  });

  test("says when an old secret of tokens can be dropped", async () => {
    const app = module(
      "app",
      `export const sessions = createSessions({ store: files("s"), token: signedToken(["${next}", "${old}"]) });`,
    );
    expect((await cli(`secrets --from ${app}`)).out).toBe(
      "file: records are not encrypted. Secrets of the token: an old one can go 24 hours after the new one seals everywhere\n",
    );
  });

  test("a module without sessions is an error", async () => {
    const { code, told } = await cli(`secrets --from ${module("a", `export const store = files("old");`)}`);
    expect([code, told]).toEqual([2, expect.stringContaining("exports the sessions of createSessions()")]);
  });
});
