/** The table of docs/development.md: what each dev server does to a session and to clients. */

import { type DevServer, devServers, type Seen } from "../../test/support/dev-servers.ts";

/** What was seen in each case; `undefined` where it failed. */
export interface Cases {
  readonly kept: Seen | undefined;
  readonly fresh: Seen | undefined;
  readonly files: Seen | undefined;
}

const [begin, end] = ["<!-- dev-servers -->\n", "<!-- /dev-servers -->"];
const head = `| dev server | an edit | session and counter after ten edits | connections without \`keepOpen\` | with it | lines needed for a client |
|---|---|---|---|---|---|
`;

/** The row of a dev server. */
export function rowOf({ name, restarts }: DevServer, { kept, fresh, files }: Cases): string {
  const [did, opens, opensKept] = [kept && files ? "kept" : "FAILED", steps(fresh), steps(kept)];
  const lines = fresh && fresh.connections[1] <= fresh.connections[0] ? "none" : "`keepOpen`";
  const edit = restarts === undefined ? "loads the module again" : `starts another ${restarts}`;
  return `| ${name} | ${edit} | ${did} | ${opens} | ${opensKept} | ${lines} |`;
}

function steps(seen: Seen | undefined): string {
  return seen === undefined ? "FAILED" : seen.connections.join(" → ");
}

/** The rows of its table in the page. */
export function rowsIn(page: string): string[] {
  const table = page.slice(page.indexOf(begin) + begin.length, page.indexOf(end));
  return table.split("\n").slice(2, -1);
}

/** The page with these rows in its table, in place of those of the same dev servers. */
export function tableOf(page: string, rows: readonly string[]): string {
  const named = (row: string): string | undefined => row.split(" | ")[0];
  const all = new Map([...rowsIn(page), ...rows].map((row) => [named(row), row]));
  const ordered = devServers.map(({ name }) => all.get(`| ${name}`)).filter((row) => row !== undefined);
  const [before = "", rest = ""] = page.split(begin);
  return `${before}${begin}${head}${ordered.join("\n")}\n${rest.slice(rest.indexOf(end))}`;
}
