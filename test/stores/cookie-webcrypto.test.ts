/** Sessions in the cookie on runtimes without `node:crypto`: the same over WebCrypto, and read by the other. */

import { expect, test, vi } from "vitest";
import { aesSeal } from "../../src/core/client/seal.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { cookieStore } from "../../src/stores/cookie.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";

reportBackend({ backend: "cookie", server: "none (the client keeps it)" });

vi.mock("#crypto", () => import("../../src/core/bytes/crypto.ts"));

const [secret, older] = ["a secret of at least 32 characters, really", "the one before, of at least 32 characters"];

test("a session is sealed, opened, sealed again, ended and revoked", async () => {
  const make = (secrets: string[], revocations = memoryStore()) =>
    new Sessions<{ n: number }>({ store: cookieStore({ secrets, revocations, chunks: 3 }) });
  const before = await request(make([older]), undefined, ({ data }) => Object.assign(data, { n: 1 }));
  const sessions = make([secret, older]);
  const again = await request(sessions, before.cookie, ({ data }) => data.n);
  expect(again.value).toBe(1);
  expect(again.setCookie).toBeDefined();
  const login = await request(sessions, again.cookie, (session) => session.login("ada"));
  expect((await request(make([secret]), login.cookie, (session) => session.subject)).value).toBe("ada");
  await sessions.revoke("ada");
  expect((await request(sessions, login.cookie, (session) => session.subject)).value).toBeUndefined();
  expect((await request(sessions, `${login.cookie}A`, (session) => session.isNew)).value).toBe(true);
});

test("each kind of runtime opens what the other sealed", async () => {
  vi.doUnmock("#crypto");
  vi.resetModules();
  const node = (await import("../../src/core/client/seal.ts")).aesSeal("secrets", secret);
  const web = aesSeal("secrets", secret);
  expect(web.seal("x", 1, "c")).toBeInstanceOf(Promise);
  expect(node.seal("x", 1, "c")).toBeTypeOf("string");
  for (const [from, to] of [
    [node, web],
    [web, node],
  ] as const) {
    for (const payload of ["text", Uint8Array.of(1, 2, 255)]) {
      const sealed = await from.seal(payload, 1_800_000_000_000.5, "session");
      expect(await to.open(sealed, "session")).toEqual({ payload, expiresAt: 1_800_000_000_000.5, stale: false });
      expect(await to.open(sealed, "other")).toBeNull();
    }
  }
});
