/**
 * One server of the tests of moving: uses sessions until it is told to stop, or killed. What it was answered it appends to
 * a file at once, so that a kill loses none of it.
 */

import { openSync, writeSync } from "node:fs";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { movingStore } from "../../../src/stores/moving.ts";
import { request } from "../requests.ts";

/** What a server is told. */
export interface ServerJob {
  readonly from: string;
  readonly to: string;
  /** Which of the servers it is; sessions with this remainder are its own to log out. */
  readonly at: number;
  readonly of: number;
  readonly cookies: readonly string[];
  /** Every so many sessions may be logged out. */
  readonly leaving: number;
  readonly log: string;
}

/** The data of a session: how often it was used, by whichever server. */
export type Used = { n: number; [key: `s${number}`]: number };

process.once("message", async (job: ServerJob) => {
  const [from, to] = await Promise.all([job.from, job.to].map((url) => import(url)));
  const sessions = new Sessions<Used>({
    store: movingStore({ from: from.store, to: to.store }),
    name: "house",
    storeTimeout: "60s",
    conflictTimeout: "60s",
    warn: false,
  });
  const log = openSync(job.log, "a");
  const note = (line: string): void => void writeSync(log, `${line}\n`);
  let stopped = false;
  process.on("message", () => {
    stopped = true;
  });
  const gone = new Set<number>();
  const one = async (): Promise<void> => {
    const at = Math.floor(Math.random() * job.cookies.length);
    const cookie = job.cookies[at] as string;
    const mayLeave = at % job.leaving === 0;
    const dice = Math.random();
    if (mayLeave && at % job.of === job.at && dice < 0.3) {
      gone.add(at);
      note(`leaves ${at}`);
      await request(sessions, cookie, (session) => session.destroy()).then(thrown);
      note(`left ${at}`);
      const { value } = await request(sessions, cookie, ({ subject }) => subject).then(thrown);
      if (value !== undefined) note(`wrong: ${at} is back after its logout`);
      return;
    }
    if (dice > 0.97) {
      const subject = `new${job.at}-${Date.now()}-${Math.random()}`;
      const { cookie: fresh } = await request(sessions, undefined, (session) => session.login(subject)).then(thrown);
      note(`login ${subject} ${fresh}`);
      const { value } = await request(sessions, fresh, (session) => session.subject).then(thrown);
      if (value !== subject) note(`wrong: the login of ${subject} is lost`);
      return;
    }
    if (dice > 0.5) {
      const { value } = await request(sessions, cookie, ({ subject }) => subject).then(thrown);
      if (value === undefined && !mayLeave) note(`wrong: ${at} is lost`);
      return;
    }
    if (mayLeave) return;
    note(`uses ${at}`);
    const { value } = await request(sessions, cookie, (session) => {
      session.update(`s${job.at}`, (n = 0) => n + 1);
      session.update("n", (n = 0) => n + 1);
      return session.subject;
    }).then(thrown);
    if (value === undefined) note(`wrong: ${at} is lost`);
    note(`used ${at}`);
  };
  process.send?.("ready");
  const loop = async (): Promise<void> => {
    while (!stopped) await one().catch((error) => note(`wrong: ${error?.message ?? error}`));
  };
  await Promise.all([loop(), loop(), loop(), loop()]);
  await Promise.all([from.close(), to.close()]);
  process.exit(0);
});

function thrown<A extends { error: unknown }>(answer: A): A {
  if (answer.error) throw answer.error;
  return answer;
}
