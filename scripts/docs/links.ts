/** Where a link of a page leads: another page and a heading there, a file of the repository, or nowhere. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { urlOf } from "./pages.ts";

/** The repository as its files are read in a browser. */
export const repository = "https://github.com/sojourn-js/sojourn/blob/main/";

/** A link as written, and what is wrong with it; `url` is where the site leads. */
export interface Resolved {
  readonly url: string;
  readonly problem?: string;
}

/**
 * Resolves a link of a page.
 *
 * @param file The page, relative to `root`, such as `docs/people.md`.
 * @param href As written: relative, `#anchor`, or an address of the repository.
 */
export function resolveLink(root: string, file: string, href: string): Resolved {
  const inRepository = href.startsWith(repository);
  if (!inRepository && /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(href)) return { url: href };
  const [path = "", anchor] = (inRepository ? `/${href.slice(repository.length)}` : href).split("#");
  const from = path.startsWith("/") ? path.slice(1) : posix.join(dirname(file), decodeURI(path));
  const target = path === "" ? file : posix.normalize(from).replace(/\/$/, "");
  if (target.startsWith("..") || !existsSync(join(root, target)))
    return { url: href, problem: `leads to ${target}, which is not there` };
  const page = statSync(join(root, target)).isDirectory() ? posix.join(target, "README.md") : target;
  const isPage = page.endsWith(".md") && existsSync(join(root, page));
  const problem =
    anchor !== undefined && isPage && !anchorsOf(join(root, page)).has(anchor)
      ? { problem: `leads to #${anchor}, and ${page} has no such heading` }
      : {};
  const tail = anchor === undefined ? "" : `#${anchor}`;
  if (path === "") return { url: tail, ...problem };
  const inDocs = isPage && page.startsWith("docs/");
  return { url: `${inDocs ? urlOf(page.slice("docs/".length)) : repository + target}${tail}`, ...problem };
}

/** The links and pictures of a page outside code, with the line where each stands. */
export function linksOf(text: string): { href: string; line: number }[] {
  let fence: string | undefined;
  return text.split("\n").flatMap((line, index) => {
    const ticks = /^\s*(`{3,})/.exec(line)?.[1];
    if (ticks !== undefined && (fence === undefined || line.trim() === fence)) {
      fence = fence === undefined ? ticks : undefined;
      return [];
    }
    if (fence !== undefined) return [];
    const prose = line.replace(/`[^`]*`/g, (code) => " ".repeat(code.length));
    return [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)].map((match) => ({
      href: match[1] as string,
      line: index + 1,
    }));
  });
}

const known = new Map<string, Set<string>>();

/** The anchors of a page: its headings as GitHub makes them, and what it names by `<a id="…">`. */
function anchorsOf(path: string): Set<string> {
  const before = known.get(path);
  if (before) return before;
  const anchors = new Set<string>();
  let fence = false;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (/^\s*`{3,}/.test(line)) fence = !fence;
    for (const [, id] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id as string);
    const heading = fence ? undefined : /^#{1,6} +(.+?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*`]/g, ""));
    let unique = slug;
    for (let at = 1; anchors.has(unique); at += 1) unique = `${slug}-${at}`;
    anchors.add(unique);
  }
  known.set(path, anchors);
  return anchors;
}

/** The anchor that GitHub makes of a heading. The site uses the same, so that a link holds on both. */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
