/** Requests of one browser, which keeps all its cookies, to sessions that adopt. */

import type { Session } from "../../src/core/contracts/session.ts";
import type { SessionOptions } from "../../src/core/options/options.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { cookieHeader, type Data } from "./old-apps.ts";

const reader = { cookie: (request: { cookie?: string | undefined }) => request.cookie, secure: () => true };

export interface Visit<T> {
  readonly value: T;
  readonly setCookie: string[];
  /** What the browser holds now. */
  readonly cookie: string;
}

/** One request with these cookies. Rejects with what the handler, the loading or the commit threw. */
export async function visit<T>(
  sessions: Sessions<Data>,
  cookie: string,
  handler: (session: Session<Data>) => T | Promise<T>,
): Promise<Visit<T>> {
  const incoming = { cookie: cookie === "" ? undefined : cookie };
  const exchange = sessions.open(incoming, reader);
  const headers = new Headers();
  const value = await handler(await sessions.get(incoming));
  await exchange.commit(headers);
  const setCookie = headers.getSetCookie();
  return { value, setCookie, cookie: cookieHeader(setCookie, cookie) };
}

/** What a handler sees. */
export const seen = (session: Session<Data>): { data: Data; subject: string | undefined } => ({
  data: { ...session.data },
  subject: session.subject,
});

/** Sessions in memory, with a clock to move and a list of what happened. */
export function adopting(options: Partial<SessionOptions<Data>>) {
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const store = memoryStore({ now });
  const make = () => new Sessions<Data>({ store, now, warn: false, ...options } as never);
  const sessions = make();
  const events: string[] = [];
  sessions.on(({ type, reason }) => events.push(reason === undefined ? type : `${type}: ${reason}`));
  return { clock, store: (options.store as typeof store) ?? store, sessions, make, events };
}
