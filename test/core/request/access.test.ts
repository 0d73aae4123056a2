/** What a route may do with its session: skip it, only read it, or use it without that being a sign of life. */

import { describe, expect, test } from "vitest";
import type { Access } from "../../../src/core/request/exchange.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { countedStore } from "../../../src/testing/faults.ts";

interface Data {
  name: string;
  list: string[];
}

function application(options: { renewAfter?: string } = {}) {
  let time = Date.UTC(2026, 0, 1);
  const now = (): number => time;
  const counted = countedStore(memoryStore({ now }));
  const sessions = new Sessions<Data>({ store: counted, now, warn() {}, idleTimeout: "1h", ...options } as never);
  const reader = { cookie: (request: { cookie: string | undefined }) => request.cookie, secure: () => true };
  return {
    sessions,
    counted,
    pass: (ms: number) => {
      time += ms;
    },
    /** One request; answers with the cookie the client has afterwards. */
    async ask(
      cookie: string | undefined,
      access: Access | undefined,
      handler: (session: Awaited<ReturnType<Sessions<Data>["get"]>>) => unknown,
    ) {
      const request = { cookie };
      const exchange = sessions.open(request, reader);
      exchange.restrict(access);
      const session = await sessions.get(request);
      const value = await handler(session);
      const headers = new Headers();
      await exchange.commit(headers);
      const set = headers.getSetCookie()[0]?.split(";")[0];
      return { value, cookie: set ?? cookie, set };
    },
  };
}

const readOnly = expect.objectContaining({ code: "ERR_SESSION_READ_ONLY", status: 500 });

describe('"read"', () => {
  test("reading works, and extends the expiry as any use does", async () => {
    const { ask, pass } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    for (let at = 0; at < 4; at++) {
      pass(50 * 60_000);
      expect((await ask(cookie, "read", ({ data }) => data.name)).value).toBe("ada");
    }
  });

  test("every method that changes something throws at once", async () => {
    const { ask } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    await ask(cookie, "read", (session) => {
      const changes = [
        () => session.update("name", () => "eve"),
        () => session.flash("name", "eve"),
        () => session.take("name"),
        () => session.clear(),
        () => session.regenerate(),
        () => session.login("eve"),
        () => session.destroy(),
        () => {
          session.persistent = true;
        },
      ];
      for (const change of changes) expect(change).toThrow(readOnly);
      return undefined;
    });
    expect((await ask(cookie, undefined, ({ data, subject }) => [data.name, subject])).value).toEqual([
      "ada",
      undefined,
    ]);
  });

  test("any change of the data, however deep, is an error before the response is sent, and nothing is saved", async () => {
    const { ask, counted } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.list = ["a"];
    });
    counted.reset();
    await expect(ask(cookie, "read", ({ data }) => data.list?.push("b"))).rejects.toThrow(readOnly);
    expect(counted.calls).toEqual({ read: 1 });
    expect((await ask(cookie, undefined, ({ data }) => data.list)).value).toEqual(["a"]);
  });

  test("no session begins", async () => {
    const { ask, counted } = application();
    await expect(
      ask(undefined, "read", ({ data }) => {
        data.name = "ada";
      }),
    ).rejects.toThrow(readOnly);
    expect(counted.total).toBe(0);
  });

  test("a renewal in passing still happens, since the application did not ask for it", async () => {
    const { ask, pass } = application({ renewAfter: "10m" });
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    pass(20 * 60_000);
    const renewed = await ask(cookie, "read", ({ data }) => data.name);
    expect(renewed.set).toBeDefined();
    expect((await ask(renewed.cookie, "read", ({ data }) => data.name)).value).toBe("ada");
  });
});

describe('"no-touch"', () => {
  test("a page that polls does not extend the session", async () => {
    const { ask, pass } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    pass(50 * 60_000);
    expect((await ask(cookie, "no-touch", ({ data }) => data.name)).value).toBe("ada");
    pass(11 * 60_000);
    expect((await ask(cookie, "no-touch", ({ isNew }) => isNew)).value).toBe(true);
  });

  test("its changes are saved, and the session's end stays where it was", async () => {
    const { ask, pass } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    pass(50 * 60_000);
    await ask(cookie, "no-touch", ({ data }) => {
      data.name = "eve";
    });
    pass(9 * 60_000);
    expect((await ask(cookie, "no-touch", ({ data }) => data.name)).value).toBe("eve");
    pass(60_000);
    expect((await ask(cookie, "no-touch", ({ isNew }) => isNew)).value).toBe(true);
  });

  test("its id is not renewed in passing", async () => {
    const { ask, pass } = application({ renewAfter: "10m" });
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    pass(20 * 60_000);
    expect((await ask(cookie, "no-touch", ({ data }) => data.name)).set).toBeUndefined();
  });

  test("together with read, nothing is written", async () => {
    const { sessions, counted, ask, pass } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    pass(50 * 60_000);
    counted.reset();
    await ask(cookie, "no-touch", () => undefined);
    expect(counted.calls).toEqual({ read: 1 });
    const request = { cookie };
    const exchange = sessions.open(request, { cookie: ({ cookie }) => cookie, secure: () => true });
    sessions.restrict(request, "no-touch");
    sessions.restrict(request, "read");
    (await exchange.get()).data.name = "eve";
    await expect(exchange.commit(new Headers())).rejects.toThrow(readOnly);
  });
});

describe('"skip"', () => {
  test("using the session is an error that names the reason, and costs nothing", async () => {
    const { ask, counted } = application();
    const { cookie } = await ask(undefined, undefined, ({ data }) => {
      data.name = "ada";
    });
    counted.reset();
    await expect(ask(cookie, "skip", () => undefined)).rejects.toThrow('access "skip"');
    expect(counted.total).toBe(0);
  });

  test("setting it is an error once the session was used", async () => {
    const { sessions } = application();
    const request = { cookie: undefined };
    const exchange = sessions.open(request, { cookie: () => undefined, secure: () => true });
    await exchange.get();
    expect(() => sessions.restrict(request, "skip")).toThrow("comes too late");
  });
});

test("an unknown value, or a request that no adapter opened, is an error", () => {
  const { sessions } = application();
  const request = { cookie: undefined };
  sessions.open(request, { cookie: () => undefined, secure: () => true });
  expect(() => sessions.restrict(request, "write" as Access)).toThrow('"skip", "read" or "no-touch"');
  expect(() => sessions.restrict({}, "read")).toThrow("a request that an adapter has opened");
});
