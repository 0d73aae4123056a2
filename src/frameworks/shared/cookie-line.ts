/** A `Set-Cookie` line as the name, value and options that a framework's `cookies.set` takes. */

import type { Exchange, Outcome } from "../../core/request/exchange.ts";

/** Sets a cookie in the framework's own way. */
export type SetCookie = (name: string, value: string, options: object) => void;

const optionNames: Readonly<Record<string, string>> = {
  "max-age": "maxAge",
  expires: "expires",
  domain: "domain",
  path: "path",
  secure: "secure",
  httponly: "httpOnly",
  samesite: "sameSite",
  partitioned: "partitioned",
};

const asItIs = (value: string): string => value;

/** Saves the session for a framework that sets cookies only through its own API. Returns how many cookies were set. */
export async function commitByCookies(
  exchange: Pick<Exchange, "used" | "commit">,
  outcome: Outcome | undefined,
  set: SetCookie,
): Promise<number> {
  if (!exchange.used) return 0;
  const headers = new Headers();
  await exchange.commit(headers, outcome);
  const lines = headers.getSetCookie();
  for (const line of lines) setByLine(line, set);
  return lines.length;
}

/** Calls a framework's `cookies.set` for a line that the core made. */
export function setByLine(line: string, set: SetCookie): void {
  const [pair = "", ...attributes] = line.split("; ");
  const at = pair.indexOf("=");
  // What is not said must not be what the framework thinks best.
  const options: Record<string, unknown> = { secure: false, httpOnly: false, sameSite: false, encode: asItIs };
  for (const attribute of attributes) {
    const [key = "", ...value] = attribute.split("=");
    const name = optionNames[key.toLowerCase()];
    if (name) options[name] = value.length === 0 || typed(name, value.join("="));
  }
  set(pair.slice(0, at), pair.slice(at + 1), options);
}

function typed(name: string, value: string): unknown {
  if (name === "maxAge") return Number(value);
  if (name === "expires") return new Date(value);
  return name === "sameSite" ? value.toLowerCase() : value;
}
