/** What the package exports, its files, its documentation pages and the README's tables agree. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Check, filesBelow } from "../lib.ts";

/** One subpath of `exports` that is code. */
export interface PublicEntry {
  /** `"./stores/redis"` */
  readonly subpath: string;
  /** `"sojourn/stores/redis"` */
  readonly specifier: string;
  /** `"src/stores/redis.ts"` */
  readonly source: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** The public entries, in the order of `package.json`. */
export function publicEntries(root: string): PublicEntry[] {
  const { name, exports } = readManifest(root);
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === "string") return [];
    const source = (target["sojourn-source"] ?? "").replace(/^\.\//, "");
    return [{ subpath, specifier: subpath.replace(/^\./, name), source }];
  });
}

/** Folders where every file is public and has a page: `src/stores/redis.ts` is `docs/stores/redis.md`. */
const documentedFolders = ["stores", "frameworks"];

/** Chooses among stores; is none itself. */
const notPublic = /^src\/stores\/default(\.node)?\.ts$/;

/** The files of `src/stores` or `src/frameworks` that users import. What is deeper are their parts. */
export function publicFiles(root: string, folder: string): string[] {
  return filesBelow(root, `src/${folder}`, ".ts").filter(
    (file) => file.split("/").length === 3 && !notPublic.test(file),
  );
}

/** Pages of what works with other adapters. */
const withoutCode = ["adonis", "angular", "graphql", "orpc", "solid-start", "tanstack-start", "trpc"].map(
  (name) => `docs/frameworks/${name}.md`,
);

/** Sockets have no routes. */
const withoutRoutes = ["docs/frameworks/README.md", "docs/frameworks/ws.md"];

/** Pages of frameworks that do not say how a route may do less with its session. */
function withoutAccess(root: string): string[] {
  return filesBelow(root, "docs/frameworks", ".md").flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8");
    const says = /`access`/.test(text) && /sessions\.restrict\(/.test(text);
    return says || withoutRoutes.includes(page) ? [] : [`${page}:1: does not tell of access and sessions.restrict`];
  });
}

export const surface: Check = {
  name: "surface",
  about:
    "every export has its file, every store and framework is exported, has its page and is named in the README; pages link to what is in the package",
  run(root) {
    const entries = publicEntries(root);
    const exported = new Set(entries.map((entry) => entry.source));
    const readme = existsSync(join(root, "README.md")) ? readFileSync(join(root, "README.md"), "utf8") : "";
    const problems = Object.entries(readManifest(root).exports).flatMap(([subpath, target]) =>
      typeof target === "string" ? [] : wrongConditions(subpath, target),
    );
    for (const { subpath, source } of entries) {
      if (!existsSync(join(root, source)))
        problems.push(`package.json: exports["${subpath}"] needs ${source}, which is absent`);
    }
    for (const folder of documentedFolders) {
      for (const file of publicFiles(root, folder)) {
        const name = file.split("/")[2]!.replace(/\.ts$/, "");
        const page = `docs/${folder}/${name}.md`;
        if (!exported.has(file))
          problems.push(`${file}:1: is not in the exports of package.json as "./${folder}/${name}"`);
        if (!existsSync(join(root, page))) problems.push(`${file}:1: has no page ${page}`);
        if (!readme.includes(`/${page})`)) problems.push(`README.md: its table does not lead to ${page}`);
      }
      for (const page of filesBelow(root, `docs/${folder}`, ".md")) {
        const source = page.replace(/^docs/, "src").replace(/\.md$/, ".ts");
        if (!page.endsWith("README.md") && !withoutCode.includes(page) && !existsSync(join(root, source)))
          problems.push(`${page}:1: is about ${source}, which is absent`);
      }
    }
    return [...problems, ...withoutAccess(root), ...linksOut(root)];
  },
};

/** The documentation is in the package. What it links to outside itself is not, so such a link names the repository. */
function linksOut(root: string): string[] {
  const pages = filesBelow(root, "docs", ".md").filter((page) => !page.startsWith("docs/decisions/"));
  return pages.flatMap((page) => {
    const text = readFileSync(join(root, page), "utf8").replace(/^```.*?^```$/gms, (block) =>
      block.replace(/[^\n]/g, ""),
    );
    return text.split("\n").flatMap((line, at) =>
      Array.from(line.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g), ([, path = ""]) => join(dirname(page), path))
        .filter((path) => !/^(README|CHANGELOG)\.md$|^docs\/(?!decisions(\/|$))/.test(path))
        .map((path) => `${page}:${at + 1}: ${path} is not in the package: link to ${repository}${path}`),
    );
  });
}

const repository = "https://github.com/sojourn-js/sojourn/blob/main/";

/** The order matters: the first condition that fits is taken. */
function wrongConditions(subpath: string, target: Readonly<Record<string, string>>): string[] {
  const base = subpath === "." ? "index" : subpath === "./testing" ? "testing/index" : subpath.slice(2);
  const right = { "sojourn-source": `./src/${base}.ts`, types: `./dist/${base}.d.ts`, default: `./dist/${base}.js` };
  if (JSON.stringify(target) === JSON.stringify(right)) return [];
  return [`package.json: exports["${subpath}"] must be ${JSON.stringify(right)}`];
}

function readManifest(root: string): Manifest {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
}
