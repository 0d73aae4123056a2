/** Changing a secret while several processes run: who has not got the new one yet leaves sessions alone. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { createSessions, encrypted, jsonFormat, type Session, sealedToken, signedToken } from "../../../src/index.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

const [old, fresh, other] = ["o".repeat(40), "n".repeat(40), "x".repeat(40)];
const login = (session: Session): void => session.login("ada");
const change = (session: Session): void => {
  session.data.cart = "tea";
};
const isAda = (session: Session): boolean => session.subject === "ada";
const unreadable = { code: "ERR_SESSION_UNREADABLE", status: 503 };

/** Everything that takes secrets, with a node for each list of them. */
function kinds() {
  const store = memoryStore();
  return {
    "encrypted()": (secrets: string[]) => createSessions({ store, format: encrypted(jsonFormat(), secrets) }),
    "signedToken()": (secrets: string[]) => createSessions({ store, token: signedToken(secrets) }),
    "sealedToken()": (secrets: string[]) => createSessions({ store, token: sealedToken(secrets) }),
    "cookieStore()": (secrets: string[]) => createSessions({ store: cookieStore({ secrets }) }),
    "cookieStore() in several cookies": (secrets: string[]) =>
      createSessions({ store: cookieStore({ secrets, chunks: 3 }) }),
  };
}

afterEach(() => {
  vi.useRealTimers();
});

describe.each(Object.keys(kinds()) as (keyof ReturnType<typeof kinds>)[])("a new secret of %s", (kind) => {
  test("a new secret put first at once: an old node answers 503, keeps the cookie, and the session goes on", async () => {
    const node = kinds()[kind];
    const [updated, outdated] = [node([fresh, old]), node([old])];
    const ada = await request(updated, undefined, login);
    for (const handler of [change, isAda, login, (session: Session) => session.destroy()]) {
      const answer = await request(outdated, ada.cookie, handler);
      expect(answer.error).toMatchObject(unreadable);
      expect(answer.setCookie).toBeUndefined();
    }
    expect((await request(updated, ada.cookie, isAda)).value).toBe(true);
  });

  test("a rotation in two steps: no node ever meets a secret that it does not have", async () => {
    const node = kinds()[kind];
    const steps = [[old], [old, fresh], [fresh, old], [fresh]];
    for (let step = 0; step + 1 < steps.length; step++) {
      // During each step nodes with the lists of before and after it run.
      const [before, after] = [node(steps[step] as string[]), node(steps[step + 1] as string[])];
      const isLast = step + 2 === steps.length;
      for (const [from, to] of isLast
        ? [[after, before]]
        : [
            [before, after],
            [after, before],
          ]) {
        const ada = await request(from as typeof before, undefined, login);
        expect((await request(to as typeof before, ada.cookie, isAda)).value).toBe(true);
      }
    }
  });

  test("what a dropped secret protected is no session, and the user can log in again", async () => {
    const node = kinds()[kind];
    const ada = await request(node([old]), undefined, login);
    const answer = await request(node([fresh]), ada.cookie, isAda);
    expect([answer.value, answer.error]).toEqual([false, undefined]);
    expect((await request(node([fresh]), ada.cookie, login)).setCookie).toBeDefined();
  });

  test("a secret dropped too early locks a user out for at most an hour", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const node = kinds()[kind];
    const ada = await request(node([old, fresh]), undefined, login);
    expect((await request(node([fresh]), ada.cookie, isAda)).error).toMatchObject(unreadable);
    vi.setSystemTime(Date.now() + 3_000_000 + 660_000);
    const late = await request(node([fresh]), ada.cookie, isAda);
    expect([late.value, late.error]).toEqual([false, undefined]);
  });

  test("only a client with a token of ours can cause such a 503", async () => {
    const node = kinds()[kind];
    const foreign = await request(node([fresh, other]), undefined, login);
    const answer = await request(node([old]), foreign.cookie, isAda);
    expect([answer.value, answer.error]).toEqual([false, undefined]);
    if (kind === "encrypted()") return;
    // A mark is for one text: with any character changed it is none.
    const ada = await request(node([fresh, old]), undefined, login);
    const [name, value = ""] = (ada.cookie as string).split(/=(.*)/s);
    for (let at = 0; at < value.length; at++) {
      const changed = value[at] === "A" ? "B" : "A";
      const forged = `${name}=${value.slice(0, at)}${changed}${value.slice(at + 1)}`;
      const { error } = await request(node([old]), forged, isAda);
      expect(error, `character ${at}`).toBeUndefined();
    }
  });

  test("with one secret nothing is added to the token", async () => {
    const node = kinds()[kind];
    const [one, two] = [
      await request(node([old]), undefined, login),
      await request(node([old, fresh]), undefined, login),
    ];
    expect(one.cookie).not.toContain("~");
    if (kind !== "encrypted()") expect(two.cookie?.length).toBeLessThan((one.cookie?.length ?? 0) + 30);
  });
});
