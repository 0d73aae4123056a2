/** The store that comes without options lies among the files of a project: no tool of the project takes notice of it. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { Place } from "../../src/stores/file/place.ts";
import { filesIn } from "../../src/stores/file/store.ts";
import { fileStore } from "../../src/stores/file.ts";

const root = fs.mkdtempSync(join(tmpdir(), "sojourn-project-"));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let count = 0;
function newProject(): string {
  count += 1;
  const project = join(root, String(count));
  fs.mkdirSync(project);
  return project;
}

function inProject(project: string): Store {
  return filesIn(new Place(join(project, ".sessions"), true), false, Date.now);
}

const hour = 3_600_000;
function record(): StoreRecord {
  return { payload: "one", expiresAt: Date.now() + hour, subject: undefined };
}

async function fill(store: Store, keys: number): Promise<void> {
  for (let at = 0; at < keys; at += 1) {
    expect(await store.create(`k${at}`, record())).not.toBeNull();
  }
}

/** What this process watches. Only Linux shows it. */
function watches(): number {
  return fs
    .readdirSync("/proc/self/fdinfo")
    .flatMap((name) => {
      try {
        return fs.readFileSync(`/proc/self/fdinfo/${name}`, "utf8").split("\n");
      } catch {
        return []; // The one that lists them.
      }
    })
    .filter((line) => line.startsWith("inotify")).length;
}

describe.runIf(process.platform === "linux")("Vite", () => {
  /** How many watches fifty sessions add, and the names it watches in the end. */
  async function watchesOfFifty(store: Store, project: string): Promise<[number, string[]]> {
    const { createServer } = await import("vite");
    await fill(store, 1);
    const before = watches();
    const server = await createServer({
      root: project,
      configFile: false,
      logLevel: "silent",
      optimizeDeps: { noDiscovery: true },
      server: { middlewareMode: true, ws: false },
    });
    const names = (): string[] => Object.values(server.watcher.getWatched()).flat();
    const has = (name: string): Promise<void> => vi.waitFor(() => expect(names()).toContain(name), { timeout: 20_000 });
    try {
      await has(".gitignore");
      const one = watches() - before;
      for (let at = 0; at < 50; at += 1) await store.create(`more${at}`, record());
      fs.mkdirSync(join(project, "last")); // What came before it was seen when it is.
      await has("last");
      return [watches() - before - one, names()];
    } finally {
      await server.close();
    }
  }

  test("watches nothing of a session of the default store", async () => {
    const project = newProject();
    const [more, names] = await watchesOfFifty(inProject(project), project);
    expect(names).toContain(".sessions");
    expect(names.filter((name) => /^(node_modules|v1|records|[0-9a-f]{64})$/.test(name))).toEqual([]);
    expect(more).toBeLessThan(5);
  });

  test("watches what lies there openly: so the test above can fail", async () => {
    const project = newProject();
    const [more] = await watchesOfFifty(fileStore({ directory: join(project, "sessions") }), project);
    expect(more).toBeGreaterThan(50);
  });
});

describe("Git", () => {
  const git = (project: string, ...args: string[]): string =>
    execFileSync("git", args, {
      cwd: project,
      encoding: "utf8",
      timeout: 20_000,
      env: { ...process.env, GIT_DIR: undefined },
    });

  test("sees nothing of a session, wherever the store lies, and all that is beside it", async () => {
    const project = newProject();
    git(project, "init", "--quiet");
    await fill(inProject(project), 3);
    const open = fileStore({ directory: join(project, "data") });
    await fill(open, 3);
    fs.writeFileSync(join(project, "data", "mine.txt"), "");
    expect(fs.readFileSync(join(project, ".sessions", ".gitignore"), "utf8")).toBe("*\n");
    expect(git(project, "status", "--porcelain", "--untracked-files=all")).toBe("?? data/mine.txt\n");
  });

  test("sees nothing of the sessions of a version that wrote no .gitignore, after the first new one", async () => {
    const project = newProject();
    git(project, "init", "--quiet");
    const open = fileStore({ directory: join(project, ".sessions") });
    await fill(open, 2);
    fs.rmSync(join(project, ".sessions", "v1", ".gitignore"));
    const store = inProject(project);
    await store.create("new", record());
    expect(git(project, "status", "--porcelain", "--untracked-files=all")).toBe("");
  });

  test("goes on by a .gitignore that was there", async () => {
    const project = newProject();
    fs.mkdirSync(join(project, ".sessions"));
    fs.writeFileSync(join(project, ".sessions", ".gitignore"), "mine");
    await fill(inProject(project), 1);
    expect(fs.readFileSync(join(project, ".sessions", ".gitignore"), "utf8")).toBe("mine");
  });
});

