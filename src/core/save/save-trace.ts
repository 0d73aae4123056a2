/** Loads, saves and renewals on their channels. Nothing here runs while nothing listens. */

import type { Written } from "../contracts/records.ts";
import {
  type LoadMessage,
  loads,
  OfSubject,
  renewals,
  type SaveMessage,
  saves,
  scoped,
  traced,
} from "../contracts/traces.ts";
import { hasChanges, isEmpty, payloadIfNeeded } from "./facts.ts";
import type { Plan } from "./plan.ts";
import type { RequestRecord } from "./request-record.ts";

class Load extends OfSubject implements LoadMessage {
  readonly backend: string;
  handle?: string | undefined;

  constructor(backend: string) {
    super();
    this.backend = backend;
  }
}

/** What a load has found, and whether a cookie had come for it. */
export type Seen = (work: RequestRecord, came?: boolean) => void;

/** Traces what a request finds under its cookie. */
export function tracedLoad<T>(backend: string, load: (seen: Seen) => Promise<T>): Promise<T> {
  const message = new Load(backend);
  let outcome = "none";
  const seen: Seen = (work, came = work.held > 0) => {
    outcome = outcomeOf(work, came);
    noteSession(message, work);
  };
  return traced(
    loads,
    message,
    () => scoped(() => load(seen)),
    () => outcome,
  );
}

function outcomeOf({ found, ended }: RequestRecord, came: boolean): NonNullable<LoadMessage["outcome"]> {
  if (found) return "found";
  if (ended) return "late";
  return came ? "absent" : "none";
}

/** A save in flight, as its subscribers see it. */
export class SaveTrace extends OfSubject implements SaveMessage {
  readonly backend: string;
  plan: Plan["step"] = "none";
  retries = 0;
  conflicts = 0;
  handle?: string | undefined;

  constructor(backend: string) {
    super();
    this.backend = backend;
  }

  planned({ step }: Plan, attempt: number): void {
    this.plan = step;
    this.retries = attempt;
  }

  conflicted(): void {
    this.conflicts += 1;
  }
}

/** Traces one save of a request's session. */
export async function tracedSave(work: RequestRecord, save: () => Promise<boolean>): Promise<boolean> {
  // Adapters save once more when the body has ended: where nothing was changed since, that is no save of its own.
  if (work.wasTraced && !mayChange(work)) return save();
  const message = new SaveTrace(work.core.config.store.name);
  work.trace = message;
  work.wasTraced = true;
  noteSession(message, work);
  try {
    return await traced(
      saves,
      message,
      () => scoped(save),
      (saved) => {
        noteSession(message, work);
        return saved ? "saved" : "refused";
      },
    );
  } finally {
    work.trace = undefined;
  }
}

/** Traces a session's move to another id. */
export function tracedRenewal(
  { core, identity }: RequestRecord,
  by: "login" | "regenerate" | "passing",
  move: () => Promise<Written | null>,
): Promise<Written | null> {
  const message = { backend: core.config.store.name, by, handle: identity.handle };
  return traced(renewals, message, move, (written) => (written ? "renewed" : "refused"));
}

function mayChange(work: RequestRecord): boolean {
  const { state, found, ended, late } = work;
  if (ended) return state.destroyed && late !== undefined;
  work.marks = state.marks;
  try {
    return found ? hasChanges(work, payloadIfNeeded(work)) : !isEmpty(state.data);
  } catch {
    return true;
  }
}

function noteSession(message: Load | SaveTrace, { state }: RequestRecord): void {
  const { handle, subject } = state.meta;
  if (handle !== undefined) message.handle = handle;
  if (subject !== undefined) OfSubject.note(message, subject);
}
