/** A process that serves logins and looks at sessions when it is told to. Forked by `people-processes.test.ts`. */

import type { Duration } from "../../src/core/options/duration.ts";
import type { SessionOptions } from "../../src/core/options/options.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { everybody } from "../../src/everybody.ts";
import { openProcessStore } from "./people-processes.ts";
import { request } from "./requests.ts";

/** Where the store is, and what the sessions are made with. */
export interface PeopleSetup {
  readonly module: string;
  readonly args: unknown;
  readonly space: string;
  readonly options: Omit<SessionOptions, "store">;
  /** `within` of the option `everybody`, which cannot be sent. */
  readonly everybody?: Duration;
}

/** One thing to do. */
export type PeopleCall =
  | { readonly do: "open"; readonly setup: PeopleSetup }
  /** Logs the subject in so often at once. */
  | { readonly do: "logins"; readonly subject: string; readonly count: number }
  | { readonly do: "revokeEverybody" }
  /** Whether somebody is logged in by each cookie. */
  | { readonly do: "look"; readonly cookies: readonly string[] };

/** What came of it: cookies that logins were given, codes of errors, and who is logged in. */
export interface PeopleAnswer {
  readonly cookies: string[];
  readonly errors: string[];
  readonly subjects: (string | null)[];
}

let sessions: Sessions | undefined;

async function run(call: PeopleCall): Promise<PeopleAnswer> {
  const answer: PeopleAnswer = { cookies: [], errors: [], subjects: [] };
  if (call.do === "open") {
    const { store } = await openProcessStore(call.setup);
    const { everybody: within, options } = call.setup;
    const more = within === undefined ? {} : { everybody: everybody({ within }) };
    sessions = new Sessions({ store, storeTimeout: "30s", warn: false, ...options, ...more });
  }
  if (call.do === "revokeEverybody") await sessions?.revokeEverybody();
  if (call.do === "logins" && sessions) {
    const one = sessions;
    const all = Array.from({ length: call.count }, () =>
      request(one, undefined, (session) => session.login(call.subject)),
    );
    for (const { setCookie, cookie, error } of await Promise.all(all)) {
      if (error) answer.errors.push((error as { code?: string }).code ?? String(error));
      else if (setCookie && cookie) answer.cookies.push(cookie);
    }
  }
  if (call.do === "look" && sessions) {
    for (const cookie of call.cookies)
      answer.subjects.push((await request(sessions, cookie, ({ subject }) => subject)).value ?? null);
  }
  return answer;
}

process.on("message", async (call: PeopleCall) => {
  const answer = await run(call).catch((error) => ({ cookies: [], errors: [String(error)], subjects: [] }));
  process.send?.(answer);
});
process.send?.("ready");
