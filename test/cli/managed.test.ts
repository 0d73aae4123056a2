/** The commands over sessions: list, show, revoke, count, doctor, completion. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { createSessions } from "../../src/create.ts";
import { sessionsFromConfig } from "../../src/flask/config.ts";
import { fileStore } from "../../src/stores/file.ts";
import { sqlStore } from "../../src/stores/sql.ts";
import { request } from "../support/requests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-managed-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, "../../src", path)).href;

/** What no output may have in it: cookies, what sessions hold, and what would steer the terminal. */
let secrets: string[];
let number = 0;

interface CliOptions {
  /** What the person at the terminal answers; without it there is no person. */
  readonly answers?: string[];
  readonly env?: Record<string, string>;
  readonly tty?: boolean;
  /** The application's module is given with `--from`. Default true. */
  readonly from?: boolean;
}

async function cli(args: string, { answers, env = {}, tty = false, from = true }: CliOptions = {}) {
  let [out, told] = ["", ""];
  const asked: string[] = [];
  const ask = async (question: string): Promise<string> => {
    asked.push(question);
    return answers?.shift() ?? "";
  };
  const words = [...args.split(" "), ...(from ? ["--from", `app${number}.mjs`] : [])];
  const code = await run(words, {
    stdout: {
      write: (text) => {
        out += text;
      },
      isTTY: tty,
    },
    stderr: {
      write: (text) => {
        told += text;
      },
    },
    env,
    cwd: directory,
    ...(answers && { ask }),
  });
  for (const secret of secrets) expect(`${out}${told}${asked.join()}`).not.toContain(secret);
  return { code, out, told, asked };
}

/** The handle of a session of a subject, as `list --json` says it. */
async function handleOf(subject: string | undefined): Promise<string> {
  const { sessions } = JSON.parse((await cli("list --json")).out) as {
    sessions: { handle: string; subject?: string }[];
  };
  return sessions.find((one) => one.subject === subject)!.handle;
}

beforeEach(async () => {
  number += 1;
  const file = join(directory, `shop${number}.db`);
  const db = new DatabaseSync(file);
  const sessions = createSessions<{ note: string }>({ store: sqlStore({ client: db, table: "web" }), name: "shop" });
  await sessions.stores[0]!.setup!();
  secrets = ["kept to itself", "\u001b[31m", "\u202e"];
  for (const [subject, label] of [
    ["ada", "Firefox on Linux"],
    ["ada", "Safari on iPhone"],
    ["bob\u001b[31m", "Chrome\u202e"],
    [undefined, undefined],
  ]) {
    const { cookie } = await request(sessions, undefined, (session) => {
      if (subject) session.login(subject);
      if (label) session.label = label;
      session.data.note = "kept to itself";
    });
    secrets.push(cookie!.slice(cookie!.indexOf("=") + 1));
  }
  db.close();
  writeFileSync(
    join(directory, `app${number}.mjs`),
    `import { DatabaseSync } from "node:sqlite";
import { createSessions } from ${JSON.stringify(source("create.ts"))};
import { sqlStore } from ${JSON.stringify(source("stores/sql.ts"))};
const store = sqlStore({ client: new DatabaseSync(${JSON.stringify(file)}), table: "web" });
export const sessions = createSessions({ store, name: "shop" });`,
  );
});

