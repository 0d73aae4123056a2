/** Files that root writes for a Flask of another user, as in a container: Flask can read and write them all. */

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FlaskFiles, flaskFiles } from "../../../src/flask/files.ts";
import { pickleFormat } from "../../../src/flask.ts";

const isRoot = process.getuid?.() === 0;
const [user, group] = [65534, 65533];
const payload = (k: number): Uint8Array => pickleFormat().encode({ data: { k }, meta: {} }) as Uint8Array;
const record = (k: number) => ({ payload: payload(k), expiresAt: Date.now() + 3_600_000 });

let base: string;
let directory: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "sojourn-owner-"));
  chmodSync(base, 0o755);
  directory = join(base, "sessions");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Owner, group and mode of each file. */
function owners(): string[] {
  const all = readdirSync(directory).map((name) => statSync(join(directory, name)));
  return all.map(({ uid, gid, mode }) => `${uid}:${gid} ${(mode & 0o777).toString(8)}`);
}

describe.skipIf(!isRoot)("written by root", () => {
  test("a new session belongs to the owner of the directory", async () => {
    mkdirSync(directory);
    chownSync(directory, user, group);
    await flaskFiles({ directory, owner: user }).create("a", record(1));
    expect(owners()).toEqual([`${user}:${group} 600`]);
  });

  test("a changed or renewed session keeps its owner and mode", async () => {
    mkdirSync(directory);
    chownSync(directory, user, group);
    const store = flaskFiles({ directory, owner: user });
    const first = await store.create("a", record(1));
    for (const name of readdirSync(directory)) {
      chownSync(join(directory, name), user, 0);
      chmodSync(join(directory, name), 0o640);
    }
    const next = await store.update("a", record(2), first!);
    expect(owners()).toEqual([`${user}:0 640`]);
    expect(await store.touch("a", Date.now() + 7_200_000)).toBe(true);
    expect(owners()).toEqual([`${user}:0 640`]);
    await store.rename("a", "b", record(3), next!);
    expect(owners()).toEqual([`${user}:${group} 600`]);
  });

  test("cachelib's count file keeps its owner", async () => {
    mkdirSync(directory);
    chownSync(directory, user, group);
    const count = join(directory, "79bc207ee04a581ab2348ca1f3494e64cd0ec36128735b8c6bc85ddd8fe1938c");
    writeFileSync(count, Buffer.from("0000000080054b012e", "hex"));
    chownSync(count, user, group);
    await flaskFiles({ directory, owner: user }).create("a", record(1));
    expect(new Set(owners().map((one) => one.split(" ")[0]))).toEqual(new Set([`${user}:${group}`]));
    expect(statSync(count).uid).toBe(user);
  });

  test("a new directory belongs to the owner of its parent", async () => {
    chownSync(base, user, group);
    await flaskFiles({ directory, owner: user }).create("a", record(1));
    expect(statSync(directory).uid).toBe(user);
    expect(owners()).toEqual([`${user}:${group} 600`]);
  });

  test("a process that cannot change the owner gets a warning where Flask could not read the files", async () => {
    mkdirSync(directory);
    chownSync(directory, user, 12_345);
    chmodSync(directory, 0o770);
    const program = `
      import { flaskFiles } from ${JSON.stringify(new URL("../../../src/flask/files.ts", import.meta.url).href)};
      process.setgroups([]);
      process.setgid(12345);
      process.setuid(12345);
      const record = { payload: new Uint8Array(Buffer.from("80047d942e", "hex")), expiresAt: Date.now() + 1e6 };
      const make = (mode) => flaskFiles({ directory: ${JSON.stringify(directory)}, mode, owner: ${user} }).create(String(mode), record);
      const said = await make(0o600).then(() => "done", (error) => error.message);
      console.log(said);
      console.log(await make(0o640).then((version) => version ? "done" : "none", (error) => error.message));
    `;
    const flags = ["--conditions=sojourn-source", "--input-type=module", "-e", program];
    const [first, second] = execFileSync(process.execPath, flags, { encoding: "utf8", timeout: 60_000 })
      .trim()
      .split("\n");
    expect(first).toMatch(/belong to user 65534, and this process is user 12345.*SESSION_FILE_MODE=0640/);
    expect(second).toBe("done");
  });
});

describe.skipIf(!isRoot)("another user of the machine", () => {
  const calls = (store: FlaskFiles): (() => Promise<unknown>)[] => [
    () => store.read("a"),
    () => store.create("a", record(1)),
    () => store.update("a", record(1), "version"),
    () => store.touch("a", Date.now() + 7_200_000),
    () => store.rename("a", "b", record(1), "version"),
    () => store.delete("a"),
    () => store.prune(),
  ];
  async function refused(store: FlaskFiles, why: string): Promise<void> {
    for (const call of calls(store)) await expect(call()).rejects.toThrow(`flaskFiles refuses ${why}`);
  }

  test("is refused with what to do if they own the directory, and accepted if the options name them", async () => {
    mkdirSync(directory);
    await flaskFiles({ directory }).create("a", record(1));
    chownSync(directory, user, group);
    await refused(
      flaskFiles({ directory }),
      `${directory}: it belongs to user ${user}, and this process runs as user 0, so other users could ` +
        `forge sessions. Run the process as that user, or pass owner: ${user} if that is the user Flask runs as`,
    );
    await refused(flaskFiles({ directory, owner: user - 1 }), `${directory}: it belongs to user ${user}`);
    expect(await flaskFiles({ directory, owner: user }).read("a")).toMatchObject({ payload: payload(1) });
  });

  test("is refused if they own a parent directory, before anything is created", async () => {
    chownSync(base, user, group);
    const deep = join(directory, "deep");
    await expect(flaskFiles({ directory: deep }).create("a", record(1))).rejects.toThrow(`flaskFiles refuses ${base}`);
    expect(readdirSync(base)).toEqual([]);
  });

  test.each([
    ["everybody", 0o777, 0],
    ["everybody, sticky or not", 0o1777, 0],
    ["a group", 0o770, group],
  ])("is refused if the mode lets them write in the directory: %s", async (_, mode, of) => {
    mkdirSync(directory);
    chownSync(directory, 0, of);
    chmodSync(directory, mode);
    await refused(flaskFiles({ directory }), `${directory}: other users can write in it (mode ${mode.toString(8)})`);
    await refused(flaskFiles({ directory, owner: user }), `${directory}: other users can write in it`);
  });

  test("is noticed after they replaced the directory", async () => {
    chmodSync(base, 0o1777);
    const store = flaskFiles({ directory });
    await store.create("a", record(1));
    expect(await store.read("a")).not.toBeNull();
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    chownSync(directory, user, group);
    await refused(store, `${directory}: it belongs to user ${user}`);
  });

  test("a symbolic link of theirs is refused, and one of root is followed", async () => {
    mkdirSync(directory);
    const link = join(base, "link");
    symlinkSync(directory, link);
    expect(await flaskFiles({ directory: link }).create("a", record(1))).not.toBeNull();
    lchownSync(link, user, group);
    await refused(flaskFiles({ directory: link }), `${link}: it belongs to user ${user}`);
  });
});

test.each([-1, 1.5, "www-data", null])("owner %j is refused", (owner) => {
  expect(() => flaskFiles({ directory: "d", owner: owner as number })).toThrow(/^owner must be the number of a user/);
});
