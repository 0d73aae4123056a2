/** The request at hand: over Node's AsyncLocalStorage, and where the runtime has none. */

import { expect, test, vi } from "vitest";
import * as node from "../../../src/core/request/context.node.ts";
import * as web from "../../../src/core/request/context.ts";

test.each([
  ["imported", node.makeContext],
  ["handed out by the runtime", web.makeContext],
])("a context, %s, follows promises and callbacks, and two requests see separate ones", async (_, make) => {
  const context = make<string>() as web.Context<string>;
  const seen = await Promise.all(
    ["a", "b"].map((name) =>
      context.run(name, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return context.getStore();
      }),
    ),
  );
  expect(seen).toEqual(["a", "b"]);
  expect(context.getStore()).toBeUndefined();
});

test("where the runtime has none, there is no context", () => {
  vi.stubGlobal("process", undefined);
  try {
    expect(web.makeContext()).toBeUndefined();
  } finally {
    vi.unstubAllGlobals();
  }
});
