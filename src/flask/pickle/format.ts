/** Sessions in pickle, as cachelib keeps them: Flask-Session's types `filesystem` and `cachelib`. */

import type { Format, Payload } from "../../core/contracts/format.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { Budget } from "../budget.ts";
import { checkSubjectOptions, contentOf, entriesOf, isNothing, type SubjectOptions } from "../session-dict.ts";
import { checkReadable, naming } from "../storable.ts";
import { entriesByName, Lowering } from "./lower.ts";
import { readTree } from "./machine.ts";
import { newestProtocol, protocolOf } from "./protocols.ts";
import { toJs } from "./read.ts";
import { type PyEntry, pyDict, pyKind } from "./values.ts";
import { writeTree } from "./write.ts";

/** Options of {@link pickleFormat}. */
export type PickleFormatOptions = SubjectOptions;

/**
 * Sessions in Python's pickle, never executed; written in protocol 4, or in the older one in which they stood. For
 * sessions that Flask-Session keeps in cachelib, which knows nothing else.
 *
 * What is unchanged is written as it stood: an unchanged session byte for byte; when some keys changed, the values of
 * the others are the same Python values of the same types (datetime with or without zone, tuple, set, Decimal, UUID,
 * Markup), pickled again. Parts of a changed value that stand where they stood keep their types too. What is new is
 * written as int, float, str, bytes, list, set, dict and datetime in UTC.
 *
 * An object of any other class is a `PickledObject`: it stays as it is, whatever happens around it.
 *
 * A text that came from a type JavaScript has no word for (a UUID, a date) is that type as long as the text is the same.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskSession, pickleFormat } from "sojourn/flask";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * const sessions = createSessions({ ...flaskSession(), format: pickleFormat(), store: memoryStore() });
 * ```
 */
export function pickleFormat(options: PickleFormatOptions = {}): Format {
  checkKnown("pickleFormat", options, ["subjectKey", "subjectType"]);
  checkSubjectOptions(options);
  const decode: Format["decode"] = (payload) => {
    const entries = entriesIn(payload);
    const budget = new Budget(payload.length);
    // All of it, since what shows nowhere is written too: what is too much, or no value, is no session.
    const values = new Map(
      entries.map((entry) => {
        const [, value] = entry.map((one) => toJs(one, budget, 1));
        return [entry, value] as const;
      }),
    );
    return contentOf(entriesByName(entries), pyKind, (entry) => values.get(entry), options);
  };
  return {
    name: "flask-session pickle",
    foreign: true,
    decode,
    encode(content, baseline) {
      const was = baseline === undefined ? undefined : entriesByName(entriesIn(baseline));
      const lowering = new Lowering([content.data]);
      return naming("session.data", () => {
        const entries = entriesOf(content, was, pyKind, lowering, options);
        if (entries === was) return baseline as Payload;
        const protocol = typeof baseline === "object" ? protocolOf(baseline) : newestProtocol;
        const payload = writeTree(pyDict([...entries.values()]), protocol);
        checkReadable(lowering.values, () => decode(payload));
        return payload;
      });
    },
    isNothing: (payload) => isNothing(entriesByName(entriesIn(payload)).keys()),
    encodeValue: (value, path) => writeTree(naming(path, () => new Lowering().lower(value))),
  };
}

function entriesIn(payload: Payload): readonly PyEntry[] {
  const tree = typeof payload === "string" ? undefined : readTree(payload);
  if (tree?.kind !== "dict") throw new TypeError("not a session: the payload holds no dict");
  return tree.entries;
}
