/** Sessions as handlers see them, over data given, to collect the changes they make. */

import type { Content, Meta } from "../../../src/core/contracts/format.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import type { Draft } from "../../../src/core/save/changes.ts";
import { RecordSession } from "../../../src/core/save/record-session.ts";
import { State } from "../../../src/core/save/state.ts";

/** The format of all drafts. */
export const format = jsonFormat();

/** Data and what the library knows, as if just loaded: nothing is shared with what was given. */
export function contentOf(data: object, meta: Meta = {}): Content {
  return format.decode(format.encode({ data: data as Record<string, unknown>, meta }));
}

/** A session loaded with `data`, after `change`. */
export function draft(data: object, change: (session: RecordSession) => void = () => {}, meta: Meta = {}): Draft {
  const owner = {
    readOnly: false,
    noteUse: () => {},
    handOut: async () => undefined,
    save: async () => true,
    answers: () => {},
    needsCookie: () => {},
    damaged: () => {},
    onLogin: () => ({}),
    needsRoom: () => {},
    now: Date.now,
    endsAt: () => Number.POSITIVE_INFINITY,
    logOut: noRequest,
    impersonate: noRequest,
    endImpersonation: noRequest,
  };
  const state = new State(format, contentOf(data, meta), 1, owner);
  change(new RecordSession(state, owner));
  return { data: state.data, meta: state.meta, ...state.marks };
}

function noRequest(): never {
  throw new Error("there is no request");
}
