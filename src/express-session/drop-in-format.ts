/** The format of the drop-in's records: those of express-session, with the cookie where handlers see it. */

import type { Content, Format } from "../core/contracts/format.ts";
import { Cookie, reviveCookie } from "./cookie.ts";
import { isPersistent, parsed, subjectIn, textOf, valueText, write } from "./format.ts";
import { entriesIn } from "./json-entries.ts";
import type { SessionRecord } from "./shapes.ts";
import { cookieOf } from "./store.ts";

const nothing: ReadonlyMap<string, string> = new Map();
/** What is kept beside sessions must look like one to the other program. */
const withoutSession: ReadonlyMap<string, string> = new Map([["cookie", JSON.stringify(new Cookie())]]);

/** The record is `JSON.stringify(req.session)`; what did not change stays byte for byte. */
export function dropInFormat(subjectPath: readonly string[]): Format {
  return {
    name: "express-session",
    foreign: true,
    decode: (payload) => contentOf(parsed(payload), subjectPath),
    encode({ data }, baseline) {
      const was = baseline === undefined ? undefined : entriesIn(textOf(baseline));
      return write(data, Object.hasOwn(data, "cookie") ? nothing : withoutSession, was, baseline, false);
    },
    // A parallel request that only moved the cookie's expiry has not changed it.
    encodeValue: (value, path) =>
      valueText(isCookie(value) ? { ...value.data, expires: undefined } : value, path, false) ?? "null",
  };
}

function isCookie(value: unknown): value is Cookie {
  return typeof value === "object" && value !== null && "_expires" in value && "originalMaxAge" in value;
}

/** The data and meta of a stored session. Throws if it has no `cookie`. */
export function contentOf(stored: SessionRecord, path: readonly string[]): Content {
  const cookie = reviveCookie(cookieOf(stored));
  stored.cookie = cookie;
  const subject = subjectIn(stored, path);
  const persistent = isPersistent(cookie);
  return { data: stored, meta: subject === undefined ? { persistent } : { persistent, subject } };
}
