/** Makes React Router answer an error of a session with its status. */

import { isSessionError } from "../../core/contracts/errors.ts";
import { wordsOf } from "./fetch-response.ts";

/** React Router gives an error the status it has if it looks like a response, and 500 if not. */
export function answerable(error: unknown): void {
  if (!isSessionError(error)) return;
  const statusText = wordsOf(error.status);
  // `error` is what it logs.
  for (const [name, value] of Object.entries({ statusText, internal: false, data: error.code, error }))
    Object.defineProperty(error, name, { value, configurable: true });
}
