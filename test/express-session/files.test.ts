/** The files of session-file-store: compared before they are written, also by several stores at once, and pruned. */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sessionFileStore } from "sojourn/express-session/files";
import { expect, onTestFinished, test } from "vitest";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "session-files-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const session = (data: object): string =>
  JSON.stringify({ cookie: { originalMaxAge: 60_000, expires: null, path: "/" }, ...data });

test("of many updates from one version one wins, through several stores", async () => {
  const path = directory();
  const stores = Array.from({ length: 4 }, () => sessionFileStore({ directory: path }));
  const [first] = stores as [(typeof stores)[0]];
  const expiresAt = Date.now() + 60_000;
  const version = (await first.create("key", { payload: session({ n: 0 }), expiresAt })) as string;
  expect(await first.create("key", { payload: session({ n: 9 }), expiresAt })).toBeNull();
  const updates = Array.from({ length: 20 }, (_, at) =>
    (stores[at % 4] as typeof first).update("key", { payload: session({ n: at + 1 }), expiresAt }, version),
  );
  expect((await Promise.all(updates)).filter((one) => one !== null)).toHaveLength(1);
  expect(readdirSync(path)).toEqual(["key.json"]);
});

test("a touch keeps the version; a rename requires it; a deleted record is not updated", async () => {
  const store = sessionFileStore({ directory: directory() });
  const expiresAt = Date.now() + 60_000;
  const version = (await store.create("a", { payload: session({}), expiresAt })) as string;
  expect(await store.touch("a", expiresAt + 5000)).toBe(true);
  expect((await store.read("a"))?.expiresAt).toBe(expiresAt + 5000);
  expect(await store.rename("a", "b", { payload: session({ b: 1 }), expiresAt }, "another")).toBeNull();
  const moved = (await store.rename("a", "b", { payload: session({ b: 1 }), expiresAt }, version)) as string;
  expect(await store.read("a")).toBeNull();
  await store.delete("b");
  expect(await store.update("b", { payload: session({ b: 2 }), expiresAt }, moved)).toBeNull();
  expect(await store.touch("b", expiresAt)).toBe(false);
});

test("no id leads out of the directory", async () => {
  const path = directory();
  const store = sessionFileStore({ directory: join(path, "sessions") });
  await store.create("../../etc/x", { payload: session({}), expiresAt: Date.now() + 60_000 });
  expect(readdirSync(path)).toEqual(["sessions"]);
  expect(readdirSync(join(path, "sessions"))).toEqual(["%2e.%2f..%2fetc%2fx.json"]);
});

test("prune removes expired records in batches, and leaves other files alone", async () => {
  const path = directory();
  let now = Date.now();
  const store = sessionFileStore({ directory: path, now: () => now });
  for (const key of ["a", "b", "c"]) await store.create(key, { payload: session({}), expiresAt: now + 60_000 });
  now += 30_000;
  await store.create("d", { payload: session({}), expiresAt: now + 60_000 });
  writeFileSync(join(path, "notes.txt"), "mine");
  now += 31_000;
  const one = await store.prune({ limit: 2 });
  expect(one).toEqual({ removed: 2, cursor: "b.json" });
  expect(await store.prune({ limit: 2, cursor: one.cursor })).toEqual({ removed: 1, cursor: undefined });
  expect(readdirSync(path).sort()).toEqual(["d.json", "notes.txt"]);
});

test("a wrong option is a TypeError that names it", () => {
  expect(() => sessionFileStore({ path: "x" } as never)).toThrow(/there is no option "path"/);
  expect(() => sessionFileStore({ ttl: "soon" as never })).toThrow(/ttl/);
  expect(() => sessionFileStore({ extension: "/x" })).toThrow(/extension/);
});
