/** What an adapter tells of a request: here, that one is part of another. */

import { createSessions } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";
import { expect, test } from "vitest";
import type { RequestReader } from "../../../src/core/request/reader.ts";

interface Call {
  readonly page: object | undefined;
}

const sessions = createSessions<{ seen: string }>({ store: memoryStore(), current: true });
const reader: RequestReader<Call> = {
  cookie: () => undefined,
  secure: () => true,
  outer: ({ page }) => page && sessions.exchangeOf(page),
};

function opened(): { page: Call; call: Call; headers: Headers } {
  const [page, headers] = [{ page: undefined }, new Headers()];
  const call = { page };
  sessions.open(page, reader);
  sessions.open(call, reader);
  return { page, call, headers };
}

test("a call that is part of a request has the session of that, which saves it", async () => {
  const { page, call, headers } = opened();
  const session = await sessions.get(call);
  session.data.seen = "in the call";
  expect(await sessions.get(page)).toBe(session);
  expect(await sessions.exchangeOf(call)?.run(() => sessions.current())).toBe(session);
  expect(sessions.exchangeOf(call)?.used).toBe(false);
  await sessions.exchangeOf(page)?.commit(headers);
  expect(headers.getSetCookie()).toHaveLength(1);
});

test("what a call discards, its request does not save", async () => {
  const { page, call, headers } = opened();
  (await sessions.get(call)).data.seen = "in the call";
  sessions.discard(call);
  await sessions.exchangeOf(page)?.commit(headers);
  expect(headers.getSetCookie()).toEqual([]);
});

test('a call with the access "skip" has no session, and its request has one', async () => {
  const { page, call } = opened();
  sessions.restrict(call, "skip");
  await expect(sessions.get(call)).rejects.toThrow(TypeError);
  expect((await sessions.get(page)).isNew).toBe(true);
});
