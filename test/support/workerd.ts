/** Programs for workerd, the engine of Cloudflare Workers: bundled as its users bundle, and run by miniflare. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare, type MiniflareOptions } from "miniflare";
import { build, type Plugin } from "vite";
import type { ConformanceCase } from "../../src/testing/store-conformance.ts";
import { caseQuery } from "./workers/cases.ts";

const { version } = createRequire(import.meta.resolve("miniflare"))("workerd/package.json") as { version: string };

/** What the tests run against, for their report. */
export const workerdVersion = `workerd ${version}`;

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The conditions that wrangler sets. `package.json` has none of them: what counts is its `default`. */
const conditions = ["workerd", "worker", "browser"];

/** A program as one module. */
export interface Bundle {
  readonly code: string;
  /** What it imports all the same: Node's modules, for the engine to have or to refuse. */
  readonly imports: readonly string[];
}

/** The path of a program in `workers`. */
export function program(name: string): string {
  return join(root, "test/support/workers", `${name}.ts`);
}

/**
 * Bundles a program, or an entry of this package.
 *
 * @param replaced What is loaded in the place of a relative import.
 */
export async function bundle(entry: string, replaced: Readonly<Record<string, string>> = {}): Promise<Bundle> {
  const built = await build({
    root,
    configFile: false,
    logLevel: "error",
    plugins: [sources, { name: "replaced", enforce: "pre", resolveId: (id) => replaced[id] ?? null }],
    resolve: { conditions },
    ssr: { target: "webworker", noExternal: true, resolve: { conditions } },
    build: { ssr: entry, write: false, minify: false, target: "es2022" },
  });
  const chunks = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  const [chunk] = chunks;
  if (chunks.length !== 1 || chunk?.type !== "chunk") throw new Error(`${entry} is not one chunk`);
  // What is loaded only when it is asked for is in the chunk, too.
  const imports = [...chunk.imports, ...chunk.dynamicImports].filter((name) => name !== chunk.fileName);
  return { code: chunk.code, imports };
}

/** Starts a worker. */
export function startWorker({ code }: Bundle, options: Partial<MiniflareOptions> = {}): Miniflare {
  const modules = [{ type: "ESModule", path: "worker.mjs", contents: code }] as const;
  return new Miniflare({ compatibilityDate: "2026-07-01", ...options, modules: [...modules] } as MiniflareOptions);
}

/** The same cases, each run by the program of a worker. */
export function casesIn(
  worker: () => Miniflare,
  cases: readonly ConformanceCase[],
  query = (): string => "",
): ConformanceCase[] {
  const run = async (one: ConformanceCase): Promise<void> => {
    const response = await worker().dispatchFetch(`https://suite.test/case?${caseQuery(one)}${query()}`);
    const answer = await response.text();
    if (answer !== "passed") throw new Error(answer);
  };
  return cases.map((one) => ({ ...one, run: () => run(one) }));
}

/** For the harness whose cases run there. */
export const elsewhere = (): Promise<never> => Promise.reject(new Error("this case runs in workerd"));

type Targets = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** Imports of this package as a bundler for workers resolves them, with the sources in the place of `dist`. */
const sources: Plugin = {
  name: "sojourn sources",
  enforce: "pre",
  resolveId(id) {
    const own = id === "sojourn" || id.startsWith("sojourn/") ? id.replace("sojourn", ".") : id;
    const targets: Targets = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))[
      id.startsWith("#") ? "imports" : "exports"
    ];
    const target = targets[own];
    if (typeof target !== "object") return null;
    const [, file = ""] =
      Object.entries(target).find(([condition]) => condition === "default" || conditions.includes(condition)) ?? [];
    return join(root, file.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
  },
};
