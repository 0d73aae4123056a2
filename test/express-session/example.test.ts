/** The example of the drop-in runs. */

import { join } from "node:path";
import makeFetchCookie from "fetch-cookie";
import { expect, onTestFinished, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";
import { scratch, start } from "../examples/demo-process.ts";

test("visits are counted through a login and end with a logout", async () => {
  const directory = await scratch();
  const program = start(["--conditions=sojourn-source", join(projectRoot, "examples/express-session/server.ts")], {
    cwd: directory.path,
    env: { PORT: "0" },
  });
  onTestFinished(async () => {
    await program.stop();
    await directory.remove();
  });
  const url = await program.url;
  const browser = makeFetchCookie(fetch);
  const text = async (path: string, method = "GET"): Promise<string> => (await browser(url + path, { method })).text();
  expect(await text("/")).toBe("guest, visit 1\n");
  expect(await text("/login", "POST")).toBe("ada, visit 2\n");
  expect(await text("/logout", "POST")).toBe("guest, visit 1\n");
});