describe("sessions that are there", () => {
  test("of a version that kept them openly are found, and stay where they are", async () => {
    const project = newProject();
    await fill(fileStore({ directory: join(project, ".sessions") }), 2);
    const store = inProject(project);
    expect((await store.read("k1"))?.payload).toBe("one");
    await fill(inProject(newProject()), 1);
    expect(fs.existsSync(join(project, ".sessions", "node_modules"))).toBe(false);
  });

  test("are found by a store that is given the directory by name", async () => {
    const project = newProject();
    await fill(inProject(project), 2);
    const store = fileStore({ directory: join(project, ".sessions") });
    expect((await store.read("k1"))?.payload).toBe("one");
  });

  test("of two stores that began beside each other are found by each after a restart", async () => {
    const project = newProject();
    const open = (): [Store, Store] => [inProject(project), fileStore({ directory: join(project, ".sessions") })];
    const [first, second] = open();
    await first.create("of the first", record());
    await second.create("of the second", record());
    const [again, other] = open();
    expect(await again.read("of the first")).not.toBeNull();
    expect(await other.read("of the second")).not.toBeNull();
  });
});

test("without options, ended sessions are removed, and one warning says where they are, also after a reload", () => {
  const project = newProject();
  // What a bundler of a dev server makes of an edit: everything a second time, in the same process.
  const source = new URL("../../", import.meta.url);
  for (const part of ["package.json", "src"])
    fs.cpSync(new URL(part, source), join(project, "again", part), { recursive: true });
  const program = `
    const [one, two] = [${JSON.stringify(source)}, new URL("again/", import.meta.url).href];
    const { createSessions } = await import(one + "src/index.ts");
    const reloaded = await import(two + "src/index.ts");
    const { fetchSessions } = await import(one + "src/frameworks/fetch.ts");
    let now = Date.now();
    const options = { now: () => now, random: () => 0 };
    async function visit(sessions) {
      const handler = fetchSessions(sessions)(async (request) => {
        (await sessions.get(request)).data.seen = true;
        return new Response();
      });
      await handler(new Request("http://localhost/"));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const records = () => process.getBuiltinModule("fs").globSync(".sessions/node_modules/v1/records/*/*").length;
    await visit(createSessions(options));
    await visit(reloaded.createSessions(options));
    const before = records();
    now += 25 * ${hour};
    await visit(createSessions(options));
    console.log(JSON.stringify([before, records()]));
  `;
  fs.writeFileSync(join(project, "app.mjs"), program);
  const args = ["--conditions=sojourn-source", "--no-warnings", "app.mjs"];
  const { stdout, stderr } = ran(project, args);
  expect(stderr.match(/no store was given/g)).toHaveLength(1);
  expect(stderr.match(/was sent over plain http/g)).toHaveLength(2); // Once a minute: the second is a day later.
  expect(JSON.parse(stdout)).toEqual([2, 1]);
});

function ran(cwd: string, args: string[]): { stdout: string; stderr: string } {
  const said = join(cwd, "stderr");
  const file = fs.openSync(said, "w");
  try {
    const stdout = execFileSync(process.execPath, args, {
      cwd,
      encoding: "utf8",
      timeout: 30_000,
      stdio: ["ignore", "pipe", file],
    });
    return { stdout, stderr: fs.readFileSync(said, "utf8") };
  } finally {
    fs.closeSync(file);
  }
}
