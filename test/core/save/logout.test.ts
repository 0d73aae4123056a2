/** A logout is final when it is called, whatever the handler does afterwards; and the pages that teach one are right. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { projectRoot } from "../../../scripts/lib.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faultyStore } from "../../../src/testing/faults.ts";
import { docModule } from "../../support/doc-module.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;

function setUp(onError: "discard" | "save" = "discard") {
  const store = memoryStore();
  const sessions = new Sessions<Data>({ store, onError });
  const events: string[] = [];
  sessions.on(({ type }) => events.push(type));
  const visit = async (handler: (session: Session<Data>) => unknown) => {
    const login = await request(sessions, undefined, (session) => {
      session.data.role = "admin";
      session.login("ada");
    });
    const answer = await request(sessions, login.cookie, handler);
    const after = await request(sessions, login.cookie, (session) => session.subject ?? null);
    return { answer, after: after.value };
  };
  return { sessions, events, store, visit };
}

const gone = /Max-Age=0(;|$)/;

describe("a logout takes effect", () => {
  const then: Record<string, (session: Session<Data>) => unknown> = {
    "throws an error": () => {
      throw new Error("the page failed");
    },
    "leaves a flash message": (session) => session.flash("notice", "Bye."),
    "changes the data": (session) => {
      session.update("role", () => "guest");
    },
    "calls clear": (session) => session.clear(),
    "calls login": (session) => session.login("bob"),
    "calls regenerate": (session) => session.regenerate(),
    "rejects later": () => Promise.reject(new Error("the page failed")),
  };
  for (const onError of ["discard", "save"] as const) {
    for (const [name, handler] of Object.entries(then)) {
      test(`when the handler then ${name} (onError: ${onError})`, async () => {
        const { visit, sessions, events } = setUp(onError);
        const { answer, after } = await visit((session) => {
          session.destroy();
          return handler(session);
        });
        expect(answer.error).toBeInstanceOf(Error);
        expect(answer.setCookie).toMatch(gone);
        expect(after).toBeNull();
        expect(await sessions.list("ada")).toEqual([]);
        expect(events.filter((type) => type === "session_logout")).toHaveLength(1);
      });
    }
  }

  test("when the response is a 5xx, or the handler failed after the headers were sent", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    const incoming = { cookie };
    const exchange = sessions.open(incoming, { cookie: () => cookie, secure: () => true });
    (await sessions.get(incoming)).destroy();
    const headers = new Headers();
    exchange.headersGone();
    await exchange.finish({ failed: true });
    expect(headers.get("set-cookie")).toBeNull();
    expect(await sessions.list("ada")).toEqual([]);
  });

  test("but other changes of the failed handler are not saved", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    const { error } = await request(sessions, cookie, (session) => {
      session.data.n = 1;
      throw new Error("no logout here");
    });
    expect(error).toBeInstanceOf(Error);
    expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({});
  });

  test("also in a handler that logged another user in before it logged out", async () => {
    const { visit, sessions, store } = setUp();
    const { after } = await visit((session) => {
      session.login("bob");
      session.destroy();
    });
    expect(after).toBeNull();
    expect([await sessions.list("ada"), await sessions.list("bob")]).toEqual([[], []]);
    const left = [];
    for await (const { key } of store.list?.() ?? []) if (key.startsWith("session:")) left.push(key);
    expect(left).toEqual([]);
  });

  test("once: if the store failed, the error response does not try again", async () => {
    const inner = memoryStore();
    let tries = 0;
    let down = false;
    const store = faultyStore(inner, ({ method }) => {
      if (!down) return "pass";
      if (method === "update") tries++;
      return "throw-before";
    });
    const sessions = new Sessions<Data>({ store });
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    const answer = await request(sessions, cookie, (session) => {
      down = true;
      session.destroy();
    });
    expect(answer.error).toMatchObject({ status: 503 });
    expect([answer.setCookie, tries]).toEqual([undefined, 1]);
  });
});

describe("docs/errors.md", () => {
  const page = readFileSync(join(projectRoot, "docs/errors.md"), "utf8");
  const section = page.split("\n## ").find((text) => text.startsWith("ERR_SESSION_ENDED")) as string;

  test("its code for a message after the logout logs out", async () => {
    const { logOut } = (await docModule("docs/errors.md", "function logOut")) as {
      logOut: (session: Session<Data>, redirect: (url: string) => void) => void;
    };
    const { visit, sessions } = setUp();
    const urls: string[] = [];
    const { answer, after } = await visit((session) => {
      session.data["lang"] = "da";
      logOut(session, (url) => urls.push(url));
    });
    expect(answer.error).toBeUndefined();
    expect(after).toBeNull();
    expect(urls).toEqual(["/"]);
    const next = await request(sessions, answer.cookie, (session) => [
      session.subject,
      session.take("notice"),
      { ...session.data },
    ]);
    expect(next.value).toEqual([undefined, "You are logged out.", { lang: "da" }]);
    expect(await sessions.list("ada")).toEqual([]);
  });

  test('the example says "logged out" only when the session ended', () => {
    expect(section).not.toMatch(/clear\(\)` and\s+`session\.regenerate\(\)` instead/);
    expect(section).toContain("keeps the user logged in");
  });
});
