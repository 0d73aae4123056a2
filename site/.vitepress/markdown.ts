/** What the site does to the Markdown of `docs/`, which is written to be read on GitHub as well. */

import type { MarkdownRenderer } from "vitepress";
import { resolveLink } from "../../scripts/docs/links.ts";

/** Links lead to pages of the site where there is one, and else to the repository. A dead one fails the build. */
export function linksOfTheSite(md: MarkdownRenderer, root: string): void {
  md.core.ruler.push("links-of-the-site", ({ tokens, env }) => {
    const file = String(env.realPath ?? env.path).slice(root.length + 1);
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null;
      if (href === null) continue;
      const { url, problem } = resolveLink(root, file, href);
      if (problem !== undefined) throw new Error(`${file}: ${href} ${problem}`);
      token.attrSet("href", url);
    }
  });
}

/** A ```text block with bars of █ becomes a chart. */
export function barCharts(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const { content = "" } = tokens[index] ?? {};
    if (!content.includes("█")) return fence?.(tokens, index, options, env, self) ?? "";
    const lines = content.split("\n").filter((line) => line.trim() !== "");
    const rows = lines.flatMap((line) => {
      const [, name, value] = /^(.*?)\s+█+\s+([\d.,]+.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [{ name, value }];
    });
    const caption = lines.filter((line) => !line.includes("█")).join(" ");
    const most = Math.max(...rows.map(({ value }) => Number.parseFloat(value)));
    const bars = rows.map(({ name, value }, at) => {
      const width = (Number.parseFloat(value) / most) * 100;
      const escaped = [name, value].map((text) => md.utils.escapeHtml(text));
      return `<div class="bar${at === 0 ? " ours" : ""}"><span>${escaped[0]}</span><i><b style="width:${width}%"></b></i><strong>${escaped[1]}</strong></div>`;
    });
    return `<figure class="bars" v-pre><figcaption>${md.utils.escapeHtml(caption)}</figcaption>${bars.join("")}</figure>\n`;
  };
}

/** What a program prints is read, not copied: its long lines are broken. */
export function printedLines(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const html = fence?.(tokens, index, options, env, self) ?? "";
    return tokens[index]?.content.startsWith("sojourn: ")
      ? html.replace('class="language-', 'class="printed language-')
      : html;
  };
}

/** A table whose rows begin with `<a id="…"></a>` is one of options or properties: rows are targets, and it is a list on a phone. */
export function optionTables(md: MarkdownRenderer): void {
  md.renderer.rules.table_open = (tokens, index, _options, _env, self) =>
    `<table tabindex="0"${self.renderAttrs(tokens[index] as (typeof tokens)[number])}>\n`;
  md.core.ruler.push("option-tables", ({ tokens }) => {
    let table = 0;
    for (const [index, token] of tokens.entries()) {
      if (token.type === "table_open") table = index;
      if (token.type !== "tr_open" || !tokens[index + 2]?.content.startsWith('<a id="')) continue;
      const columns = tokens.slice(table, index).filter(({ type }) => type === "th_open").length;
      tokens[table]?.attrSet("class", columns === 3 ? "options defaults" : "options");
      token.attrSet("class", "target");
    }
  });
}

/** What the search reads of a page: each option is a section of its own, so its name leads to its row, or to the heading that has its address. */
export function withOptionsAsSections(html: string): string {
  const taken = new Set(Array.from(html.matchAll(/<h\d id="([^"]*)"/g), ([, id]) => id));
  let level = 1;
  return html.replace(/<h(\d) id|<a id="([^"]*)"><\/a>(<code>[^<]*<\/code>)/g, (found, heading, id, name) => {
    if (heading !== undefined) level = Number(heading);
    if (heading !== undefined || taken.has(id)) return found;
    taken.add(id);
    return `<h${level + 1}>${name}<a class="header-anchor" href="#${id}">#</a></h${level + 1}>`;
  });
}
