/** The file store beside other users of the machine, in processes that are theirs. */

import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileStore } from "../../src/stores/file.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import type { UserCall } from "./file-user.ts";

const isRoot = process.getuid?.() === 0 && isMainThread && !("Deno" in globalThis) && !("Bun" in globalThis);
const program = fileURLToPath(new URL("file-user.ts", import.meta.url));
/** Where root alone may enter lies this Node, or the project: no other user can run the test's program. */
const runsForOthers = (): boolean =>
  spawnSync(process.execPath, ["-e", "require('fs').accessSync(process.argv[1])", program], {
    uid: 1,
    gid: 1,
    timeout: 60_000,
  }).status === 0;
const why = isRoot ? (runsForOthers() ? "" : "no other user may run this Node where it lies") : "other users need root";
const missing = why === "" ? false : reportMissing("file", why, "cannot be had");
reportBackend({ backend: "file", server: "none (files of this machine)" });

/** Who keeps sessions, and who wants to be somebody else. */
const [victim, attacker] = [1, 65_534];

describe.skipIf(missing)("another user of the machine", () => {
  const root = fs.mkdtempSync(join(tmpdir(), "sojourn-users-"));
  const processes = new Map<number, ChildProcess>();
  beforeAll(() => {
    fs.chmodSync(root, 0o755);
    for (const id of [victim, attacker]) {
      processes.set(id, fork(program, { uid: id, gid: id, execArgv: [] }));
    }
  });
  afterAll(() => {
    for (const child of processes.values()) child.kill();
    fs.rmSync(root, { recursive: true, force: true });
  });

  async function as(user: number, method: UserCall["method"], directory: string): Promise<unknown> {
    const child = processes.get(user) as ChildProcess;
    const answer = once(child, "message");
    child.send({ method, directory } satisfies UserCall);
    return (await answer)[0];
  }

  let places = 0;
  /** A session of the attacker's making, for the victim to read. */
  async function forge(directory: string): Promise<void> {
    expect(await as(attacker, "create", directory)).toBe(true);
    for (const path of [directory, ...fs.globSync(join(directory, "**"))]) fs.chmodSync(path, 0o755);
  }
  /** A directory of somebody, with a mode. */
  function place(owner: number, mode: number, group = owner, above = root): string {
    places += 1;
    const path = join(above, `place${places}`);
    fs.mkdirSync(path);
    fs.chownSync(path, owner, group);
    fs.chmodSync(path, mode);
    return path;
  }
  async function refused(directory: string, why: string): Promise<void> {
    for (const method of ["create", "read", "list", "touch"] as const) {
      expect(await as(victim, method, directory)).toMatch(why);
    }
  }

  test("who prepared the directory is refused, by root too", async () => {
    const directory = join(place(0, 0o1777), "sessions");
    await forge(directory);
    await refused(directory, `refused: The file store refuses ${directory}: it belongs to user 65534`);
    await expect(fileStore({ directory }).read("k")).rejects.toThrow("and this process runs as user 0");
    await expect(fileStore({ directory }).create("k", { payload: "", expiresAt: Date.now() })).rejects.toThrow(
      "refuses",
    );
  });

  test("who owns a parent directory is refused before anything is written", async () => {
    const above = place(attacker, 0o777);
    const directory = join(above, "deep", "sessions");
    expect(await as(victim, "create", directory)).toMatch(`The file store refuses ${above}: it belongs to user 65534`);
    expect(fs.globSync(join(directory, "**/*")).filter((path) => fs.statSync(path).isFile())).toEqual([]);
    expect(await as(victim, "read", directory)).toMatch("refuses");
  });

  test.each([
    ["everybody", 0o777, 0],
    ["a group of others", 0o775, attacker],
    ["a group that the process is in", 0o775, victim],
  ])("is refused where %s may write without a sticky bit, and accepted otherwise", async (_, mode, group) => {
    const above = place(0, 0o755, group);
    const directory = place(victim, 0o700, victim, above);
    expect(await as(victim, "create", directory)).toBe(true);
    fs.chmodSync(above, mode);
    // As another process finds it: this one has walked the way.
    const again = `${directory}/.`;
    await refused(
      again,
      `refused: The file store refuses ${above}: other users can write in it (mode ${mode.toString(8)}`,
    );
    fs.chmodSync(above, 0o755);
    expect(await as(victim, "read", again)).toBe("user 1");
  });

  test.each([
    ["a sticky directory, as /tmp is", 0o1777, 0, 0],
    ["a directory of the own user and his own group", 0o775, victim, victim],
  ])("is accepted: %s", async (_, mode, owner, group) => {
    const directory = join(place(owner, mode, group), "sessions");
    expect(await as(victim, "create", directory)).toBe(true);
    expect(await as(victim, "read", directory)).toBe("user 1");
  });

  test("may have written a v1 that was open to others, so it is refused", async () => {
    const directory = place(victim, 0o755);
    expect(await as(victim, "create", directory)).toBe(true);
    fs.chmodSync(join(directory, "v1"), 0o777);
    await refused(`${directory}/.`, `refused: The file store refuses ${directory}/v1: other users could write in it`);
  });

  test("is noticed after swapping the directory later", async () => {
    const above = place(0, 0o1777);
    const directory = join(above, "sessions");
    expect(await as(victim, "create", directory)).toBe(true);
    expect(await as(victim, "read", directory)).toBe("user 1");
    const forged = join(above, "forged");
    await forge(forged);
    // What cleans up old files in /tmp does this.
    fs.rmSync(directory, { recursive: true });
    fs.renameSync(forged, directory);
    await refused(directory, `refused: The file store refuses ${directory}: it belongs to user 65534`);
  });

  test("is refused with a symbolic link, and root's link is followed", async () => {
    const above = place(0, 0o1777);
    const directory = place(victim, 0o700);
    const [theirs, roots] = [join(above, "theirs"), join(above, "roots")];
    for (const link of [theirs, roots]) fs.symlinkSync(directory, link);
    fs.lchownSync(theirs, attacker, attacker);
    await refused(join(theirs, "in"), `refused: The file store refuses ${theirs}: it belongs to user 65534`);
    expect(await as(victim, "create", join(roots, "in"))).toBe(true);
    expect(await as(victim, "read", join(directory, "in"))).toBe("user 1");
  });
});
