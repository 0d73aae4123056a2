/** What the cases of the framework suite say about answers. */

import { check, same } from "../store/check.ts";
import type { Answer } from "./client.ts";
import type { FrameworkCase } from "./trial.ts";

/** The name of the session cookie as it is by default. */
export const cookieName = "__Host-session";

/** The `Set-Cookie` headers that are the session's. */
export function sessionCookies({ headers }: Pick<Answer, "headers">): string[] {
  return headers.getSetCookie().filter((line) => line.startsWith(`${cookieName}=`));
}

/** Whether `Vary` names `Cookie`. */
export function varies({ headers }: Pick<Answer, "headers">): boolean {
  return /(^|,)\s*(cookie|\*)\s*(,|$)/i.test(headers.get("vary") ?? "");
}

/** Fails the case unless the answer is a whole 200 with this body. */
export function answered(answer: Answer, text: string): void {
  same(answer.status, 200, `status of "${text}"`);
  same(answer.text, text, "body");
  check(answer.complete, `the body "${text}" is not complete`);
}

/** Fails the case unless nothing was set: no session cookie. */
export function noCookie(answer: Pick<Answer, "headers">, what = "Set-Cookie of the session"): void {
  same(sessionCookies(answer).length, 0, what);
}

/** Fails the case unless the answer is that of an error: nothing that the handler sent, no session cookie. */
export function refused(answer: Answer, status: number): void {
  same(answer.status, status, "status");
  check(!/handler/.test(answer.text), "the handler's body was sent");
  check(![...answer.headers].some(([, value]) => /handler/.test(value)), "a header of the handler was sent");
  noCookie(answer);
}

/** A promise to be resolved by hand. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Puts cases into a group. */
export function inGroup(group: string, cases: readonly Omit<FrameworkCase, "group">[]): FrameworkCase[] {
  return cases.map((one) => ({ ...one, group }));
}

/** The pieces as bytes. */
export async function* bytes(pieces: AsyncIterable<string>): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const piece of pieces) yield encoder.encode(piece);
}
