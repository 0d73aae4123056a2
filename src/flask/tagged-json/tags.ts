/** The tags of TaggedJSON, and the dates it writes. */

import { datetimeOf, instantOf } from "../pickle/objects.ts";
import type { PyInstance } from "../pickle/values.ts";

/** The one key of an object that stands for something else: an escape, tuple, bytes, Markup, UUID, datetime. */
export const tags: readonly string[] = [" di", " t", " b", " m", " u", " d"];

/** The Python datetime for an HTTP date; `undefined` if the text is not an HTTP date. */
export function dateOf(text: string): PyInstance | undefined {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  // Without the name of the day, and the year as ISO 8601 has it: `Date.parse` takes 0049 for 1949.
  const month = "JanFebMarAprMayJunJulAugSepOctNovDec".indexOf(text.slice(8, 11)) / 3 + 1;
  const iso = `${text.slice(12, 16)}-${String(month).padStart(2, "0")}-${text.slice(5, 7)}T${text.slice(17, 25)}Z`;
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? undefined : datetimeOf(ms);
}

/** An HTTP date, in whole seconds. */
export function httpDate(value: PyInstance): string | undefined {
  const instant = instantOf(value);
  return instant && new Date(instant.seconds * 1000).toUTCString();
}