describe("sojourn list", () => {
  test("shows who is logged in on what, nothing that gives access, and no control characters", async () => {
    const { code, out, told } = await cli("list");
    expect(code).toBe(0);
    expect(out.split("\n")[0]).toMatch(/^HANDLE +SUBJECT +DEVICE +LOGIN +LAST SEEN +ENDS$/);
    expect(out).toMatch(/^\S{12} +ada +Firefox on Linux +\d+s ago +\d+s ago +in \S+$/m);
    expect(out).toMatch(/^\S{12} +bob\?\[31m +Chrome\? /m);
    expect(out).toMatch(/^\S{12} +\(no subject\) +– /m);
    expect(told).toBe("4 sessions\n");
  });

  test("continues from the cursor of the page before", async () => {
    const first = JSON.parse((await cli("list --limit 3 --json")).out);
    expect([first.sessions.length, first.more]).toEqual([3, true]);
    const second = JSON.parse((await cli(`list --json --cursor ${first.cursor}`)).out);
    expect([second.sessions.length, second.more]).toEqual([1, false]);
    expect((await cli("list --limit 3")).told).toBe(`3 sessions, and there may be more: --cursor ${first.cursor}\n`);
    expect(await cli("list --cursor what?ever")).toMatchObject({ code: 0 });
    expect(await cli("list --cursor wh\u00e4t")).toMatchObject({ code: 2, out: "" });
  });

  test("filters by subject, device and time of last use", async () => {
    const found = async (args: string): Promise<number> =>
      JSON.parse((await cli(`list --json ${args}`)).out).sessions.length;
    expect(await found("--subject ada")).toBe(2);
    expect(await found("--device safari")).toBe(1);
    expect(await found("--subject ada --device chrome")).toBe(0);
    expect(await found("--since 2h")).toBe(4);
    expect(await found("--since 2999-01-01")).toBe(0);
    expect(await found("--until 2020-01-01T00:00Z")).toBe(0);
    expect(await cli("list --since yesterday")).toMatchObject({ code: 2 });
  });

  test("lists everything at once where the store has no pages", async () => {
    number += 1;
    writeFileSync(
      join(directory, `app${number}.mjs`),
      `import { createSessions } from ${JSON.stringify(source("create.ts"))};
import { memoryStore } from ${JSON.stringify(source("stores/memory.ts"))};
import { request } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "../support/requests.ts")).href)};
const { page, ...store } = memoryStore();
export const sessions = createSessions({ store, name: "shop" });
for (const subject of ["ada", "bob", "eve"]) await request(sessions, undefined, (session) => session.login(subject));`,
    );
    expect((await cli("list")).told).toBe("3 sessions\n");
    expect((await cli("list --limit 2")).told).toBe("2 sessions, and there may be more: raise --limit\n");
    expect((await cli("list --subject bob")).told).toBe("1 session\n");
    expect(await cli("list --cursor x")).toMatchObject({ code: 2 });
  });

  test("names the administrator who acts as a user, in the list and in show", async () => {
    number += 1;
    writeFileSync(
      join(directory, `app${number}.mjs`),
      `import { createSessions } from ${JSON.stringify(source("create.ts"))};
import { fileStore } from ${JSON.stringify(source("stores/file.ts"))};
export const sessions = createSessions({ store: fileStore({ directory: ${JSON.stringify(join(directory, "acted"))} }), name: "shop" });`,
    );
    const store = fileStore({ directory: join(directory, "acted") });
    const own = createSessions<Record<string, unknown>>({ store, name: "shop" });
    const root = await request(own, undefined, (session) => session.login("root"));
    await request(own, root.cookie, (session) => session.impersonate("ada"));
    expect((await cli("list --subject ada")).out).toContain("  ada (by root)  ");
    const [{ handle, actor }] = JSON.parse((await cli("list --json --subject ada")).out).sessions;
    expect(actor).toBe("root");
    expect((await cli(`show ${handle}`)).out).toMatch(/^actor +root, who acts as the subject$/m);
  });

  test("honours NO_COLOR on a terminal", async () => {
    const bold = "\u001b[1m";
    expect((await cli("list", { tty: true })).out).toContain(bold);
    expect((await cli("list", { tty: true, env: { NO_COLOR: "1" } })).out).not.toContain("\u001b");
    expect((await cli("list")).out).not.toContain("\u001b");
  });

  test("says what to pass when there is no store to open", async () => {
    const { code, told } = await cli("list", { from: false });
    expect([code, told]).toEqual([2, expect.stringContaining("--from ./sessions.ts")]);
    const absent = await cli("list --env absent.env", { from: false });
    expect(absent.told).toMatch(/^sojourn: --env absent\.env: there is no such file\. .*--from/);
  });
});

describe("sessions of Flask, whose keys are their ids,", () => {
  test("are listed, shown and ended without an id in any output, and without a cursor", async () => {
    const env = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: `sqlite:///${join(directory, `flask${number}.db`)}` };
    const { sessions, close } = await sessionsFromConfig(env);
    for (let at = 0; at < 4; at++) {
      const { cookie } = await request(sessions, undefined, (session) => {
        session.data["user"] = "ada";
      });
      secrets.push(cookie!.slice(cookie!.indexOf("=") + 1));
    }
    await close();
    const flask = { env, from: false };
    expect(await cli("list --limit 3", flask)).toMatchObject({
      code: 0,
      told: "3 sessions, and there may be more: raise --limit\n",
    });
    const { out } = await cli("list --json --limit 3", flask);
    const listed = JSON.parse(out) as { sessions: { handle: string }[]; cursor?: string; more: boolean };
    expect([listed.cursor, listed.more]).toEqual([undefined, true]);
    const handle = listed.sessions[0]!.handle;
    expect(await cli(`show ${handle} --data`, flask)).toMatchObject({ code: 0, out: expect.stringContaining('"ada"') });
    expect(await cli(`revoke --handle ${handle} --yes`, flask)).toMatchObject({ code: 0 });
    expect((await cli("count", flask)).out).toBe("sql: 3 sessions\n");
    expect((await cli("doctor", flask)).code).toBe(0);
    rmSync(join(directory, `flask${number}.db`));
    const gone = await cli("list", flask);
    expect([gone.code, gone.out]).toEqual([1, ""]);
  });
});

