/** The pages of the documentation site: which kind each is, in which order, and its address. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow } from "../lib.ts";

/** A heading in the side bar, and what stands below it: files, and folders (`"start/"`) of which each file is a page. */
interface Group {
  readonly text: string;
  readonly pages: readonly string[];
  readonly collapsed?: boolean;
}

interface Section {
  /** What the navigation calls this kind of page. */
  readonly text: string;
  /** What a reader comes for, for the lists of pages. */
  readonly about: string;
  readonly groups: readonly Group[];
}

/**
 * Paths are relative to `docs`. Pages of a folder that are not named stand behind the named ones, by title, so a new
 * file in `start/` or `guides/` appears by itself. A page that no group takes fails the check `links`.
 */
const sections: readonly Section[] = [
  {
    text: "Start",
    about: "From an empty folder to sessions, ten minutes each",
    groups: [
      {
        text: "Your framework",
        pages: [
          "start/README.md",
          "start/express.md",
          "start/fastify.md",
          "start/hono.md",
          "start/next.md",
          "start/sveltekit.md",
          "start/koa.md",
          "start/nest.md",
          "start/react-router.md",
          "start/node.md",
          "start/bun.md",
          "start/deno.md",
          "start/workers.md",
          "start/",
        ],
      },
    ],
  },
  {
    text: "Guides",
    about: "One task each, with code that runs",
    groups: [
      {
        text: "Build",
        pages: [
          "guides/README.md",
          "guides/login.md",
          "guides/login-next.md",
          "guides/login-sveltekit.md",
          "guides/login-react-router.md",
          "guides/passport.md",
          "guides/oidc.md",
          "guides/testing.md",
          "people.md",
          "guides/",
        ],
      },
      {
        text: "Clients and hosts",
        pages: [
          "guides/single-page-app.md",
          "guides/mobile.md",
          "bearer.md",
          "guides/subdomains.md",
          "guides/several-applications.md",
          "guides/multi-tenant.md",
        ],
      },
      {
        text: "Users",
        pages: ["limits.md", "device-bound.md", "back-channel-logout.md", "parts.md"],
      },
      {
        text: "Run",
        pages: [
          "development.md",
          "guides/deployment.md",
          "serverless.md",
          "guides/choosing-a-store.md",
          "guides/capacity.md",
          "guides/operations.md",
          "observability.md",
          "audit.md",
          "admin.md",
          "manage.md",
          "cli.md",
        ],
      },
      { text: "Share sessions", pages: ["express-session/", "flask/README.md", "flask/cookie.md"] },
      {
        text: "Move",
        collapsed: true,
        pages: ["migration/README.md", "migration/express-session.md", "migration/flask.md", "migration/"],
      },
      { text: "Extend", pages: ["extending.md"] },
    ],
  },
  {
    text: "Reference",
    about: "Every option, method, event, error and store",
    groups: [
      {
        text: "API",
        pages: [
          "reference/README.md",
          "reference/options.md",
          "reference/session.md",
          "reference/sessions.md",
          "reference/events.md",
          "errors.md",
          "reference/tokens.md",
          "reference/stores.md",
          "reference/frameworks.md",
          "reference/modules.md",
          "reference/",
          "reference/cli.md",
          "flask/config.md",
        ],
      },
      { text: "Frameworks", pages: ["frameworks/README.md", "frameworks/"], collapsed: true },
      { text: "Stores", pages: ["stores/README.md", "stores/"], collapsed: true },
    ],
  },
  {
    text: "Why",
    about: "How it works, what it promises, how it compares",
    groups: [
      { text: "Understand", pages: ["architecture.md", "security.md", "comparison.md"] },
      { text: "Decisions", pages: ["decisions/"], collapsed: true },
    ],
  },
  {
    text: "Troubleshooting",
    about: "From the symptom to the cause",
    groups: [{ text: "Troubleshooting", pages: ["troubleshooting.md"] }],
  },
];

/** The page of the site that is its home. */
const home = "README.md";

export interface Page {
  /** Relative to `docs`. */
  readonly file: string;
  readonly title: string;
  /** On the site, from its root: `/stores/`, `/people`. */
  readonly url: string;
}

/** Sections with their groups of pages; what is empty is left out. */
export interface SiteSection extends Pick<Section, "text" | "about"> {
  readonly groups: readonly { readonly text: string; readonly collapsed: boolean; readonly pages: readonly Page[] }[];
}

/** What the navigation shows of the tree at `root`. */
export function siteSections(root: string): SiteSection[] {
  const left = new Set(markdownFiles(root));
  const named = new Set(sections.flatMap(({ groups }) => groups.flatMap(({ pages }) => pages)));
  const take = (path: string): Page[] => {
    if (!path.endsWith("/")) return left.delete(path) ? [pageOf(root, path)] : [];
    const found = [...left].filter((file) => file.startsWith(path) && !named.has(file));
    for (const file of found) left.delete(file);
    const pages = found.map((file) => pageOf(root, file));
    return path === "decisions/" ? pages : pages.sort((a, b) => a.title.localeCompare(b.title, "en"));
  };
  return sections
    .map((section) => ({
      ...section,
      groups: section.groups
        .map(({ text, collapsed = false, pages }) => ({ text, collapsed, pages: pages.flatMap(take) }))
        .filter(({ pages }) => pages.length > 0),
    }))
    .filter(({ groups }) => groups.length > 0);
}

/** The pages that no group of the navigation takes. */
export function strayPages(root: string): string[] {
  const shown = new Set(
    siteSections(root)
      .flatMap(({ groups }) => groups.flatMap(({ pages }) => pages))
      .map(fileOf),
  );
  return markdownFiles(root).filter((file) => file !== home && !shown.has(file));
}

/** The Markdown files below `docs`, relative to it. */
export function markdownFiles(root: string): string[] {
  return filesBelow(root, "docs", ".md").map((file) => file.slice("docs/".length));
}

/** `stores/README.md` → `/stores/`, `people.md` → `/people`. */
export function urlOf(file: string): string {
  return `/${file.replace(/(^|\/)README\.md$/, "$1").replace(/\.md$/, "")}`;
}

function pageOf(root: string, file: string): Page {
  const path = join(root, "docs", file);
  const heading = existsSync(path) ? /^# (.+)$/m.exec(readFileSync(path, "utf8"))?.[1] : undefined;
  return { file, title: (heading ?? file).replaceAll("`", ""), url: urlOf(file) };
}

function fileOf({ file }: Page): string {
  return file;
}
