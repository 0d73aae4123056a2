/** One of two processes that serve requests on one session at the same time. Forked by `promises-processes.test.ts`. */

import type { Session } from "../../src/core/contracts/session.ts";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import type { OpenOptions } from "../../src/testing/index.ts";
import { request } from "./requests.ts";

/** What the test asks of a worker. */
export interface WorkerJob {
  /** Module that exports `open` and `close` for the store, as for the process suite. */
  readonly module: string;
  readonly args: unknown;
  readonly space: string;
  readonly cookie: string;
  /** Of several sessions, in place of `cookie`: the requests take turns with them. */
  readonly cookies?: readonly string[];
  readonly task: "keys" | "count" | "write" | "read" | "login";
  /** How far its clock is ahead, in milliseconds; then ids are renewed after 10 minutes. */
  readonly ahead?: number;
  /** Requests at once, and the number of the first. */
  readonly count: number;
  readonly from: number;
}

/** What it answers: how many requests found a session when they began, sent a cookie, failed. */
export interface WorkerReport {
  readonly live: number;
  readonly cookies: number;
  readonly errors: string[];
}

type Data = Record<string, unknown>;
interface StoreModule {
  open(options: OpenOptions, args: unknown): Store | Promise<Store>;
  close?(store: Store): void | Promise<void>;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 30));

const handlers: Record<WorkerJob["task"], (session: Session<Data>, at: number) => unknown> = {
  keys: (session, at) => {
    session.data[`key${at}`] = at;
  },
  count: (session) => session.update("n", (n) => ((n as number | undefined) ?? 0) + 1),
  write: (session, at) => {
    if (!session.isNew) session.data[`key${at}`] = at;
  },
  read: (session) => ({ ...session.data }),
  login: (session) => session.subject !== undefined && session.login(session.subject),
};

process.on("message", async (job: WorkerJob) => {
  const store: StoreModule = await import(job.module);
  const { ahead, cookies = [job.cookie] } = job;
  const now = (): number => Date.now() + (ahead ?? 0);
  const opened = await store.open({ space: job.space, now }, job.args);
  const renewAfter = ahead === undefined ? false : "10m";
  const sessions = new Sessions<Data>({ store: opened, now, renewAfter, storeTimeout: "20s", conflictTimeout: "30s" });
  let live = 0;
  const answers = await Promise.all(
    Array.from({ length: job.count }, (_, at) =>
      request(sessions, cookies[at % cookies.length], async (session) => {
        if (!session.isNew) live++;
        await pause();
        return handlers[job.task](session, job.from + at);
      }),
    ),
  );
  const report: WorkerReport = {
    live,
    cookies: answers.filter((answer) => answer.setCookie !== undefined).length,
    errors: answers.flatMap((answer) => (answer.error === undefined ? [] : [String(answer.error)])),
  };
  await store.close?.(opened);
  process.send?.(report, () => process.disconnect());
});
process.send?.("ready");
