/** TaggedJSON: the JSON of Flask's own sessions, with tags for tuples, bytes, Markup, UUIDs and datetimes. */

import { fromUtf8, isBytes, utf8 } from "../core/bytes/bytes.ts";
import type { Format, Payload } from "../core/contracts/format.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { Budget } from "./budget.ts";
import { entriesByName, Lowering } from "./pickle/lower.ts";
import { toJs } from "./pickle/read.ts";
import { type PyValue, pyDict, pyKind } from "./pickle/values.ts";
import { checkSubjectOptions, contentOf, type Entries, entriesOf, type SubjectOptions } from "./session-dict.ts";
import { checkReadable, naming } from "./storable.ts";
import { readTagged, type TaggedText } from "./tagged-json/read.ts";
import { writeTagged } from "./tagged-json/write.ts";

/** Options of {@link taggedJsonFormat}. */
export type TaggedJsonOptions = SubjectOptions;

/**
 * Sessions in Flask's TaggedJSON, the format of Flask's own cookie, and of Flask-Session-Plus in Redis, Memcached and
 * MongoDB. `_permanent` is `session.persistent`; all else is `session.data`.
 *
 * Unchanged values are written back byte for byte. The rest is written as Flask writes it in a request: keys sorted,
 * ASCII only. A tuple is read as an array, a UUID and a Markup as text; they keep their Python type until you change
 * them. A `Date` is kept to the second, a `Uint8Array` as bytes, a `Set` as list, a number as key of a `Map` as text.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskSession, taggedJsonFormat } from "sojourn/flask";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * const sessions = createSessions({ ...flaskSession(), format: taggedJsonFormat(), store: memoryStore() });
 * ```
 */
export function taggedJsonFormat(options: TaggedJsonOptions = {}): Format {
  checkKnown("taggedJsonFormat", options, ["subjectKey", "subjectType"]);
  checkSubjectOptions(options);
  const decode: Format["decode"] = (payload) => {
    const budget = new Budget(payload.length);
    return contentOf(read(payload).entries, pyKind, ([, value]) => toJs(value, budget, 1), options);
  };
  return {
    name: "flask tagged json",
    foreign: true,
    decode,
    encode(content, baseline) {
      const was = baseline === undefined ? undefined : read(baseline);
      return naming("session.data", () => {
        const lowering = new Lowering([content.data]);
        const entries = entriesOf(content, was?.entries, pyKind, lowering, options);
        if (was && entries === was.entries) return baseline as Payload;
        const text = writeTagged(pyDict([...entries.values()]), was?.textOf ?? nowhere);
        checkReadable(lowering.values, () => decode(text));
        return isBytes(baseline) ? utf8(text) : text;
      });
    },
    // Of this one Flask keeps `_permanent` alone, too.
    isNothing: (payload) => read(payload).entries.size === 0,
    // Only to compare: Python's JSON may hold half of a surrogate pair.
    encodeValue: (value, path) => naming(path, () => writeTagged(new Lowering([], true).lower(value), nowhere)),
  };
}

function read(payload: Payload): Pick<TaggedText, "textOf"> & { readonly entries: Entries<PyValue> } {
  const { root, textOf } = readTagged(typeof payload === "string" ? payload : fromUtf8(payload));
  if (root.kind !== "dict") throw new TypeError("not a session: the payload holds no object");
  return { entries: entriesByName(root.entries), textOf };
}

const nowhere = (): undefined => undefined;
