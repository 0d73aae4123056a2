/** `npm run test:site`: opens the built documentation site (`npm run docs`) in Chromium, on a desktop and on a phone, light and dark. */

import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { filesBelow, projectRoot, seconds } from "./lib.ts";
import { findProgram } from "./servers.ts";

const dist = join(projectRoot, "site/dist");
/** The path of the site on its host, as it was built for. */
const base = process.env.DOCS_BASE ?? "/";
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};
/** A page of each kind, with what is wide or of a form of its own. */
const pages = ["", "start/express", "guides/login", "reference/options", "guides/capacity", "frameworks/", "security"];
const widths = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

/** The file that answers a path, as GitHub Pages looks for it. */
function fileOf(path: string): string | undefined {
  if (!path.startsWith(base)) return undefined;
  const name = decodeURIComponent(path.slice(base.length));
  const tried = [name, `${name}.html`, join(name, "index.html")].map((one) => join(dist, one));
  return tried.find((one) => existsSync(one) && statSync(one).isFile());
}

const server = createServer((req, res) => {
  const file = fileOf(new URL(req.url ?? "/", "http://localhost").pathname);
  const sent = file ?? join(dist, "404.html");
  res.writeHead(file ? 200 : 404, { "content-type": types[extname(sent)] ?? "text/plain" }).end(readFileSync(sent));
});

/** What every page names of the site itself is there. */
function deadNames(): string[] {
  return filesBelow(dist, "", ".html").flatMap((file) => {
    const html = readFileSync(join(dist, file), "utf8");
    const names = Array.from(html.matchAll(/ (?:href|src)="([^"]*)"/g), ([, name = ""]) => name);
    const here = new URL(file, `http://localhost${base}`);
    const paths = new Set(
      names
        .map((name) => new URL(name.replaceAll("&amp;", "&"), here))
        .flatMap(({ host, pathname }) => (host === here.host ? [pathname] : [])),
    );
    return [...paths].filter((path) => fileOf(path) === undefined).map((path) => `${file}: ${path} is not there`);
  });
}

/** The texts in view whose colour is too near to what is behind them, as the browser computed both. */
const faintTexts = `(() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const under = element.parentElement ? behind(element.parentElement) : [255, 255, 255, 1];
    return over(parse(getComputedStyle(element).backgroundColor), under);
  };
  const light = (colour) => colour.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = new Set();
  for (const element of document.querySelectorAll("#app *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(element);
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || style.color.startsWith("color(")) continue;
    const ground = behind(element);
    const [a, b] = [light(over(parse(style.color), ground)), light(ground)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.add(contrast.toFixed(1) + ":1 " + element.className + " " + element.textContent.trim().slice(0, 30));
  }
  return [...faint];
})()`;

/** Runs one look at the site in a browser of its own. Answers what was wrong, and what the page's console or a request said. */
async function look(
  browser: Browser,
  { width, dark }: { width: keyof typeof widths; dark: boolean },
  visit: (page: Page, open: (path: string) => Promise<void>) => Promise<string[]>,
): Promise<string[]> {
  const said: string[] = [];
  const colorScheme = dark ? "dark" : "light";
  const context = await browser.newContext({ viewport: widths[width], colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") said.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => said.push(`${page.url()}: ${error.message}`));
  page.on("requestfailed", (request) => said.push(`${request.url()} failed`));
  page.on("request", (request) => {
    if (new URL(request.url()).host !== new URL(root).host) said.push(`${request.url()} is of another host`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) said.push(`${response.url()}: ${response.status()}`);
  });
  const open = async (path: string): Promise<void> => {
    await page.goto(root + path, { waitUntil: "networkidle" });
  };
  try {
    return [...(await visit(page, open)), ...said];
  } finally {
    await context.close();
  }
}

const looks: Record<string, (browser: Browser) => Promise<string[]>> = {
  "every address of the site in every page leads somewhere": async () => deadNames(),
};
for (const width of ["desktop", "phone"] as const)
  for (const dark of [false, true])
    looks[`pages on a ${width}, ${dark ? "dark" : "light"}: nothing sticks out, every text can be read`] = (browser) =>
      look(browser, { width, dark }, async (page, open) => {
        const wrong: string[] = [];
        for (const path of pages) {
          await open(path);
          const title = await page.locator("#VPContent h1").first().innerText();
          if (title.length < 3) wrong.push(`/${path} has no heading`);
          const out = (await page.evaluate("document.documentElement.scrollWidth - innerWidth")) as number;
          if (out > 0) wrong.push(`/${path} is ${out} pixels wider than the window`);
          if ((await page.evaluate("document.documentElement.classList.contains('dark')")) !== dark)
            wrong.push(`/${path} is not ${dark ? "dark" : "light"}`);
          for (const text of (await page.evaluate(faintTexts)) as string[]) wrong.push(`/${path}: ${text}`);
        }
        return wrong;
      });
looks["a reader comes from the home page to a guide, and finds an option by search"] = (browser) =>
  look(browser, { width: "desktop", dark: false }, async (page, open) => {
    await open("");
    await page.locator("#VPContent").getByText("npm install sojourn express").waitFor();
    await page.locator("#VPContent").getByRole("link", { name: "a whole login on Express" }).click();
    await page.getByRole("heading", { level: 1, name: "A whole login" }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("searchbox").fill("idleTimeout");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === `${base}reference/options` && url.hash.endsWith("idleTimeout"));
    return [];
  });
looks["the switch makes the site dark, and the next page as well"] = (browser) =>
  look(browser, { width: "desktop", dark: false }, async (page, open) => {
    await open("");
    await page.getByRole("switch").first().click();
    await open("security");
    const ground = (await page.evaluate("getComputedStyle(document.body).backgroundColor")) as string;
    return ground === "rgb(19, 23, 21)" ? [] : [`the ground is ${ground}`];
  });
looks["on a phone the menu leads to another page"] = (browser) =>
  look(browser, { width: "phone", dark: false }, async (page, open) => {
    await open("start/express");
    await page.getByRole("button", { name: "Menu", exact: true }).click();
    await page.getByRole("complementary").getByRole("link", { name: "Fastify" }).click();
    await page.getByRole("heading", { level: 1, name: "Start with Fastify" }).waitFor();
    return [];
  });
looks["an address that is not there says so, and leads home"] = (browser) =>
  look(browser, { width: "desktop", dark: false }, async (page, open) => {
    await open("nothing/here");
    await page.getByRole("link", { name: "home page" }).click();
    await page.getByRole("heading", { level: 1 }).waitFor();
    return [];
  }).then((wrong) => wrong.filter((line) => !/nothing\/here: (404|Failed to load resource)/.test(line)));

if (!existsSync(join(dist, "index.html"))) {
  console.error("site/dist is not built: npm run docs");
  process.exit(1);
}
const program = process.env.CHROMIUM || findProgram("chromium", "chromium-browser", "google-chrome");
if (!program) {
  console.error("no chromium on the PATH, and CHROMIUM is not set");
  process.exit(1);
}
server.listen(0, "localhost");
await once(server, "listening");
const root = `http://localhost:${(server.address() as AddressInfo).port}${base}`;
const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
});
let failed = 0;
for (const [name, run] of Object.entries(looks)) {
  const begin = performance.now();
  const wrong = await run(browser).catch((error: Error) => [error.message]);
  if (wrong.length > 0) failed += 1;
  console.log(`${wrong.length > 0 ? "FAIL" : "ok  "}  ${name} (${seconds(performance.now() - begin)})`);
  for (const line of wrong) console.log(`      ${line}`);
}
await browser.close();
server.close();
console.log(`${Object.keys(looks).length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
