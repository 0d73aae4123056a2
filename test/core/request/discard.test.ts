/** `sessions.discard(request)` and what a handler does to the session after its response has left. */

import { describe, expect, test } from "vitest";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

const reader = { cookie: (incoming: { cookie?: string | undefined }) => incoming.cookie, secure: () => true };

interface Data {
  n?: number;
  junk?: number;
}

async function setUp() {
  const sessions = new Sessions<Data>({ store: memoryStore(), warn() {} });
  const { cookie } = await request(sessions, undefined, (session) => {
    session.login("ada");
    session.data.n = 1;
  });
  const look = async () => (await request(sessions, cookie, ({ subject, data }) => ({ subject, ...data }))).value;
  /** A request that changes, discards, and whose head leaves; then it goes on. */
  const discarded = async () => {
    const incoming = { cookie };
    const exchange = sessions.open(incoming, reader);
    const session = await sessions.get(incoming);
    session.data.junk = 1;
    sessions.discard(incoming);
    await exchange.commit(new Headers());
    return { session, exchange };
  };
  return { look, discarded };
}

describe("after a request discarded its changes and its response began", () => {
  test("a save keeps the data as it is then, without what was taken back", async () => {
    const { look, discarded } = await setUp();
    const { session, exchange } = await discarded();
    delete session.data.junk;
    session.data.n = 99;
    await session.save();
    await exchange.finish();
    expect(await look()).toEqual({ subject: "ada", n: 99 });
  });

  test("without a save, nothing is saved", async () => {
    const { look, discarded } = await setUp();
    const { exchange } = await discarded();
    await exchange.finish();
    expect(await look()).toEqual({ subject: "ada", n: 1 });
  });
});
