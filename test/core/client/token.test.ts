/** Tokens: bare, signed and sealed, over both kinds of crypto. */

import { describe, expect, test } from "vitest";
import { twins } from "../request/twins.ts";

const cookie = "__Host-session";
const id = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const newest = "the newest secret, of 32 characters or more";
const older = "an older secret, also of 32 characters or more";
const foreign = "somebody else's secret, 32 characters or more";

/** Everything that is not a token of ours, as a client may send it. */
const garbage = [
  "",
  ".",
  "..",
  "=",
  id,
  `${id}.`,
  `.${id}`,
  `${id}.${id}`,
  `s:${id}.${id}`,
  `${id}.${"A".repeat(44)}`,
  `${id}.${"A".repeat(42)}`,
  "A".repeat(43),
  "-".repeat(95),
  "A".repeat(400),
  "A".repeat(401),
  "A".repeat(16_384),
  ".".repeat(16_384),
  "é".repeat(43),
  "\ud800".repeat(43),
  "\0\x01\x7f",
  '"quoted"',
  "%2E%2E%2F",
  "__proto__",
  "null",
];

describe.each(twins)("over %s", (name, { token }) => {
  const { bareToken, sealedToken, signedToken } = token;

  test("a bare token is the id", async () => {
    expect(await bareToken().seal(id, cookie)).toBe(id);
    expect(await bareToken().open(id, cookie)).toEqual({ id, stale: false });
  });

  test("a signed token is id.signature, the same every time and in every version", async () => {
    const sealed = await signedToken(newest).seal(id, cookie);
    expect(sealed).toBe(`${id}.KZVcu_zf-Qhd14PTBKIJuUgX-nVMG1-bV7vJ4etq1IM`);
    expect(await signedToken(newest).seal(id, cookie)).toBe(sealed);
  });

  test("a sealed token shows nothing of the id and differs every time", async () => {
    const format = sealedToken(newest);
    const tokens = await Promise.all([format.seal(id, cookie), format.seal(id, cookie)]);
    expect(tokens[0]).not.toBe(tokens[1]);
    expect(tokens[0]).toMatch(/^[A-Za-z0-9_-]{95}$/);
    expect(tokens.join()).not.toContain(id.slice(0, 8));
  });

  test("tokens are made synchronously where the crypto is synchronous", () => {
    expect(signedToken(newest).seal(id, cookie) instanceof Promise).toBe(name === "WebCrypto");
    expect(sealedToken(newest).seal(id, cookie) instanceof Promise).toBe(name === "WebCrypto");
  });

  describe.each([
    ["signed", signedToken],
    ["sealed", sealedToken],
  ])("a %s token", (_, make) => {
    test("opens to the id", async () => {
      const format = make(newest);
      expect(await format.open(await format.seal(id, cookie), cookie)).toEqual({ id, stale: false });
    });

    test("carries ids of other shapes, with dots too", async () => {
      const format = make(newest);
      for (const other of ["", ".", "a.b.c", "é", "x".repeat(200), "\0"]) {
        expect(await format.open(await format.seal(other, cookie), cookie)).toEqual({ id: other, stale: false });
      }
    });

    test("of an older secret opens and is stale; of a dropped secret it does not open", async () => {
      const sealed = await make(older).seal(id, cookie);
      expect(await make([newest, older]).open(sealed, cookie)).toEqual({ id, stale: true });
      expect(await make([newest, foreign, older]).open(sealed, cookie)).toEqual({ id, stale: true });
      expect(await make([older, newest]).open(sealed, cookie)).toEqual({ id, stale: false });
      expect(await make([newest, foreign]).open(sealed, cookie)).toBeNull();
    });

    test("is made with the first secret, and the second confirms it", async () => {
      const sealed = await make([newest, older]).seal(id, cookie);
      expect(await make(newest).open(sealed, cookie)).toEqual({ id, stale: false });
      const open = async () => make(older).open(sealed, cookie);
      await expect(open()).rejects.toMatchObject({ code: "ERR_SESSION_UNREADABLE" });
    });

    test("is bound to the name of its cookie", async () => {
      const format = make(newest);
      const sealed = await format.seal(id, cookie);
      for (const other of ["", "session", "__host-session", "__Host-sessio", "__Host-session2", "__Host-session="]) {
        expect(await format.open(sealed, other)).toBeNull();
      }
    });

    test("does not open with any character changed, added or left out", async () => {
      const format = make(newest);
      const sealed = await format.seal(id, cookie);
      const marked = await make([newest, older]).seal(id, cookie);
      for (let at = 0; at < marked.indexOf("~"); at++) {
        const changed = marked.slice(0, at) + (marked[at] === "A" ? "B" : "A") + marked.slice(at + 1);
        expect(await make([newest, older]).open(changed, cookie), `at ${at}, with a mark`).toBeNull();
      }
      for (let at = 0; at <= sealed.length; at++) {
        const [before, after] = [sealed.slice(0, at), sealed.slice(at)];
        const changed = after[0] === "A" ? "B" : "A";
        const tries = [before, after, `${before}A${after}`, `${before}.${after}`, before + changed + after.slice(1)];
        for (const attempt of tries) {
          if (attempt !== sealed) expect(await format.open(attempt, cookie), `at ${at}`).toBeNull();
        }
      }
      expect(await format.open(sealed + sealed, cookie)).toBeNull();
      expect(await format.open(`${sealed}=`, cookie)).toBeNull();
    });

    test("has one valid spelling only: the unused bits of its last digit cannot be set", async () => {
      const format = make(newest);
      const sealed = await format.seal(id, cookie);
      const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const others = [...digits].map((digit) => sealed.slice(0, -1) + digit).filter((other) => other !== sealed);
      for (const other of others) expect(await format.open(other, cookie)).toBeNull();
    });

    test("that is garbage opens to null, never an exception", async () => {
      const format = make([newest, older]);
      for (const text of garbage) expect(await format.open(text, cookie), text.slice(0, 50)).toBeNull();
    });
  });

  test("does not open as another kind", async () => {
    expect(await sealedToken(newest).open(await signedToken(newest).seal(id, cookie), cookie)).toBeNull();
    expect(await signedToken(newest).open(await sealedToken(newest).seal(id, cookie), cookie)).toBeNull();
  });

  test("is opened by the first secret that fits, and the others are not tried", async () => {
    const asked: number[] = [];
    const ask = (key: number): number | null => {
      asked.push(key);
      return key === 2 ? key : null;
    };
    expect(await token.firstThat([1, 2, 3], ask)).toBe(2);
    expect(asked).toEqual([1, 2]);
    expect(await token.firstThat(Promise.resolve([1, 3]), async (key) => ask(key))).toBeNull();
  });

  test.each([
    ["signedToken(secrets)", signedToken],
    ["sealedToken(secrets)", sealedToken],
  ])("%s says what a secret must be, without repeating it", (option, make) => {
    expect(() => make("hunter2")).toThrow(
      `${option} must be a secret of at least 32 characters, or a list of 1 to 10 such, the newest first; received a string of 7 characters`,
    );
  });
});

test("of either crypto opens with the other", async () => {
  const [[, node], [, web]] = twins as [(typeof twins)[0], (typeof twins)[0]];
  for (const kind of ["signedToken", "sealedToken"] as const) {
    expect(await web.token[kind](newest).open(await node.token[kind](newest).seal(id, cookie), cookie)).not.toBeNull();
    expect(await node.token[kind](newest).open(await web.token[kind](newest).seal(id, cookie), cookie)).not.toBeNull();
  }
});
