/** Tells operators what goes wrong where the application has no listener: one line a minute for each kind. */

import { docs, isSessionError, type SessionError } from "./errors.ts";
import { processWide } from "./process-wide.ts";
import type { SessionEvent, SessionEventType } from "./session-event.ts";

/** A line is printed at most this often for each kind, in milliseconds. */
const interval = 60_000;
/** A session that ends while a request is in flight is an everyday matter; this many within a minute are not. */
const manyRefusals = 5;
/** Kinds that are remembered. */
const mostKinds = 100;

/** What is known of one kind. */
interface Kind {
  since: number;
  count: number;
  /** How many of the interval before were not printed. */
  left: number;
}

/** Events as lines for an operator. What shares a function that prints them shares the limit. */
export class Notices {
  readonly #say: (message: string) => void;
  readonly #kinds = new Map<string, Kind>();

  constructor(say: (message: string) => void) {
    this.#say = say;
  }

  /**
   * Prints an event that an operator must know, unless one of its kind was printed within the minute.
   *
   * @param advice What to do about it.
   */
  tell(type: SessionEventType, now: () => number, details: Details | undefined, advice: string | undefined): void {
    const text = textOf(type, details);
    if (text === undefined) return;
    const at = now();
    // Slots, ports and counts differ from one error of a kind to the next.
    const kind = this.#kindOf(`${type} ${text.replace(/\d+/g, "#")}`, at);
    kind.count += 1;
    const first = type === "save_refused" ? manyRefusals : 1;
    if (kind.count !== first) return;
    const times = first > 1 ? ` ${first} times within a minute` : "";
    const more = kind.left > 0 ? ` (and ${kind.left} more times before)` : "";
    this.#say(`sojourn: ${text}${times}${more}. ${advice ?? advices[type]}`);
    kind.left = 0;
  }

  #kindOf(name: string, at: number): Kind {
    const known = this.#kinds.get(name);
    if (known && at >= known.since && at - known.since < interval) return known;
    const left = known && known.count > 1 ? known.left + known.count - 1 : 0;
    const kind = { since: at, count: 0, left: name.startsWith("save_refused") ? 0 : left };
    if (this.#kinds.size >= mostKinds) this.#kinds.clear();
    this.#kinds.set(name, kind);
    return kind;
  }
}

type Details = Omit<SessionEvent, "type" | "at">;

/** The notices that are printed by this function. */
export function noticesOf(say: (message: string) => void): Notices {
  const shared = processWide("notices", () => new WeakMap<(message: string) => void, Notices>());
  const notices = shared.get(say) ?? new Notices(say);
  shared.set(say, notices);
  return notices;
}

/** What an operator can do, where the place that emits the event does not know better. */
const advices: Partial<Record<SessionEventType, string>> = {
  store_unavailable: "Requests that use their session get a 503; cookies stay as they are.",
  record_refused:
    "The request had no session. Look for a changed secret, format or schema, or for another program that writes under the same keys.",
  save_failed: `Nothing of that request was saved; ${docs}errors.md explains the code.`,
  save_refused:
    "Their sessions had ended before the save: look for requests that continue after a logout or login, and for records that the store removes early.",
};

/** The line without advice; `undefined`: operators need not know. */
function textOf(type: SessionEventType, details: Details | undefined): string | undefined {
  const { reason, error } = details ?? {};
  if (type === "store_unavailable" && isSessionError(error)) return `${error.code}: ${error.message}${causeOf(error)}`;
  // What a parser says of a record quotes the record.
  if (type === "record_refused") return `a record was refused: ${reason}`;
  if (type === "save_failed" && isSessionError(error) && !toldElsewhere.includes(error.code))
    return `a save failed with ${error.code}: ${error.message}`;
  if (type === "save_refused") return "a save was refused";
  return type === "cookie_dropped" ? reason : undefined;
}

/** Codes of failed saves that need no line: they have another line already, or the handler itself got the error. */
const toldElsewhere: readonly string[] = [
  "ERR_SESSION_STORE_UNAVAILABLE",
  "ERR_SESSION_STORE_TIMEOUT",
  "ERR_SESSION_STORE_FULL",
  "ERR_SESSION_HEADERS_SENT",
];

/** Name, code and message of the client's error, which {@link SessionError} has copied and cleaned. */
function causeOf({ cause }: SessionError): string {
  const { name, code, message } = Object(cause) as Partial<Record<"name" | "code" | "message", unknown>>;
  const words = [name, code, message].filter((word) => word !== undefined && word !== "" && word !== "Error");
  return words.length === 0 ? "" : ` (${words.join(": ")})`;
}