describe("sojourn show", () => {
  test("shows one session, and its data only when asked", async () => {
    const handle = await handleOf("ada");
    const { code, out } = await cli(`show ${handle} --subject ada`);
    expect([code, out]).toEqual([0, expect.stringMatching(/^handle +\S{12}\nsubject +ada\nlabel +\w+ on \w+\n/)]);
    secrets = secrets.slice(1);
    expect((await cli(`show ${handle} --data`)).out).toMatch(/data\n\{\n {2}"note": "kept to itself"\n\}\n$/);
    expect(JSON.parse((await cli(`show ${handle} --data --json`)).out).session.data).toEqual({
      note: "kept to itself",
    });
  });

  test("says when there is none, also for a handle that begins with a dash", async () => {
    expect(await cli("show nothing")).toMatchObject({ code: 1, told: "there is no session with the handle nothing\n" });
    expect(await cli("show -xYz0123456_")).toMatchObject({
      code: 1,
      told: "there is no session with the handle -xYz0123456_\n",
    });
  });
});

describe("sojourn revoke", () => {
  test("asks first, and ends nothing unless the answer is yes", async () => {
    const declined = await cli("revoke --subject ada", { answers: [""] });
    expect(declined).toMatchObject({ code: 1, asked: ["End 2 sessions of ada? [y/N] "], told: "nothing was ended\n" });
    expect((await cli("count")).out).toBe("sql: 4 sessions\n");
    const agreed = await cli("revoke --subject ada", { answers: ["y"] });
    expect(agreed).toMatchObject({ code: 0, out: "ended 2 sessions of ada\n" });
    expect((await cli("list --subject ada")).told).toBe("no sessions\n");
  });

  test("needs --yes when there is no person to ask, and says which arguments are missing", async () => {
    expect(await cli("revoke --subject ada")).toMatchObject({ code: 2, told: expect.stringContaining("add --yes") });
    expect(await cli("revoke --yes")).toMatchObject({ code: 2, told: expect.stringContaining("--subject <text>") });
    expect(await cli("revoke --yes --everybody --subject ada")).toMatchObject({ code: 2 });
    expect((await cli("count")).out).toBe("sql: 4 sessions\n");
    expect(await cli("revoke --subject ada --yes --json")).toMatchObject({ code: 0, out: '{"ended":2}\n' });
  });

  test("ends one session by its handle, also one without a subject", async () => {
    const handle = await handleOf(undefined);
    const { asked, out } = await cli(`revoke --handle ${handle}`, { answers: ["yes"] });
    expect(asked).toEqual([`End the session ${handle} without a subject? [y/N] `]);
    expect(out).toBe(`ended the session ${handle} without a subject\n`);
    expect(await cli(`revoke --handle ${handle} --yes`)).toMatchObject({ code: 1 });
    const ada = await handleOf("ada");
    expect(await cli(`revoke --handle ${ada} --yes`)).toMatchObject({ code: 0 });
    expect((await cli("list --subject ada")).told).toBe("1 session\n");
  });
});

