/** The attempts of a save: carries out the plan, merges on a conflict, and writes together with the saves it meets. */

import { ticks } from "../contracts/clock.ts";
import { isSessionError, SessionError } from "../contracts/errors.ts";
import type { Payload } from "../contracts/format.ts";
import type { Found } from "../contracts/records.ts";
import { hasChanges, payloadIfNeeded, prepare } from "./facts.ts";
import { admit, leave } from "./limit.ts";
import { link } from "./link.ts";
import { mergeUsers } from "./login-merge.ts";
import { beside, newestOf, readNewest, takeOver } from "./newest.ts";
import type { Plan, Step } from "./plan.ts";
import { refused, refuseImpossible } from "./refusals.ts";
import type { RequestRecord } from "./request-record.ts";
import { carryOut, draftOf, saved } from "./steps.ts";
import { type Newest, type Turn, unknownTurn } from "./turns.ts";

/** Saves what was asked for. False when the session ended elsewhere. */
export function save(work: RequestRecord): Promise<boolean> {
  return new Attempts(work).run();
}

/** What an attempt comes to: saved; ended elsewhere; or to be tried again, since the session was changed by others. */
type Tried = "saved" | "ended" | "again";

class Attempts {
  readonly #work: RequestRecord;
  readonly #began = ticks();
  /** Its store calls are to be answered until then, except for those by which it meets others. */
  #until: number;
  #conflicts = 0;
  /** The line it waits in or has the turn of. */
  #lane: string | undefined;
  #hasTurn = false;
  /** What is known since it met others. */
  #turn: Turn | undefined;
  /** What the store has, while the data is merged with changes of others that are not written yet. */
  #confirmed: Newest | undefined;
  /** Together with others it was too large. */
  #alone = false;

  constructor(work: RequestRecord) {
    this.#work = work;
    this.#until = work.until ?? this.#began + work.core.config.storeTimeout;
  }

  async run(): Promise<boolean> {
    const work = this.#work;
    const { everybody, config } = work.core;
    const { limit } = config;
    try {
      const onlySeen = noteSeen(work);
      let passing = false;
      if (work.marks.loggedIn) this.#limit();
      for (;;) {
        // A login whose epoch cannot be read is given up before anything is written.
        if (work.epoch) work.epochMark = await work.epoch;
        if (everybody && (!work.found || work.era)) work.era = await (work.era ?? everybody.recent());
        if (work.marks.loggedIn && limit && !work.state.meta.actor) await admit(work, limit);
        if (work.marks.loggedIn && work.external) await link(work, work.external.login);
        if (work.marks.merge) await mergeUsers(work);
        const { payload, plan: decided } = prepare(work, onlySeen);
        work.trace?.planned(decided, this.#conflicts);
        refuseImpossible(work, decided);
        if (decided.step === "none" && !this.#confirmed) {
          if (decided.cookie === "remove") work.setCookie = work.core.config.carrier.remove();
          return true;
        }
        // What others have not written yet may be the same change, and is none of the store's.
        if (!this.#confirmed) passing = (decided.step === "update" && onlySeen) || !hasChanges(work, payload);
        let tried: Tried;
        try {
          tried = await this.#try(decided, payload);
        } catch (error) {
          // Nothing the application did is lost when only an expiry or an id was to be looked after: the event has said so.
          if (!passing || !isSessionError(error) || error.status !== 503) throw error;
          handBack(work);
          return true;
        }
        if (tried === "saved") return true;
        if (work.ended) return false;
        if (tried === "ended") {
          work.ended = true;
          if (!passing) refused(work);
          return false;
        }
      }
    } finally {
      if (work.admission) await leave(work);
      this.#end();
    }
  }

  #try(decided: Plan, payload: Payload | undefined): Promise<Tried> {
    const work = this.#work;
    const { found, base, state, core } = work;
    const { step } = decided;
    if (base !== undefined && !state.destroyed) return this.#takeOver(newestOf(work));
    if (this.#lane === undefined && found && takesTurns(step) && !core.records.inCookie) {
      this.#lane = core.records.lane(found.place);
      this.#hasTurn = core.turns.take(this.#lane);
      if (!this.#hasTurn) return this.#wait(this.#lane, step === "update");
    }
    if (this.#turn && this.#lane !== undefined && !this.#alone && isTogether(step))
      return this.#together(this.#turn, this.#lane, decided, payload);
    if (work.until !== undefined || takesCalls(step)) this.#limit();
    return this.#write(decided, payload);
  }

  /** Waiting for others and merging with them has `conflictTimeout`; what comes after it has its own time. */
  #metOthers(): void {
    this.#until = ticks() + this.#work.core.config.storeTimeout;
  }

  #limit(): void {
    const work = this.#work;
    work.limited = work.core.within?.(this.#until);
  }

  async #wait(lane: string, together: boolean): Promise<Tried> {
    const { turns, config } = this.#work.core;
    const outcome = await turns.wait(lane, together, config.conflictTimeout).ended;
    this.#metOthers();
    return this.#follow("turn" in outcome ? outcome.turn : unknownTurn());
  }

  /** Goes on from what those before have made of the session. When that is unknown, it is read, once for all in line. */
  async #follow(turn: Turn): Promise<Tried> {
    const work = this.#work;
    const found = work.found as Found;
    this.#hasTurn = this.#lane !== undefined;
    this.#turn = turn;
    if (work.state.destroyed) {
      // Ending it takes no reading.
      if (turn.tip) work.found = { ...found, place: beside(work, turn.tip.place) };
      return "again";
    }
    if (turn.tip === undefined) this.#turn = unknownTurn(await this.#read(found));
    const { known, tip } = this.#turn;
    return tip ? this.#takeOver(tip, known ?? undefined) : "ended";
  }

