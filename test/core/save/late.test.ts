/** What handlers do while the save of their response is on its way, or when it is over: saved, or said. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Exchange } from "../../../src/core/request/exchange.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faultyStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

const reader = { cookie: ({ cookie }: { cookie?: string }) => cookie, secure: () => true };

function setUp() {
  const [warnings, events, waits]: [string[], string[], (() => void)[]] = [[], [], []];
  let during: (() => void) | undefined;
  const store = faultyStore(memoryStore(), ({ method }) => {
    if (method === "update" || method === "create") {
      const act = during;
      during = undefined;
      act?.();
    }
    return "pass";
  });
  const sessions = new Sessions({
    store,
    warn: (message) => warnings.push(message),
    wait: () => new Promise((resolve) => waits.push(resolve)),
  });
  sessions.on(({ type, reason }) => events.push(reason ? `${type}: ${reason}` : type));
  const open = async (cookie: string | undefined): Promise<[Exchange, Session, Headers]> => {
    const incoming = { cookie };
    const exchange = sessions.open(incoming as object & { cookie?: string }, reader);
    return [exchange, await sessions.get(incoming), new Headers()];
  };
  return {
    ...{ sessions, warnings, events, open },
    whileSaving: (act: () => void) => {
      during = act;
    },
    aSecondLater: async () => {
      for (const resolve of waits.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
    look: (cookie: string | undefined) =>
      request(sessions, cookie, (session) => (session.isNew ? undefined : [session.subject, { ...session.data }])),
    login: async () => (await request(sessions, undefined, (session) => session.login("ada"))).cookie,
  };
}

describe("while the save of a response is on its way", () => {
  for (const verb of ["destroy", "logout"] as const) {
    test(`a logout by ${verb}() is carried out before the response leaves`, async () => {
      const { open, whileSaving, login, look } = setUp();
      const cookie = await login();
      const [exchange, session, headers] = await open(cookie);
      session.data["visits"] = 1;
      whileSaving(() => session[verb]());
      await exchange.commit(headers);
      expect(headers.get("set-cookie")).toMatch(/Max-Age=0/);
      expect((await look(cookie)).value).toBeUndefined();
    });
  }

  test("a login and a change are saved, and the response has the new cookie", async () => {
    const { open, whileSaving, look } = setUp();
    const [exchange, session, headers] = await open(undefined);
    session.data["visits"] = 1;
    whileSaving(() => {
      session.login("bob");
      session.data["more"] = 2;
    });
    await exchange.commit(headers);
    const cookie = headers.getSetCookie()[0]?.split(";")[0];
    expect((await look(cookie)).value).toEqual(["bob", { visits: 1, more: 2 }]);
  });

  test("a logout is carried out when the handler failed, and what else was changed is dropped", async () => {
    const { open, whileSaving, login, look } = setUp();
    const cookie = await login();
    const [exchange, session, headers] = await open(cookie);
    session.data["visits"] = 1;
    whileSaving(() => session.destroy());
    await Promise.all([session.save(), exchange.commit(headers, { failed: true })]);
    expect((await look(cookie)).value).toBeUndefined();
  });
});

describe("a change after the last save", () => {
  const late = /changed after its last save.*await session\.save\(\)/;

  for (const [name, change] of Object.entries<(session: Session) => unknown>({
    "of the data": (session) => Object.assign(session.data, { visits: 2 }),
    "by update": (session) => session.update("visits", () => 2),
  })) {
    test(`${name} is reported, and not saved`, async () => {
      const { open, login, look, warnings, events, aSecondLater } = setUp();
      const cookie = await login();
      const [exchange, session, headers] = await open(cookie);
      await exchange.commit(headers);
      exchange.close();
      change(session);
      await aSecondLater();
      expect(warnings.at(-1)).toMatch(late);
      expect(events.at(-1)).toBe("save_refused: it was changed after its last save");
      expect((await look(cookie)).value).toEqual(["ada", {}]);
    });
  }

  test("of a session that a guest begins is reported", async () => {
    const { open, warnings, aSecondLater } = setUp();
    const [exchange, session, headers] = await open(undefined);
    exchange.commit(headers);
    exchange.close();
    session.data["visits"] = 1;
    await aSecondLater();
    expect(warnings.at(-1)).toMatch(late);
  });

  test("is not reported when it is saved, when nothing was changed, or when the response goes on", async () => {
    const { open, login, look, warnings, events, aSecondLater } = setUp();
    const cookie = await login();
    for (const use of [
      (session: Session) => {
        session.data["visits"] = 1;
        return session.save();
      },
      (session: Session) => session.data["visits"],
    ]) {
      const [exchange, session, headers] = await open(cookie);
      exchange.commit(headers);
      exchange.close();
      const used = use(session);
      await aSecondLater();
      await used;
    }
    const [exchange, session, headers] = await open(cookie);
    exchange.commit(headers);
    session.data["visits"] = 2;
    await aSecondLater();
    await exchange.finish();
    expect([warnings, events.filter((event) => event.startsWith("save_"))]).toEqual([[], []]);
    expect((await look(cookie)).value).toEqual(["ada", { visits: 2 }]);
  });

  for (const [name, drop] of Object.entries<(exchange: Exchange) => unknown>({
    "of a response that failed": async (exchange) => {
      await exchange.finish({ failed: true });
      exchange.close();
    },
    "of a message to a socket whose handler failed": (exchange) => {
      exchange.close();
      return exchange.finish({ failed: true });
    },
    "that sessions.discard() dropped": async (exchange) => {
      exchange.discard();
      await exchange.finish();
      exchange.close();
    },
  })) {
    test(`${name} is not reported: it is dropped on purpose`, async () => {
      const { open, login, warnings, events, aSecondLater } = setUp();
      const [exchange, session, headers] = await open(await login());
      exchange.commit(headers);
      session.data["visits"] = 1;
      await drop(exchange);
      await aSecondLater();
      expect([warnings, events.filter((event) => event.startsWith("save_"))]).toEqual([[], []]);
    });
  }

  test("is looked for by a timer that keeps no process alive", async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const sessions = new Sessions({ store: memoryStore(), warn() {} });
    const incoming = {};
    const exchange = sessions.open(incoming as { cookie?: string }, reader);
    const session = await sessions.get(incoming);
    exchange.commit(new Headers());
    const before = timers();
    void session.data;
    expect(timers()).toBe(before);
  });

  test("is not reported of what a handler that failed had changed before", async () => {
    const { open, login, warnings, aSecondLater } = setUp();
    const [exchange, session, headers] = await open(await login());
    session.data["visits"] = 1;
    await exchange.commit(headers, { failed: true });
    exchange.close();
    // A log line.
    void session.data["visits"];
    await aSecondLater();
    expect(warnings).toEqual([]);
  });
});
