/** Subjects that UTF-8 cannot tell apart: halves of surrogate pairs, as a text that was cut has one. */

import { expect, test } from "vitest";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

const subjects = ["\ud83d", "\ud83c", "\ufffd", '"\\ud83d"'];

test.each([
  ["in cookies", () => cookieStore({ secrets: "s".repeat(32), revocations: memoryStore() })],
  ["in a store", () => memoryStore()],
])("revoking one leaves the sessions of the others %s", async (_, store) => {
  const sessions = new Sessions({ store: store() });
  const cookies = [];
  for (const subject of subjects)
    cookies.push((await request(sessions, undefined, (session) => session.login(subject))).cookie);
  await sessions.revoke(subjects[0] as string);
  const left = [];
  for (const cookie of cookies) left.push((await request(sessions, cookie, (session) => session.subject)).value);
  expect(left).toEqual([undefined, ...subjects.slice(1)]);
});

test("revoking one leaves a login of another that is under way", async () => {
  const sessions = new Sessions({ store: memoryStore() });
  const { cookie } = await request(sessions, undefined, async (session) => {
    session.login(subjects[1] as string);
    await sessions.revoke(subjects[0] as string);
  });
  expect((await request(sessions, cookie, (session) => session.subject)).value).toBe(subjects[1]);
});
