/**
 * A trail for auditors: who logged in and out, what ended a session, and what administrators did.
 *
 * @module
 */

import { diagnostics } from "#channels";
import { entryOf, unaudited } from "./audit/entry.ts";
import { type AuditSink, Queue } from "./audit/queue.ts";
import { toldOf, wrongArgument } from "./core/contracts/errors.ts";
import { checkKnown } from "./core/contracts/known.ts";
import type { SessionEvent } from "./core/contracts/session-event.ts";
import { callable } from "./core/options/checks.ts";
import type { Sessions } from "./core/request/sessions.ts";

export { type AuditEntry, unaudited } from "./audit/entry.ts";
export type { AuditSink } from "./audit/queue.ts";

/** Options of {@link sessionAudit}. */
export interface AuditOptions {
  /** Where the lines go: `auditFile({ path })` of `sojourn/audit/file`, or a function. */
  readonly to: AuditSink;
  /** Types of events that are not written. Default {@link unaudited}; `[]`: every event is a line. */
  readonly except?: readonly string[] | undefined;
  /** What the application adds to a line, such as the address of the client. Texts, numbers and booleans. Default: nothing. */
  readonly details?: ((event: AuditAct) => Readonly<Record<string, string | number | boolean>>) | undefined;
  /** How many lines may wait for an asynchronous sink. Default 10,000. */
  readonly maxWaiting?: number | undefined;
}

/** What {@link Audit.record} notes. */
export interface AuditAct {
  /** What was done: your own name such as `"role_changed"`, or the type of an event. */
  readonly type: string;
  readonly subject?: string | undefined;
  readonly handle?: string | undefined;
  /** Who did it. Default: as {@link Audit.as} says. */
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** A trail that is being written. */
export interface Audit {
  /** Notes something that is no event of sessions. */
  record(act: AuditAct): void;
  /**
   * Runs what an administrator does: all that is noted during it, events of sessions included, has `by`.
   *
   * @throws `TypeError` when `by` is no text, or the runtime has no `AsyncLocalStorage`.
   * @example
   * ```ts
   * import type { Sessions } from "sojourn";
   * import type { Audit } from "sojourn/audit";
   *
   * const lockOut = (audit: Audit, sessions: Sessions, administrator: string, user: string) =>
   *   audit.as(administrator, () => sessions.revoke(user));
   * ```
   */
  as<Result>(by: string, act: () => Result): Result;
  /** Waits until every line that there is has been taken by the sink. */
  flush(): Promise<void>;
  /** Stops noting events, waits as {@link flush} does, and closes the sink. */
  close(): Promise<void>;
}

/**
 * Writes events of sessions as JSON lines, in order: logins, logouts, renewals, revocations, observed expiry, reused
 * ids, and every event of later versions. No line contains an id, a token, a cookie value or session data.
 *
 * With a file, a line is written while its event is emitted, so nothing is lost when the process is killed. With an
 * asynchronous function, waiting lines are lost when the process is killed: call `close()` when the server stops. A
 * line that cannot be written is lost, and reported on stderr once a minute; logins and logouts still work. Before the
 * next successful line there is a line of type `audit_gap`, with the number of missing lines.
 *
 * @throws `TypeError` when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { sessionAudit } from "sojourn/audit";
 * import { auditFile } from "sojourn/audit/file";
 *
 * const sessions = createSessions();
 * const audit = sessionAudit(sessions, { to: auditFile({ path: "audit.jsonl" }) });
 * process.once("SIGTERM", () => audit.close());
 * ```
 */
export function sessionAudit<Data extends object>(sessions: Sessions<Data>, options: AuditOptions): Audit {
  checkKnown("sessionAudit", options, ["to", "except", "details", "maxWaiting"]);
  const { to, except = unaudited, maxWaiting = 10_000 } = options;
  if (typeof to !== "function") throw wrongArgument("to", "auditFile({ path }), or a function that takes lines", to);
  if (!Array.isArray(except) || !except.every((type) => typeof type === "string"))
    throw wrongArgument("except", 'a list of event types, such as ["session_renewed"]', except);
  if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 1)
    throw wrongArgument("maxWaiting", "a whole number of lines, at least 1", maxWaiting);
  const details = callable("details", options.details);
  const kept = (Object(sessions) as Partial<Sessions<Data>>).kept;
  if (!kept) throw wrongArgument("the first argument of sessionAudit()", "sessions of createSessions()", sessions);

  const queue = new Queue(to, maxWaiting, lossesOnce());
  const actors = diagnostics?.scope<string>();
  const add = (event: AuditAct & { readonly at: number }): void => {
    let more: object | undefined;
    try {
      more = details?.(event);
    } catch {
      more = { details: "threw" };
    }
    queue.add(entryOf(event as Partial<SessionEvent> & typeof event, actors?.getStore(), more));
  };
  const stop = kept.on((event) => {
    if (!except.includes(event.type)) add(event);
  }, true);
  return {
    record(act) {
      if (typeof act?.type !== "string" || !/^[\w.:-]{1,60}$/.test(act.type))
        throw wrongArgument("type", "what was done, in a word", act?.type);
      add({ ...act, at: kept.config.now() });
    },
    as(by, act) {
      if (typeof by !== "string" || by === "") throw wrongArgument("by", "the subject of an administrator", by);
      if (!actors) throw new TypeError("audit.as() needs AsyncLocalStorage, which this runtime does not hand out");
      return actors.run(by, act);
    },
    flush: () => queue.settled(),
    async close() {
      stop();
      await queue.settled();
      await to.close?.();
    },
  };
}

/** Says on stderr that lines are lost, once a minute. */
function lossesOnce(): (lost: number, error: unknown) => void {
  let next = 0;
  return (lost, error) => {
    const now = performance.now();
    if (now < next) return;
    next = now + 60_000;
    const { name, code = name, message } = toldOf(error) as Error & { code?: string };
    console.warn(
      `sojourn: the audit lost ${lost} line${lost === 1 ? "" : "s"} (${code}: ${message}). Make room for it.`,
    );
  };
}
