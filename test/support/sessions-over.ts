/** What an application sees of a store: parallel requests of one session, logins, and revoking them all. */

import { expect } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { request } from "./requests.ts";

/** Fails unless nothing is lost and what was revoked is gone. */
export async function sessionsHoldOver(store: Store): Promise<void> {
  const sessions = new Sessions<Record<string, unknown>>({
    name: "session",
    store,
    idleTimeout: "20m",
    storeTimeout: "30s",
  });
  const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { count: 0 }));
  const all = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      request(sessions, cookie, (session) => {
        session.data[`key${index}`] = index;
        session.update("count", (count) => Number(count) + 1);
      }),
    ),
  );
  expect(all.map(({ error }) => error)).toEqual(all.map(() => undefined));
  const { value } = await request(sessions, cookie, ({ data }) => ({ ...data }));
  expect(value).toEqual({ count: 30, ...Object.fromEntries(all.map((_, index) => [`key${index}`, index])) });

  const logins = await Promise.all([cookie, undefined, undefined].map((one) => request(sessions, one, logIn)));
  expect(await sessions.revoke("ada")).toBe(3);
  for (const login of [cookie, ...logins.map((one) => one.cookie)]) {
    expect((await request(sessions, login, ({ data }) => ({ ...data }))).value).toEqual({});
  }

  function logIn(session: Awaited<ReturnType<typeof sessions.get>>): void {
    session.data.greeted = true;
    session.login("ada");
  }
}
