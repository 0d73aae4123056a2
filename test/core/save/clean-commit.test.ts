/** A commit with nothing to save is done when it returns: its headers are written, and there is nothing to wait for. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

type Data = { n?: number; list?: number[] };
const reader = { cookie: (incoming: { cookie?: string | undefined }) => incoming.cookie, secure: () => true };

async function setUp() {
  const clock = { now: 1_800_000_000_000 };
  const now = (): number => clock.now;
  const sessions = new Sessions<Data>({ store: memoryStore({ now }), now });
  const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1, list: [1] }));
  /** What the commit answered, and the headers as they were then. */
  async function committed(act: (session: Session<Data>) => unknown, sent = cookie) {
    const incoming = { cookie: sent };
    const exchange = sessions.open(incoming, reader);
    await act(await sessions.get(incoming));
    const headers = new Headers();
    const saving = exchange.commit(headers);
    const atOnce = headers.get("cache-control");
    await saving;
    return { waits: saving !== undefined, atOnce, headers };
  }
  return { clock, sessions, cookie, committed };
}

describe("a commit", () => {
  const clean: Record<string, (session: Session<Data>) => unknown> = {
    "that asked who is logged in": ({ subject }) => subject,
    "that read the data": ({ data }) => data.list?.[0],
    "that wrote what was there": ({ data }) => Object.assign(data, { n: 1, list: [1] }),
  };
  for (const [what, act] of Object.entries(clean)) {
    test(`of a request ${what} is done when it returns`, async () => {
      const { committed } = await setUp();
      const { waits, atOnce, headers } = await committed(act);
      expect([waits, atOnce, headers.get("vary")]).toEqual([false, "private", "Cookie"]);
    });
  }

  test("of a guest who only looked at the session is done when it returns", async () => {
    const { committed } = await setUp();
    const { waits, atOnce } = await committed(({ data }) => data.n, "other=1");
    expect([waits, atOnce]).toEqual([false, "private"]);
  });

  const dirty: Record<string, (session: Session<Data>) => unknown> = {
    "that changed a value": ({ data }) => Object.assign(data, { n: 2 }),
    "that changed a value within": ({ data }) => data.list?.push(2),
    "that replaced a value by one of another kind": ({ data }) => Object.assign(data, { list: new Set([1]) }),
    "that got a new id": (session) => session.regenerate(),
    "that logged in": (session) => session.login("ada"),
    "that logged out": (session) => session.destroy(),
    "that removed all": (session) => session.clear(),
  };
  for (const [what, act] of Object.entries(dirty)) {
    test(`of a request ${what} returns a promise`, async () => {
      const { committed } = await setUp();
      expect(await committed(act)).toMatchObject({ waits: true, atOnce: null });
    });
  }

  test("of a request after the touch interval returns a promise", async () => {
    const { clock, committed } = await setUp();
    clock.now += 61_000;
    expect(await committed(({ subject }) => subject)).toMatchObject({ waits: true });
  });

  test("of changed data also saves what is changed until its end", async () => {
    const { sessions, cookie } = await setUp();
    const incoming = { cookie };
    const exchange = sessions.open(incoming, reader);
    const { data } = await sessions.get(incoming);
    data.n = 2;
    const saving = exchange.commit(new Headers());
    data.list = [3];
    await saving;
    await exchange.finish();
    const { value } = await request(sessions, cookie, ({ data }) => ({ ...data }));
    expect(value).toEqual({ n: 2, list: [3] });
  });

  test("of a value that cannot be stored rejects, and does not throw", async () => {
    const { sessions, cookie } = await setUp();
    const incoming = { cookie };
    const exchange = sessions.open(incoming, reader);
    Object.assign((await sessions.get(incoming)).data, { n: () => 1 });
    await expect(exchange.commit(new Headers())).rejects.toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
  });
});
