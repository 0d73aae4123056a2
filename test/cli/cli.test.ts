/** The command `sojourn`: what it does, what it says, and its exit codes. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run as runHere } from "../../src/cli/run.ts";
import { sqlStore } from "../../src/stores/sql.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-cli-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs it within this process. */
async function cli(args: string, env: Record<string, string> = {}, tty = false) {
  let [out, told] = ["", ""];
  const code = await runHere(args.split(" ").filter(Boolean), {
    stdout: {
      write: (text) => {
        out += text;
      },
    },
    stderr: {
      write: (text) => {
        told += text;
      },
      isTTY: tty,
      columns: 60,
    },
    env,
    cwd: directory,
  });
  return { code, out, told };
}

/** A database with so many sessions that have ended, and two that have not. */
async function database(name: string, ended: number): Promise<Record<string, string>> {
  const db = new DatabaseSync(join(directory, name));
  const clock = { now: 1_000_000 };
  const { flaskSqlalchemy } = await import("../../src/flask.ts");
  const store = sqlStore({ client: db, layout: flaskSqlalchemy(), now: () => clock.now });
  await store.setup!();
  db.exec("BEGIN");
  const insert = db.prepare("INSERT INTO sessions (session_id, data, expiry) VALUES (?, x'80', ?)");
  for (let at = 0; at < ended; at += 1) insert.run(`session:e${at}`, "2020-01-01 00:00:00.000000");
  for (let at = 0; at < 2; at += 1) insert.run(`session:l${at}`, "2999-01-01 00:00:00.000000");
  db.exec("COMMIT");
  db.close();
  return { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: `sqlite:///${join(directory, name)}` };
}

function rows(name: string): number {
  const db = new DatabaseSync(join(directory, name));
  const { n } = db.prepare("SELECT count(*) AS n FROM sessions").get() as { n: number };
  db.close();
  return n;
}

describe("sojourn cleanup", () => {
  test("removes expired records in batches, and counts them", async () => {
    const env = await database("batches.db", 2500);
    const { code, out, told } = await cli("cleanup --batch 1000", env);
    expect([code, told]).toEqual([0, ""]);
    expect(out).toMatch(/^sql: removed 2,500 ended sessions in 3 batches, \d+\.\d s\n$/);
    expect(rows("batches.db")).toBe(2);
    expect((await cli("cleanup", env)).out).toMatch(/^sql: removed 0 ended sessions in 1 batch, /);
  });

  test("prints JSON", async () => {
    const { out, told } = await cli("cleanup --json", await database("json.db", 1));
    expect(told).toBe("");
    expect(JSON.parse(out)).toEqual({
      removed: 1,
      stores: [{ store: "sql", removed: 1, batches: 1, seconds: expect.any(Number) }],
    });
  });

  test("shows a moving bar on a terminal, within its width, and clears it at the end", async () => {
    const { out, told } = await cli("cleanup --batch 1", await database("bar.db", 40), true);
    expect(out).toMatch(/^sql: removed 40 ended sessions in 4[01] batches/);
    const lines = told.split("\r\u001b[2K");
    expect(lines[1]).toBe(
      "sql [                ====] 1 removed, batch 1".replace("                ====", "====                "),
    );
    expect(lines.at(-1)).toBe("");
    expect(lines.every((line) => line.length < 60)).toBe(true);
  });

  test("leaves stores alone that clean themselves or keep nothing", async () => {
    const { code, out } = await cli("cleanup", { SESSION_TYPE: "redis", SESSION_REDIS: "redis://127.0.0.1:9" });
    expect([code, out]).toEqual([0, "redis: nothing to do, the backend removes ended sessions\n"]);
    const cookie = await cli("cleanup", { SESSION_TYPE: "cookie", SECRET_KEY: "x" });
    expect(cookie.out).toBe("there is no store: these sessions are only in their cookies\n");
  });

  test("on failure shows what the database said, and how far it came", async () => {
    const env = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: `sqlite:///${join(directory, "empty.db")}` };
    const { code, out, told } = await cli("cleanup", env);
    expect([code, out]).toEqual([1, ""]);
    expect(told).toBe("sojourn: sql: the cleanup failed, nothing was removed: no such table: sessions\n");
  });
});

describe("sojourn setup", () => {
  test("creates the table, and does nothing the second time", async () => {
    const env = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: `sqlite:///${join(directory, "setup.db")}` };
    for (const _ of [1, 2]) expect(await cli("setup", env)).toEqual({ code: 0, out: "sql: ready\n", told: "" });
    expect(rows("setup.db")).toBe(0);
    expect(JSON.parse((await cli("setup --json", env)).out)).toEqual({ stores: [{ store: "sql", needed: true }] });
    expect((await cli("setup", { SESSION_TYPE: "null" })).out).toBe("null: ready, it needs no set-up\n");
  });
});