  async #takeOver(tip: Newest, known: Newest = tip): Promise<Tried> {
    if (!(await takeOver(this.#work, tip))) return "ended";
    this.#confirmed = known === tip ? undefined : known;
    return "again";
  }

  async #read({ place }: Found): Promise<Newest | null> {
    try {
      return await readNewest(this.#work, place);
    } catch (error) {
      if (this.#lane !== undefined) this.#work.core.turns.fail(this.#lane, error);
      throw error;
    }
  }

  /** Adds its changes to those that are not written yet, and waits for the write that holds them all. The last one writes. */
  async #together(turn: Turn, lane: string, decided: Plan, payload: Payload | undefined): Promise<Tried> {
    const work = this.#work;
    const { turns, config } = work.core;
    const { draft } = draftOf(work, "update", payload);
    const tip = { ...(turn.tip as Newest), payload: draft.payload, expiresAt: draft.expiresAt };
    const joined = { ...turn, tip: { ...tip, handle: work.state.meta.handle } };
    const waiting = turns.join(lane, joined, config.conflictTimeout);
    this.#hasTurn = false;
    turns.pass(lane, joined);
    const outcome = await waiting.ended;
    if ("written" in outcome) {
      await saved(work, draft, decided.cookie, outcome.written);
      this.#confirmed = undefined;
      return "saved";
    }
    if (!outcome.writes) {
      this.#hasTurn = true;
      this.#turn = outcome.turn;
      work.trace?.conflicted();
      this.#countConflict();
      return this.#follow(outcome.turn);
    }
    this.#hasTurn = true;
    this.#turn = outcome.turn;
    return this.#write(this.#confirmed ? { ...decided, step: "update" } : decided, payload);
  }

  async #write(decided: Plan, payload: Payload | undefined): Promise<Tried> {
    const work = this.#work;
    const { turns, config } = work.core;
    const lane = this.#lane ?? "";
    const { members = [], known } = this.#turn ?? {};
    let isWritten: boolean;
    try {
      isWritten = await carryOut(work, decided, payload);
    } catch (error) {
      if (members.length > 0 && isSessionError(error) && error.code === "ERR_SESSION_TOO_LARGE") {
        turns.back(lane, members, false);
        this.#alone = true;
        return this.#follow(unknownTurn(known));
      }
      for (const member of members) member.fail(error);
      // Whether it was written is not known.
      this.#turn = undefined;
      throw error;
    }
    if (isWritten) {
      this.#confirmed = undefined;
      if (this.#turn || turns.isAwaited(lane)) this.#tell(decided.step);
      return "saved";
    }
    work.trace?.conflicted();
    if (work.ended || decided.step === "touch") return "ended";
    if (!work.found) return this.#again();
    turns.back(lane, members);
    this.#turn = undefined;
    this.#countConflict();
    if (this.#conflicts > 1) await config.wait(Math.random() * Math.min(2 ** (this.#conflicts - 1), 64));
    return this.#follow(unknownTurn());
  }

  /** For a new session under another id. One of 256 random bits is never taken, so that what makes ids is at fault. */
  #again(): Tried {
    this.#conflicts++;
    if (this.#conflicts < 3) return "again";
    throw new SessionError(
      "ERR_SESSION_CONFLICT",
      "the id of the new session is taken: genid, or create() of the ids, must return a new one each time",
    );
  }

  /** What is known of the session after a write, for those whose changes it held and those that come next. */
  #tell(step: Step): void {
    const { found, state } = this.#work;
    const { members = [], known, tip } = this.#turn ?? {};
    let newest: Newest | null | undefined = step === "touch" ? known : undefined;
    if (step === "delete") newest = null;
    if (step === "update" && found) {
      const { place, payload, expiresAt } = found;
      const { current = true, moved } = tip ?? {};
      const { handle } = state.meta;
      newest = { place, payload, expiresAt, stale: false, lost: false, current, moved, handle };
      for (const member of members) member.end({ written: newest });
    }
    this.#turn = unknownTurn(newest);
  }

  #countConflict(): void {
    const { conflictTimeout } = this.#work.core.config;
    this.#metOthers();
    this.#conflicts++;
    if (ticks() - this.#began < conflictTimeout && this.#conflicts <= 1000) return;
    const message = `the session was changed by others ${this.#conflicts} times while it was being saved; nothing was saved`;
    throw new SessionError("ERR_SESSION_CONFLICT", message);
  }

  #end(): void {
    const work = this.#work;
    work.limited = undefined;
    // What others have not written is in its data, and not in the store.
    if (this.#confirmed && work.found) {
      const { payload, expiresAt } = this.#confirmed;
      work.base ??= work.found.payload;
      work.found = { ...work.found, payload, expiresAt };
    }
    if (this.#hasTurn) work.core.turns.pass(this.#lane as string, this.#turn);
  }
}

/** Whether the step takes more than one store call. */
function takesCalls(step: Step): boolean {
  return step === "rename" || step === "renew" || step === "delete";
}

function takesTurns(step: Step): boolean {
  return step !== "none" && step !== "touch" && step !== "create";
}

/** Whether the step can be part of a write that holds the changes of several. */
function isTogether(step: Step): boolean {
  return step === "update" || step === "touch" || step === "none";
}

/** What was asked for is for the next save, with what was asked for since. */
export function handBack({ marks, state }: RequestRecord): void {
  marks.join(state.marks);
  state.marks = marks;
}

/**
 * The first request with the new id of a renewal in passing tells that the old one is no longer needed. True when
 * there is nothing else to save.
 */
function noteSeen(work: RequestRecord): boolean {
  const { found, state, core } = work;
  // An id that this very request made has not reached the client yet.
  if (!found?.current || !state.meta.unseen || work.gaveId) return false;
  const isClean = !hasChanges(work, payloadIfNeeded(work));
  delete state.meta.unseen;
  state.meta.seen = core.config.now();
  return isClean;
}
