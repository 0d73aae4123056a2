/** The answer to a link of another site: a page that reloads itself. */

import type { OwnAnswer } from "../core/contracts/device-bound.ts";

/** The SHA-256 of the script, for the page's own policy. */
const script = "location.reload()";
const digest = "sha256-9gOBGqEQINNDuds+tkXbNzih6klbz+KeCyxEj4KRLeM=";

/**
 * Browsers do not renew the proof before a request that another site starts, also not when it is redirected. The second
 * request comes from this page, and so from the site itself. The script keeps the fragment; where it must not run, the
 * page is loaded without.
 *
 * @param path Path and query.
 */
export function reloadPage(path: string): OwnAnswer {
  // With two slashes at its beginning it would be the address of another host.
  const url = `/.${path}`.replace(/[&"'<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return {
    status: 200,
    headers: [
      ["content-type", "text/html; charset=utf-8"],
      ["cache-control", "no-store"],
      ["content-security-policy", `default-src 'none'; script-src '${digest}'`],
    ],
    body: `<!doctype html><title>…</title><meta http-equiv="refresh" content="1;url=${url}"><script>${script}</script>`,
  };
}