describe("sojourn revoke --everybody", () => {
  test("needs the word typed, and ends them all", async () => {
    expect(await cli("revoke --everybody --yes")).toMatchObject({
      code: 1,
      told: expect.stringContaining("needs the option everybody"),
    });
    const file = join(directory, `app${number}.mjs`);
    const withEverybody = readFileSync(file, "utf8")
      .replace("createSessions({", 'createSessions({ everybody: everybody({ within: "100ms" }),')
      .concat(`import { everybody } from ${JSON.stringify(source("everybody.ts"))};`);
    number += 1;
    writeFileSync(join(directory, `app${number}.mjs`), withEverybody);
    const declined = await cli("revoke --everybody", { answers: ["yes"] });
    expect(declined).toMatchObject({ code: 1, told: "nothing was ended\n" });
    expect(declined.asked).toEqual(["This ends 4 sessions and logs everybody out. Type everybody to go on: "]);
    const agreed = await cli("revoke --everybody", { answers: ["everybody"] });
    expect(agreed).toMatchObject({ code: 0, out: "ended 4 sessions\n" });
    expect((await cli("list")).told).toBe("no sessions\n");
    expect((await cli("count --exact")).out).toBe("sql: 0 sessions\n");
  });
});

describe("sojourn count and doctor", () => {
  test("count shows how many, exactly when asked", async () => {
    expect(JSON.parse((await cli("count --json")).out)).toEqual({
      stores: [{ store: "sql", count: 4, estimate: false }],
    });
    expect((await cli("count --exact")).out).toBe("sql: 4 sessions\n");
  });

  test("doctor tries what sessions need, and leaves nothing behind", async () => {
    const { code, out } = await cli("doctor");
    expect(code).toBe(0);
    expect(out).toMatch(/✓ may +read, create, update, touch, rename, delete, list, find by subject, count$/m);
    expect((await cli("count")).out).toBe("sql: 4 sessions\n");
    expect((await cli("doctor --read-only")).out).toMatch(/✓ may +read, list, find by subject, count$/m);
  });
});

describe("sojourn completion", () => {
  test("completes commands and their options in bash", async () => {
    const { out } = await cli("completion bash", { from: false });
    const complete = (line: string): string[] => {
      const words = line.split(" ");
      const script = `${out}\nCOMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length - 1}; _sojourn; printf '%s\n' "\${COMPREPLY[@]}"`;
      return execFileSync("bash", ["-c", script], { encoding: "utf8", timeout: 60_000 }).split("\n").filter(Boolean);
    };
    expect(complete("sojourn re")).toEqual(["revoke"]);
    expect(complete("sojourn revoke --e")).toEqual(["--everybody", "--env"]);
    expect(complete("sojourn help li")).toEqual(["list"]);
    expect(complete("sojourn completion f")).toEqual(["fish"]);
  });

  test("has every command in zsh and fish, and refuses another shell", async () => {
    for (const shell of ["zsh", "fish"]) {
      const { out } = await cli(`completion ${shell}`, { from: false });
      for (const name of ["list", "show", "revoke", "count", "doctor", "cleanup"]) expect(out).toContain(name);
    }
    expect(await cli("completion csh", { from: false })).toMatchObject({ code: 2 });
  });
});
