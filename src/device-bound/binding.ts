/** What a session notes of its binding, and every change of that. Pure: no I/O, no clock, no randomness. */

import type { Meta } from "../core/contracts/format.ts";
import { type BoundKey, isAlgorithm } from "./proof.ts";

/** The session has just logged in, and its browser may bind it. */
export interface Pending {
  readonly challenge: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** A session bound to a browser that has proved it has the key. */
export interface Binding extends BoundKey {
  /** What the browser calls it. */
  readonly id: string;
  /** When it was bound. All instants in epoch milliseconds. */
  readonly at: number;
  /** What the next refresh has to sign. */
  readonly challenge: string;
  /** When that was made. */
  readonly issued: number;
  /** What the last refresh signed. */
  readonly previous?: string;
  /** The digest of the proof cookie, and until when it counts. */
  readonly proof: string;
  readonly until: number;
  /** The same of the one before. */
  readonly oldProof?: string;
  readonly oldUntil?: number;
  /** A request has come with a proof: the browser has learnt that it is bound. */
  readonly seen?: true;
}

/** A request may arrive this long after its proof cookie has ended in the browser, and clocks differ. */
const slack = 60_000;
/** Requests that were sent before the browser knew that it is bound may arrive for this long. */
const grace = 10_000;

/** What was noted; `null` when that is nothing this version writes. */
export function readBound(bound: NonNullable<Meta["bound"]>): Pending | Binding | null {
  const { alg, key, id, at, challenge, issued, previous, proof, until, oldProof, oldUntil, seen } = bound;
  if (!isText(challenge) || !isTime(until)) return null;
  if (key === undefined) return { challenge, until };
  if (!isAlgorithm(alg) || !isText(key) || !isText(id) || !isTime(at) || !isTime(issued) || !isText(proof)) return null;
  const hasOld = isText(oldProof) && isTime(oldUntil);
  if (!hasOld && (oldProof !== undefined || oldUntil !== undefined)) return null;
  if ((previous !== undefined && !isText(previous)) || (seen !== undefined && seen !== true)) return null;
  return {
    ...{ alg, key, id, at, challenge, issued, proof, until },
    ...(previous !== undefined && { previous }),
    ...(hasOld && { oldProof, oldUntil }),
    ...(seen && { seen }),
  };
}

/** Whether a key is bound to the session. */
export function isBinding(bound: Pending | Binding | null): bound is Binding {
  return bound !== null && "key" in bound;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** The binding after a refresh: its challenge is used up, and the proof cookie of before goes on to its own end. */
export function refreshed(binding: Binding, now: number, challenge: string, proof: string, lifetime: number): Binding {
  const { challenge: previous, proof: oldProof, until: oldUntil } = binding;
  return { ...binding, challenge, issued: now, previous, proof, until: now + lifetime, oldProof, oldUntil, seen: true };
}

/** What a request with this proof is: `"first"` and `"proven"` are in order, `"early"` comes before the browser can know. */
export type Verdict = "proven" | "first" | "early" | "missing" | "ended" | "unknown";

/** Judges the proof of a request by the server's clock. @param proof The digest of the cookie, if one came. */
export function judgeProof(binding: Binding, proof: string | undefined, now: number): Verdict {
  const { proof: current, until, oldProof, oldUntil = 0, seen, at } = binding;
  const end = proof === undefined ? undefined : proof === current ? until : proof === oldProof ? oldUntil : undefined;
  if (end !== undefined && now < end + slack) return seen ? "proven" : "first";
  // The answer to the registration may have been lost: then the browser has no key, and is bound to nothing.
  if (!seen || now < at + grace) return "early";
  if (proof === undefined) return "missing";
  return end === undefined ? "unknown" : "ended";
}
