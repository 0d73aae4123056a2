/** The headers of DBSC: structured fields (RFC 9651), as far as browsers write them and read them. */

import type { RequestHead } from "../core/contracts/device-bound.ts";
import type { BoundAlgorithm } from "./proof.ts";

/** The name and value that ask a browser to bind its session. */
export function registration(algorithms: readonly BoundAlgorithm[], path: string, challenge: string): string {
  return `(${algorithms.join(" ")});path="${path}";challenge="${challenge}"`;
}

/** The value that gives a browser the challenge of its next refresh. */
export function challengeFor(id: string, challenge: string): string {
  return `"${challenge}";id="${id}"`;
}

/** The id in `Sec-Secure-Session-Id`: Chromium sends it bare, the specification has it quoted. */
export function sessionIdIn({ headers }: RequestHead): string | undefined {
  const value = headers.get("sec-secure-session-id") ?? "";
  return /^[ \t]*"?([\w-]{1,64})"?[ \t]*$/.exec(value)?.[1];
}

/** Why a browser came without a proof, in its own word. Anyone can send it. */
export function skippedIn(head: RequestHead | undefined): string | undefined {
  const value = head?.headers.get("secure-session-skipped");
  return value
    ? (/\b(unreachable|server_error|quota_exceeded)\b/.exec(value)?.[1] ?? "for a reason of its own")
    : undefined;
}

/** Whether a person follows a link of another origin: browsers do not refresh before such a request. */
export function comesFromOutside({ method, headers }: RequestHead): boolean {
  const site = headers.get("sec-fetch-site");
  const isOutside = site === "cross-site" || site === "same-site";
  return method === "GET" && isOutside && headers.get("sec-fetch-mode") === "navigate";
}

/** The path of a URL, or of what follows the host in it; with its query, if that is asked for. */
export function pathIn(url = "", withQuery = false): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(withQuery ? /#.*$/s : /[?#].*$/s, "");
}
