/** Sessions whose store can be made to fail, and what of them an answer brings: for the tests of one adapter. */

import { createSessions, type SessionOptions, type Sessions } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";
import { type Fault, faultyStore } from "sojourn/testing";
import { sessionCookies } from "../../src/testing/framework/answers.ts";

export { sessionCookies as ours } from "../../src/testing/framework/answers.ts";

/** Sessions, and what happens to them. */
export interface FaultySessions<Data extends object> {
  readonly sessions: Sessions<Data>;
  readonly state: {
    /** What happens to the next calls of the store. */
    fault: Fault;
    readonly warnings: string[];
  };
}

/** Sessions in a memory store that does what `state.fault` says. */
export function faultySessions<Data extends object>(options: SessionOptions<Data> = {}): FaultySessions<Data> {
  const state: FaultySessions<Data>["state"] = { fault: "pass", warnings: [] };
  const store = faultyStore(memoryStore(), () => state.fault);
  return {
    sessions: createSessions<Data>({ ...options, store, warn: (message) => state.warnings.push(message) }),
    state,
  };
}

/** The headers of the client's next request. */
export function cookieOf(answer: Response): { cookie: string } {
  return { cookie: `${sessionCookies(answer)[0]?.split(";")[0]}` };
}
