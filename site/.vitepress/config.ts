/** The documentation site: the Markdown of `docs/`, where it lies, with the navigation of `scripts/docs/pages.ts`. */

import { fileURLToPath } from "node:url";
import { createCssVariablesTheme } from "shiki";
import { defineConfig } from "vitepress";
import { slugOf } from "../../scripts/docs/links.ts";
import { writeForMachines } from "../../scripts/docs/llms.ts";
import { siteSections } from "../../scripts/docs/pages.ts";
import { barCharts, linksOfTheSite, optionTables, printedLines, withOptionsAsSections } from "./markdown.ts";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
/** The path of the site on its host. */
const base = process.env.DOCS_BASE ?? "/";
const sections = siteSections(root);

const sidebarOf = ({ groups }: (typeof sections)[number]) =>
  groups.map(({ text, collapsed, pages }) => ({
    text,
    ...(groups.length > 1 ? { collapsed } : {}),
    // The group says it already.
    items: pages.map(({ title, url }) => ({ text: title.replace(/^Start with (?:plain )?/, ""), link: url })),
  }));

export default defineConfig({
  title: "sojourn",
  titleTemplate: ":title · sojourn",
  description: "Server-side sessions for TypeScript: many frameworks, stores and runtimes, one behaviour.",
  lang: "en",
  base,
  srcDir: "../docs",
  outDir: "dist",
  cacheDir: "node_modules/.cache/vitepress",
  cleanUrls: true,
  ignoreDeadLinks: "localhostLinks",
  rewrites: (file) => file.replace(/(^|\/)README\.md$/, "$1index.md"),
  head: [
    ["link", { rel: "icon", type: "image/svg+xml", href: `${base}mark.svg` }],
    ["meta", { name: "theme-color", content: "#0b6e5f" }],
  ],
  vite: {
    publicDir: fileURLToPath(new URL("../public", import.meta.url)),
    plugins: [
      {
        // The pages lie outside this package, where its dependencies are not found.
        name: "dependencies-of-pages",
        enforce: "pre",
        resolveId(id, importer, options) {
          if (!/^vue(\/|$)/.test(id)) return undefined;
          if (options.ssr) return { id, external: true };
          if (!importer?.startsWith(`${root}/docs/`)) return undefined;
          return this.resolve(id, fileURLToPath(import.meta.url), { ...options, skipSelf: true });
        },
      },
    ],
    build: { chunkSizeWarningLimit: 4000 },
  },
  markdown: {
    theme: createCssVariablesTheme({ name: "sojourn", variablePrefix: "--code-", fontStyle: true }),
    anchor: { slugify: slugOf },
    toc: { slugify: slugOf },
    config: (md) => {
      md.use(linksOfTheSite, root).use(barCharts).use(printedLines).use(optionTables);
    },
  },
  transformPageData(page) {
    if (page.relativePath === "index.md") {
      page.title = "sojourn: server-side sessions for TypeScript";
      page.titleTemplate = false;
      page.frontmatter = { ...page.frontmatter, layout: "home" };
    }
  },
  buildEnd: ({ outDir }) => writeForMachines(root, outDir, base),
  themeConfig: {
    logo: { src: "/mark.svg", alt: "" },
    nav: sections.map((section) => {
      const pages = section.groups.flatMap(({ pages }) => pages);
      const first = pages[0]?.url ?? "/";
      // Pages of a kind lie in several folders, so what marks the entry as active is the list of all.
      const active = pages.map(({ url }) => url.replace(/\/$/, "(?:/|/index)?")).join("|");
      return { text: section.text, link: first, activeMatch: `^(?:${active})$` };
    }),
    sidebar: Object.fromEntries(
      sections.flatMap((section) => {
        const items = sidebarOf(section);
        if (section.groups.flatMap(({ pages }) => pages).length < 2) return [];
        return section.groups.flatMap(({ pages }) => pages.map(({ url }) => [url, items]));
      }),
    ),
    outline: { level: [2, 3], label: "On this page" },
    search: {
      provider: "local",
      options: {
        _render: (text, env, md) => withOptionsAsSections(md.render(text, env)),
        miniSearch: {
          searchOptions: {
            fuzzy: 0.15,
            prefix: true,
            boost: { title: 4, text: 2, titles: 1 },
            // A reader looks for a task or a name first, and seldom for why it was decided so.
            // It goes to the browser as text, so it can name nothing of this file.
            boostDocument: (id: string) =>
              ({ decisions: 0.4, guides: 2.5, start: 2, reference: 1.8 })[id.split("/").at(-2) ?? ""] ?? 1,
          },
        },
      },
    },
    socialLinks: [{ icon: "github", link: "https://github.com/sojourn-js/sojourn" }],
    editLink: { pattern: "https://github.com/sojourn-js/sojourn/edit/main/docs/:path", text: "Edit this page" },
    footer: { message: "MIT licence. Every block of TypeScript on this site is compiled by the project's checks." },
    docFooter: { prev: "Before", next: "Next" },
    externalLinkIcon: false,
    notFound: {
      title: "No such page",
      quote: "It may have moved: search for it, or begin at the home page.",
      linkText: "Home page",
      linkLabel: "Go to the home page",
    },
  },
});
