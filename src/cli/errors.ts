/** What an error says, with its causes. */

import { isError } from "../core/contracts/errors.ts";

/** The message with those of its causes: what a store's client says helps most. */
export function textOf(error: unknown): string {
  if (!isError(error)) return String(error);
  const { message, name, cause = (error as Partial<AggregateError>).errors?.[0] } = error;
  const told = message || String((error as { code?: unknown }).code ?? name);
  return cause === undefined || told.includes(textOf(cause)) ? told : `${told}: ${textOf(cause)}`;
}