describe("sojourn config", () => {
  test("shows what each key did, without secrets, within 80 columns", async () => {
    const env = {
      SESSION_TYPE: "redis",
      SESSION_REDIS: "redis://ada:hunter2@cache",
      SECRET_KEY: "hunter2",
      SESSION_USE_SIGNER: "1",
    };
    const { code, out } = await cli("config", { ...env, SESSION_FILE_THRESHOLD: "5", SESSION_REDSI: "x" });
    expect(code).toBe(0);
    expect(out).toContain("Given\n  SESSION_TYPE                  redis\n");
    expect(out).toContain("  SESSION_REDIS                 redis://cache\n");
    expect(out).toContain("  SESSION_REDSI\n      there is no such key; did you mean SESSION_REDIS?\n");
    expect(out).not.toContain("hunter2");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const { keys } = JSON.parse((await cli("config --json", env)).out);
    expect(keys).toContainEqual({ key: "SECRET_KEY", value: "a secret", from: "given" });
  });

  test("reads another prefix and a file; the environment wins", async () => {
    writeFileSync(join(directory, "keys.env"), "FLASK_SESSION_TYPE=redis\nFLASK_SESSION_KEY_PREFIX=shop:\n");
    const { out } = await cli("config --prefix FLASK_ --env-file keys.env", { FLASK_SESSION_TYPE: "memcached" });
    expect(out).toMatch(/SESSION_TYPE +memcached\n/);
    expect(out).toMatch(/SESSION_KEY_PREFIX +shop:\n/);
  });

  test("a wrong value is named, with exit code 2", async () => {
    const { code, told } = await cli("config", { SESSION_TYPE: "redis", SESSION_PERMANENT: "perhaps" });
    expect([code, told]).toEqual([2, 'sojourn: SESSION_PERMANENT must be true or false; received "perhaps"\n']);
  });
});

describe("--from", () => {
  const source = (path: string): string =>
    JSON.stringify(pathToFileURL(fileURLToPath(new URL(`../../src/${path}`, import.meta.url))).href);
  beforeAll(() => {
    const imports = `import { memoryStore } from ${source("stores/memory.ts")};\nimport { createSessions } from ${source("create.ts")};\n`;
    const store = `const store = memoryStore();\nawait store.create("k", { payload: "", expiresAt: Date.now() + 1 });\nawait new Promise((resolve) => setTimeout(resolve, 5));\n`;
    writeFileSync(
      join(directory, "sessions.mjs"),
      `${imports}${store}export const sessions = createSessions({ store });\nexport const close = () => { globalThis.sojournClosed = true; };`,
    );
    writeFileSync(join(directory, "store.mjs"), `${imports}${store}export default store;`);
    writeFileSync(join(directory, "stores.mjs"), `${imports}${store}export const stores = [store, memoryStore()];`);
    writeFileSync(join(directory, "nothing.mjs"), "export const nothing = 1;");
  });

  test.each([
    ["sessions.mjs", 1],
    ["store.mjs", 1],
    ["stores.mjs", 2],
  ])("takes a module that exports %s", async (file, count) => {
    const { code, out } = await cli(`cleanup --from ${file} --json`);
    expect(code).toBe(0);
    const { removed, stores } = JSON.parse(out);
    expect([removed, stores.length]).toEqual([1, count]);
  });

  test("calls the module's close", () => {
    expect((globalThis as { sojournClosed?: boolean }).sojournClosed).toBe(true);
  });

  test("refuses a module without a store, and one that does not exist", async () => {
    const nothing = await cli("cleanup --from nothing.mjs");
    expect([nothing.code, nothing.told]).toEqual([
      2,
      "sojourn: nothing.mjs must export sessions of createSessions(), a store, or stores in an array; it exports nothing\n",
    ]);
    expect(await cli("cleanup --from absent.mjs")).toMatchObject({
      code: 2,
      told: "sojourn: --from absent.mjs: there is no such file\nRun sojourn --help.\n",
    });
    expect((await cli("config --from nothing.mjs")).code).toBe(2);
  });
});

describe("the command line", () => {
  test.each([
    ["", 0],
    ["--help", 0],
    ["help", 0],
  ])("%j shows the help, within 80 columns", async (args, code) => {
    const { out, ...rest } = await cli(args);
    expect(rest).toEqual({ code, told: "" });
    expect(out).toMatch(/^Usage: sojourn <command> \[options\]\n/);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test.each([
    ["clean", 'there is no command "clean"; did you mean cleanup?'],
    [
      "--json",
      "name a command: list, show, revoke, count, doctor, cleanup, setup, config, move, secrets, audit, completion",
    ],
    ["cleanup --yes", "cleanup takes no --yes; it is for revoke"],
    ["show", "show needs a handle: sojourn show <handle>"],
    ["help cleaner", 'there is no command "cleaner"; did you mean cleanup?'],
    ["cleanup now", 'cleanup takes no "now"'],
    ["cleanup --bacth 5", "Unknown option '--bacth'"],
    ["cleanup --batch 0", '--batch must be a whole number of at least 1; received "0"'],
    ["cleanup --records mine", '--records must be flask or native; received "mine"'],
  ])("%j is a usage error", async (args, message) => {
    const { code, out, told } = await cli(args, { SESSION_TYPE: "null" });
    expect([code, out, told]).toEqual([2, "", `sojourn: ${message}\nRun sojourn --help.\n`]);
  });

  test("as a program, ends with its exit code and all output although a module holds a timer", async () => {
    writeFileSync(
      join(directory, "held.mjs"),
      `setInterval(() => {}, 1000);\nexport const stores = [];\nthrow new Error("no");`,
    );
    const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
    const child = spawn(process.execPath, ["--conditions=sojourn-source", program, "cleanup", "--from", "held.mjs"], {
      cwd: directory,
    });
    let told = "";
    child.stderr.on("data", (chunk) => {
      told += chunk;
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, told]).toEqual([1, "sojourn: no\n"]);
  });

  test("shows the version of the package", async () => {
    expect((await cli("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
