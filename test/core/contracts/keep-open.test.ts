/** What stays open over the reloads of a dev server. */

import { expect, test } from "vitest";
import { once } from "../../../src/core/options/checks.ts";
import { keepOpen } from "../../../src/keep-open.ts";

/** The module once more, as a dev server loads it after an edit. */
async function reloaded(): Promise<typeof keepOpen> {
  const { vi } = await import("vitest");
  vi.resetModules();
  return (await import("../../../src/keep-open.ts")).keepOpen;
}

test("what was opened is opened once, also by another copy of the module", async () => {
  const again = await reloaded();
  expect(again).not.toBe(keepOpen);
  let opened = 0;
  const open = (): { number: number } => ({ number: ++opened });
  const first = keepOpen("pool", open);
  expect(again("pool", open)).toBe(first);
  expect(keepOpen("pool", open)).toBe(first);
  expect(opened).toBe(1);
  expect(keepOpen("other", open)).toEqual({ number: 2 });
});

test("calls at the same time get one promise", async () => {
  let opened = 0;
  const open = async (): Promise<number> => ++opened;
  expect(await Promise.all([keepOpen("slow", open), keepOpen("slow", open)])).toEqual([1, 1]);
});

test("what failed is not kept: the next call tries again, whether it threw or rejected", async () => {
  let tries = 0;
  const open = async (): Promise<string> => {
    tries += 1;
    if (tries < 3) throw new Error("refused");
    return "connected";
  };
  await expect(keepOpen("down", open)).rejects.toThrow("refused");
  await expect(keepOpen("down", open)).rejects.toThrow("refused");
  expect(await keepOpen("down", open)).toBe("connected");
  expect(await keepOpen("down", open)).toBe("connected");
  expect(tries).toBe(3);

  const throwing = (): never => {
    throw new Error("no such driver");
  };
  expect(() => keepOpen("driver", throwing)).toThrow("no such driver");
  expect(keepOpen("driver", () => "found")).toBe("found");
});

test("arguments of the wrong kind are refused by name", () => {
  expect(() => keepOpen("", () => 1)).toThrow(/^name must be a name for what is opened; received/);
  expect(() => keepOpen(1 as never, () => 1)).toThrow(/^name must be/);
  expect(() => keepOpen("client", {} as never)).toThrow(/^open must be a function that opens it; received/);
});

test("one function gets a warning once, also from another copy of the module", async () => {
  await reloaded();
  const copy = await import("../../../src/core/options/checks.ts");
  const said: string[] = [];
  const warn = (message: string): void => void said.push(message);
  once(warn)("one");
  copy.once(warn)("one");
  copy.once(warn)("two");
  expect(said).toEqual(["sojourn: one", "sojourn: two"]);
  expect(copy.warnOption(undefined)).toBe((await import("../../../src/core/options/checks.ts")).warnOption(undefined));
});
