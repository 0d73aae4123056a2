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
 * Sessions in Python's pickle. No code in a pickle is executed. A session is written in the older protocol that it was
 * read in, or else in protocol 4. Use it for sessions that Flask-Session keeps in cachelib, which has no other format.
 *
 * An unchanged session is written back byte for byte. When some keys changed, the values of the others are pickled
 * again, as the same Python values of the same types (datetime with or without zone, tuple, set, Decimal, UUID,
 * Markup). In a changed value, the parts that did not move keep their types too. New values are written as int, float,
 * str, bytes, list, set, dict and datetime in UTC.
 *
 * An object of any other class is a `PickledObject`. It stays as it is, even if the values around it change.
 *
 * Types that JavaScript does not have, such as UUID and date, are read as text. They are written back with their own
 * type as long as the text is the same.
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
