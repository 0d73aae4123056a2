/** An administrator who acts as a user: never both at once, never longer, and what no failure or slow request may leave behind. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { everybody } from "../../../src/everybody.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore, twoStepStore } from "../../../src/testing/explore.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { type Answer, request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const start = 1_800_000_000_000;
const minute = 60_000;

function setUp(options: Partial<SessionOptions<Data>> = {}) {
  const clock = { now: start };
  const now = () => clock.now;
  const store = countedStore(memoryStore({ now }));
  const sessions = new Sessions<Data>({ now, ...options, store });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  return { clock, store, sessions, events };
}

const who = ({ subject, actor, data }: Session<Data>) => ({ subject, actor, data: { ...data } });
const look = async (sessions: Sessions<Data>, cookie: string | undefined) =>
  (await request(sessions, cookie, who)).value;
const logIn = async (sessions: Sessions<Data>, subject = "root") =>
  (
    await request(sessions, undefined, (session) => {
      session.login(subject);
      session.data.notes = "mine";
    })
  ).cookie as string;
const impersonate = (session: Session<Data>): void => session.impersonate("ada");
const codeOf = (act: () => void): unknown => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

const asRoot = { subject: "root", actor: undefined, data: { notes: "mine" } };
const asAda = { subject: "ada", actor: "root", data: {} };
const asGuest = { subject: undefined, actor: undefined, data: {} };

describe("an impersonation", () => {
  test("is the user's session without data, and returns to the administrator's own session with its data", async () => {
    const { sessions, events } = setUp();
    const own = await logIn(sessions);
    const [{ handle } = { handle: "" }] = await sessions.list("root");
    const begun = await request(sessions, own, (session) => {
      impersonate(session);
      return who(session);
    });
    expect(begun.value).toEqual(asAda);
    expect(begun.setCookie).not.toMatch(/Max-Age/);
    expect(await look(sessions, begun.cookie)).toEqual(asAda);
    expect(await look(sessions, own)).toEqual(asGuest);
    expect(await sessions.list("ada")).toMatchObject([{ subject: "ada", actor: "root", authenticatedAt: undefined }]);
    await request(sessions, begun.cookie, ({ data }) => Object.assign(data, { seen: 1 }));
    const back = await request(sessions, begun.cookie, (session) => {
      session.endImpersonation();
      return { ...who(session), handle: session.handle };
    });
    expect(back.value).toEqual({ ...asRoot, handle });
    expect(await look(sessions, back.cookie)).toEqual(asRoot);
    expect(await look(sessions, begun.cookie)).toEqual(asGuest);
    expect(await sessions.list("ada")).toEqual([]);
    expect(await sessions.list("root")).toMatchObject([{ handle, actor: undefined }]);
    const told = events.filter(({ type }) => type.startsWith("impersonation"));
    expect(told).toMatchObject([
      { type: "impersonation_begun", subject: "ada", actor: "root" },
      { type: "impersonation_ended", subject: "ada", actor: "root" },
    ]);
    expect(events.filter(({ type }) => type === "session_login")).toHaveLength(1);
  });

  test("is never fresh, and allows no login and no second impersonation", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, await logIn(sessions), impersonate);
    const codes = async (session: Session<Data>) => [
      codeOf(() => session.requireFresh({ within: "5m" })),
      codeOf(() => session.confirm()),
      codeOf(() => session.login("bob")),
      codeOf(() => session.impersonate("bob")),
    ];
    const refused = [
      "ERR_SESSION_NOT_FRESH",
      "ERR_SESSION_NOT_FRESH",
      "ERR_SESSION_IMPERSONATED",
      "ERR_SESSION_IMPERSONATED",
    ];
    expect((await request(sessions, cookie, codes)).value).toEqual(refused);
    const both = await request(sessions, await logIn(sessions), (session) => {
      impersonate(session);
      return codes(session);
    });
    expect(both.value).toEqual(refused);
  });

  test("is refused for guests, and accepts a subject and a time only", async () => {
    const { sessions } = setUp();
    expect((await request(sessions, undefined, impersonate)).error).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });
    for (const [subject, options] of [[""], ["ada", { absoluteTimeout: "x" }], ["ada", { idleTimeout: "1h" }]]) {
      const own = await logIn(sessions);
      const { error } = await request(sessions, own, (session) =>
        session.impersonate(subject as string, options as object),
      );
      expect(error).toBeInstanceOf(TypeError);
      expect(await look(sessions, own)).toEqual(asRoot);
    }
    const own = await logIn(sessions);
    expect((await request(sessions, own, (session) => session.endImpersonation())).error).toBeUndefined();
    expect(await look(sessions, own)).toEqual(asRoot);
  });

  test("ends after its time, and never later than the administrator's own session", async () => {
    const { sessions, clock } = setUp({ idleTimeout: "2h", absoluteTimeout: "3h" });
    const ends = async (own: string, options?: object) => {
      const { cookie } = await request(sessions, own, (session) => session.impersonate("ada", options));
      return (await request(sessions, cookie, (session) => session.endsAt)).value;
    };
    expect(await ends(await logIn(sessions))).toBe(start + 60 * minute);
    expect(await ends(await logIn(sessions), { absoluteTimeout: "10m" })).toBe(start + 10 * minute);
    expect(await ends(await logIn(sessions), { absoluteTimeout: "24h" })).toBe(start + 120 * minute);
    const { cookie } = await request(sessions, undefined, (session) => session.login("root", { idleTimeout: "5m" }));
    const { cookie: acting } = await request(sessions, cookie, impersonate);
    clock.now += 4 * minute;
    expect(await look(sessions, acting)).toEqual(asAda);
    clock.now += 1.1 * minute;
    expect(await look(sessions, acting)).toEqual(asGuest);
  });

  const ends: Record<string, (sessions: Sessions<Data>) => Promise<unknown>> = {
    "the administrator's sessions are revoked": (sessions) => sessions.revoke("root"),
    "the administrator's one session is revoked": async (sessions) => {
      for (const { handle } of await sessions.list("root")) await sessions.revoke("root", { handle });
    },
    "the user's sessions are revoked": (sessions) => sessions.revoke("ada"),
    "everybody is revoked": (sessions) => sessions.revokeEverybody(),
  };
  for (const [what, end] of Object.entries(ends)) {
    test(`ends when ${what}`, async () => {
      const { sessions } = setUp({ everybody: everybody(), wait: async () => {} });
      const { cookie } = await request(sessions, await logIn(sessions), impersonate);
      await end(sessions);
      expect(await look(sessions, cookie)).toEqual(asGuest);
      expect(await sessions.list("ada")).toEqual([]);
      const { cookie: back } = await request(sessions, cookie, (session) => session.endImpersonation());
      expect(await look(sessions, back)).toEqual(asGuest);
    });
  }

  for (const verb of ["logout", "destroy"] as const) {
    test(`logs the administrator out by ${verb}, also in the request that began it`, async () => {
      const { sessions } = setUp();
      const { cookie } = await request(sessions, await logIn(sessions), impersonate);
      const out = await request(sessions, cookie, (session) => session[verb]());
      expect(out.cookie).toBeUndefined();
      for (const fails of [false, true]) {
        await request(sessions, await logIn(sessions), (session) => {
          impersonate(session);
          session[verb]();
          if (fails) throw new Error("the page failed");
        });
        expect([await sessions.list("root"), await sessions.list("ada")]).toEqual([[], []]);
      }
    });
  }

  test("may begin and end in one request, and another may begin in the same request", async () => {
    const { sessions } = setUp();
    const once = await request(sessions, await logIn(sessions), (session) => {
      impersonate(session);
      session.endImpersonation();
    });
    expect(await look(sessions, once.cookie)).toEqual(asRoot);
    const { cookie } = await request(sessions, once.cookie, impersonate);
    const next = await request(sessions, cookie, (session) => {
      session.endImpersonation();
      session.impersonate("bob");
    });
    expect(await look(sessions, next.cookie)).toEqual({ ...asAda, subject: "bob" });
    expect(await sessions.list("ada")).toEqual([]);
    const back = await request(sessions, next.cookie, (session) => session.endImpersonation());
    expect(await look(sessions, back.cookie)).toEqual(asRoot);
  });

  test("does not begin when the handler fails", async () => {
    const { sessions } = setUp();
    const own = await logIn(sessions);
    const { cookie } = await request(sessions, own, (session) => {
      impersonate(session);
      throw new Error("the page failed");
    });
    expect(cookie).toBe(own);
    expect(await look(sessions, own)).toEqual(asRoot);
    expect(await sessions.list("ada")).toEqual([]);
  });

  test("does not count for the user's limit and gives no data to their login", async () => {
    const { sessions } = setUp({ limit: { perSubject: 1, excess: "refuse" } });
    const { cookie } = await request(sessions, await logIn(sessions), impersonate);
    await request(sessions, cookie, ({ data }) => Object.assign(data, { notes: "planted" }));
    const ada = await request(sessions, undefined, (session) =>
      session.login("ada", { merge: { notes: (_guest, users) => users } }),
    );
    expect(await look(sessions, ada.cookie)).toEqual({ subject: "ada", actor: undefined, data: {} });
    expect(await look(sessions, cookie)).toMatchObject({ actor: "root" });
  });

  test("costs one more read for each of its requests, and nothing for others", async () => {
    const { sessions, store } = setUp();
    const own = await logIn(sessions);
    store.reset();
    await look(sessions, own);
    expect(store.calls).toEqual({ read: 1 });
    const { cookie } = await request(sessions, own, impersonate);
    store.reset();
    await look(sessions, cookie);
    expect(store.calls).toEqual({ read: 2 });
  });

  test("is refused where the administrator's session could not be restored", async () => {
    const refused = { code: "ERR_SESSION_NOT_SUPPORTED" };
    const secrets = "a secret of at least 32 characters";
    for (const options of [{ store: cookieStore({ secrets }) }, { store: memoryStore(), ...flaskSession({}) }]) {
      const sessions = new Sessions<Data>(options as never);
      const { error } = await request(sessions, undefined, (session) => {
        session.login("root");
        impersonate(session);
      });
      expect(error).toMatchObject(refused);
    }
    const parts = createPartsSessions<Data, string>({
      parts: { all: { cookie: { name: "session" }, store: memoryStore(), fields: "rest" } },
    });
    const { error } = await request(parts as never, undefined, (session: Session<Data>) => {
      session.login("root");
      impersonate(session);
    });
    expect(error).toMatchObject(refused);
  });
});

describe("a store that fails", () => {
  const acts = { impersonate, endImpersonation: (session: Session<Data>) => session.endImpersonation() };
  for (const fault of ["throw-before", "throw-after"] as Fault[]) {
    for (const [name, act] of Object.entries(acts)) {
      test(`at any call of ${name} (${fault}) leaves one of the two sessions, or none`, async () => {
        for (let at = 0, calls = 1; at < calls; at++) {
          let armed = false;
          calls = 0;
          const inner = memoryStore({ now: () => start });
          const store = faultyStore(inner, () => (armed && calls++ === at ? fault : "pass"));
          const sessions = new Sessions<Data>({ store, now: () => start, wait: async () => {}, warn: false });
          const own = await logIn(sessions);
          const acting = name === "impersonate" ? own : (await request(sessions, own, impersonate)).cookie;
          armed = true;
          const { cookie, error } = await request(sessions, acting, act);
          armed = false;
          const seen = await Promise.all([own, acting, cookie].map((one) => look(sessions, one)));
          const kinds = new Set(seen.map((one) => one?.actor ?? one?.subject).filter(Boolean));
          for (const one of seen) expect([asRoot, asAda, asGuest], `call ${at}`).toContainEqual(one);
          const isBoth = seen.some((one) => one?.actor) && seen.some((one) => one?.subject === "root");
          expect(isBoth, `call ${at}: ${[...kinds]}`).toBe(false);
          if (name === "impersonate" && error)
            expect(
              seen.some((one) => one?.actor),
              `call ${at}`,
            ).toBe(false);
          // The administrator stays logged in where the impersonation did not come to be.
          if (name === "impersonate" && fault === "throw-before" && error)
            expect(seen[2], `call ${at}`).toEqual(asRoot);
          await sessions.revoke("root");
          for (const one of [own, acting, cookie]) expect(await look(sessions, one)).toEqual(asGuest);
        }
      });
    }
  }
});

describe("an impersonation in every order of the store calls", () => {
  type Task = (scene: { sessions: () => Sessions<Data>; cookie: string }) => Promise<Answer | undefined>;
  const asks =
    (act: (session: Session<Data>) => unknown): Task =>
    ({ sessions, cookie }) =>
      request(sessions(), cookie, (session) => (session.subject === undefined ? undefined : act(session)));
  const others: Record<string, Task> = {
    "a slow request that changes data": asks(({ data }) => Object.assign(data, { late: 1 })),
    "a slow regenerate": asks((session) => session.regenerate()),
    "a slow logout": ({ sessions, cookie }) =>
      request(sessions(), cookie, (session) => {
        const { subject } = session;
        session.destroy();
        return subject;
      }),
    "the same twice": async () => undefined,
    "a revocation of the administrator": async ({ sessions }) => void (await sessions().revoke("root")),
    "a revocation of the user": async ({ sessions }) => void (await sessions().revoke("ada")),
  };
  for (const verb of ["impersonate", "endImpersonation"] as const) {
    for (const [name, other] of Object.entries(others)) {
      for (const layout of ["one step", "two steps"]) {
        test(`${verb} and ${name} (a rename in ${layout})`, async () => {
          const act = asks((session) =>
            verb === "impersonate" ? session.impersonate("ada") : session.endImpersonation(),
          );
          const begun = new Set<boolean>();
          const { orders } = await explore(
            async (gate) => {
              const marks: string[] = [];
              const inner = faultyStore(memoryStore({ now: () => start }), ({ method, args }) => {
                if (String(args[0]).startsWith("epoch:")) marks.push(method);
                return "pass";
              });
              const gated = layout === "two steps" ? twoStepStore(gate.store(inner)) : gate.store(inner);
              const sessions = () =>
                new Sessions<Data>({ store: gated, now: () => start, wait: () => Promise.resolve(), warn: false });
              const own = await logIn(sessions());
              const cookie =
                verb === "impersonate" ? own : ((await request(sessions(), own, impersonate)).cookie as string);
              marks.length = 0;
              const answers: (Answer | undefined)[] = [];
              const run = (task: Task, at: number) => async () => {
                answers[at] = await task({ sessions, cookie });
              };
              return {
                tasks: [run(act, 0), run(name === "the same twice" ? act : other, 1)],
                async check() {
                  const cookies = [cookie, answers[0]?.cookie, answers[1]?.cookie];
                  const seen = await Promise.all(cookies.map((one) => look(sessions(), one)));
                  for (const answer of answers) if (answer?.error) expect(answer.error).toMatchObject({ status: 503 });
                  // One that comes when the impersonation has ended has nothing to end.
                  const isOut = !answers[1]?.error && (verb === "impersonate" || answers[1]?.value !== undefined);
                  if (name === "a slow logout" && isOut) expect(await sessions().list("root")).toEqual([]);
                  if (name === "a slow logout" || name === "a revocation of the administrator")
                    for (const one of seen)
                      if (one?.subject === "ada") throw new Error("acts on without their own session");
                  if (name === "a revocation of the administrator")
                    for (const one of seen) expect(one).toEqual(asGuest);
                  // It had begun before the revocation was noted: the revocation itself reads the mark once.
                  const began = marks.slice(0, marks.indexOf("create")).length > 1 || verb === "endImpersonation";
                  begun.add(began);
                  if (name === "a revocation of the user" && began)
                    for (const one of seen) if (one?.actor) throw new Error("outlives the revocation of the user");
                  // What gave the client no cookie changed nothing of what it holds.
                  if (name === "a slow request that changes data") {
                    expect(answers[1]?.setCookie).toBeUndefined();
                    expect(seen[1]).toMatchObject(verb === "impersonate" ? { actor: "root" } : { subject: "root" });
                  }
                  await sessions().revoke("root");
                  for (const one of cookies) expect(await look(sessions(), one)).toEqual(asGuest);
                },
              };
            },
            { sample: 100 },
          );
          expect(orders).toBeGreaterThan(1);
          if (name === "a revocation of the user") expect(begun, "begun before it").toContain(true);
        });
      }
    }
  }
});
