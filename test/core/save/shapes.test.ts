/** What a save makes for each request is an object that V8 keeps fast: no dictionary, which an accessor of its own makes of it. */

import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import { expect, test } from "vitest";
import type { Incoming } from "../../../src/core/contracts/incoming.ts";
import { makeCore } from "../../../src/core/request/one-record.ts";
import { Work } from "../../../src/core/save/commit.ts";
import { draftOf } from "../../../src/core/save/steps.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

/** What only V8 can be asked, and what Node lets a program ask. */
const isNode = !("Bun" in globalThis) && !("Deno" in globalThis);

function fastProperties(): (a: object) => boolean {
  setFlagsFromString("--allow-natives-syntax");
  return runInThisContext("(a) => %HasFastProperties(a)") as (a: object) => boolean;
}

const core = makeCore({ store: memoryStore() });
const incoming: Incoming = {
  request: {},
  reader: {},
  cookie: undefined,
  headersSent: false,
  readOnly: false,
  noTouch: false,
  used: false,
  over: false,
};

test.runIf(isNode)("the draft of a save is no dictionary, and has the data of its own request", () => {
  const isFast = fastProperties();
  const [first, second] = [1, 2].map((visits) => {
    const work = new Work(core, incoming, null, 0);
    work.state.data.visits = visits;
    return draftOf(work, "create", undefined).draft;
  });
  expect(isFast(Object.assign(Object.create(null), { a: 1 }))).toBe(false);
  expect(isFast(first as object)).toBe(true);
  expect(isFast(second as object)).toBe(true);
  expect([first?.data, second?.data]).toEqual([{ visits: 1 }, { visits: 2 }]);
});
