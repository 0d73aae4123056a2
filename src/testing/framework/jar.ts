/** What a browser does with a `Set-Cookie` line, as far as the framework suite needs it. */

/** What a browser holds. */
export interface Jar {
  /** By name. */
  readonly cookies: Map<string, string>;
  /** Why cookies were refused. */
  readonly refused: string[];
}

/** RFC 6265bis: a prefixed cookie that lacks what its prefix asks for is dropped, also when it removes. */
export function keepCookie({ cookies, refused }: Jar, line: string): void {
  const [pair = "", ...rest] = line.split(";").map((part) => part.trim());
  const name = pair.slice(0, pair.indexOf("="));
  const attributes = new Map(rest.map((part) => [part.split("=")[0]?.toLowerCase() ?? "", part.split("=")[1] ?? ""]));
  const isHost = name.startsWith("__Host-");
  const isSecure = isHost || name.startsWith("__Secure-");
  if (isSecure && !attributes.has("secure")) refused.push(`${name}: not Secure`);
  else if (isHost && (attributes.get("path") !== "/" || attributes.has("domain")))
    refused.push(`${name}: not for the host`);
  else if (attributes.get("max-age") === "0" || Date.parse(attributes.get("expires") ?? "") <= Date.now())
    cookies.delete(name);
  else cookies.set(name, pair.slice(pair.indexOf("=") + 1));
}
