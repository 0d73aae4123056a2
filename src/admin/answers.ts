/** Answers of the page, and the headers that keep browsers from doing more with them than showing them. */

import { sha256 } from "#crypto";
import type { Html } from "./html.ts";
import { style } from "./style.ts";
import { documentOf, type Frame } from "./views.ts";

/** The answer. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

let policy: string | undefined;

/** A page of HTML, which may load nothing. */
export async function page(status: number, frame: Frame, body: Html): Promise<PageAnswer> {
  policy ??= `default-src 'none'; style-src 'sha256-${await sha256(style)}='; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;
  return {
    status,
    headers: { ...headers, "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
    body: documentOf(frame, body),
  };
}

/** A few words. */
export function plain(status: number, text: string, more: Record<string, string> = {}): PageAnswer {
  return { status, headers: { ...headers, ...more, "content-type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}

/** For a client that is no administrator. */
export function forbidden(): PageAnswer {
  return plain(403, "You may not do this.");
}

/** After an act: where to look at what became of it. */
export function seeOther(location: string): PageAnswer {
  return { ...plain(303, ""), headers: { ...headers, location } };
}

const headers: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  // With "no-referrer", browsers would send the origin "null" with forms.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
};
