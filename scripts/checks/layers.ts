/** Who may import whom: the layers of docs/architecture.md, no cycles, no `node:` where every runtime must work. */

import type { Check } from "../lib.ts";
import { type Import, importGraph } from "./imports.ts";
import { publicEntries } from "./surface.ts";

/** The rooms of `src/core`, from the ground up. A file imports from its own room and those below; types of contracts, bytes and options from anywhere. */
const rooms: readonly string[] = words("contracts bytes client record options save request");

interface Rule {
  /** Files this rule is about: the first that fits counts. */
  readonly from: RegExp;
  /** What they may import values from. */
  readonly values: RegExp;
  /** What they may import types from, besides. */
  readonly types?: RegExp;
  readonly says: string;
}

/** Stores that stand on what `src/stores/sql/` has: a user's ORM over the same databases. */
const orms = words("drizzle typeorm");

/** The files of one store are `src/stores/<name>.ts` and, when it is large, `src/stores/<name>/`. */
function storeRule(name: string): Rule {
  const folder = orms.includes(name) ? "sql" : name;
  return {
    from: new RegExp(`^src/stores/${name}(/|\\.ts$)`),
    values: new RegExp(
      `^src/(core/(contracts/(call-limit|clock|errors|known)|bytes/bytes|options/duration)\\.ts$|stores/shared/|stores/${folder}/)`,
    ),
    types: /^src\/core\/contracts\/store\.ts$/,
    says: "a store imports contracts/errors, contracts/known, contracts/clock, contracts/call-limit, bytes/bytes, options/duration, stores/shared and the types of core/store; never another store",
  };
}

/** Sessions in the cookie are the core's own doing: the store checks the options, and brings the code. */
const cookieRule: Rule = {
  from: /^src\/stores\/cookie\.ts$/,
  values: /^src\/core\/(contracts\/(errors|known)|client\/seal|record\/in-cookie)\.ts$/,
  types: /^src\/core\/(contracts\/store|bytes\/keys|record\/cookie-store)\.ts$/,
  says: "the cookie store imports the errors, the seal and the records of sessions in cookies, and types of the core",
};

const core = /^src\/core\//;

const rules: readonly Rule[] = [
  cookieRule,
  {
    from: /^src\/index\.ts$/,
    values: /^src\/(core\/|create\.ts$)/,
    says: "src/index.ts re-exports from core and create",
  },
  {
    from: /^src\/create\.ts$/,
    values: /^src\/(core\/|stores\/default\.ts$)/,
    says: "src/create.ts imports core and the default store",
  },
  {
    from: /^src\/stores\/default(\.node)?\.ts$/,
    values: /^src\/stores\/(memory\.ts$|file\/(place|store)\.ts$)/,
    types: /^src\/core\/contracts\/store\.ts$/,
    says: "the default store is the memory or the file store",
  },
  {
    from: /^src\/frameworks\/nest\.ts$/,
    values: /^src\/(core\/|frameworks\/(node|fastify)\.ts$|frameworks\/shared\/)/,
    says: "the adapter for Nest imports core and the adapters of its platforms",
  },
  {
    from: /^src\/frameworks\//,
    values: /^src\/(core\/|frameworks\/(node|fetch)\.ts$|frameworks\/shared\/)/,
    says: "a framework imports core and its base (frameworks/node or frameworks/fetch); never a store",
  },
  {
    from: /^src\/flask\/config(\/|\.ts$)/,
    values: /^src\/(core|stores|flask|parts)\/|^src\/(create|flask)\.ts$/,
    says: "flask/config imports core, stores, flask, parts and create",
  },
  {
    from: /^src\/flask(\/|\.ts$)/,
    values: /^src\/(core\/|flask\/(?!config)|stores\/file\/trust\.ts$)/,
    types: /^src\/stores\/[a-z0-9-]+\.ts$/,
    says: "flask imports core, of stores the types of their layouts, and whose directory to trust",
  },
  {
    from: /^src\/express-session(\/|\.ts$)/,
    values: /^src\/(core\/|express-session\/|frameworks\/shared\/node-request\.ts$|flask\/files\/lock\.ts$)/,
    types: /^src\/(stores\/[a-z0-9-]+|frameworks\/(node|shared\/node-shapes))\.ts$/,
    says: "express-session imports core and how a request at a Node server is opened, and of stores the types of their layouts",
  },
  { from: /^src\/(bearer|everybody)\.ts$/, values: /^src\/core\//, says: "bearer and everybody import core" },
  { from: /^src\/device-bound(\/|\.ts$)/, values: /^src\/(core|device-bound)\//, says: "device-bound imports core" },
  { from: /^src\/parts(\/|\.ts$)/, values: /^src\/(core|parts)\//, says: "parts imports core" },
  {
    from: /^src\/testing\//,
    values: /^src\/(core|testing)\/|^src\/(create|device-bound|stores\/memory)\.ts$/,
    says: "testing imports core, device-bound and the memory store",
  },
  {
    from: /^src\/attached(\/|\.ts$)/,
    values: /^$/,
    types: core,
    says: "what is attached is declared, and names types of the core",
  },
  {
    from: /^src\/adopt\/flask\.ts$/,
    values: /^src\/(core\/|adopt\/shared\/|flask\/cookie\.ts$)/,
    types: /^src\/core\//,
    says: "the adopter of Flask's cookie imports core, what adopters share, and that cookie",
  },
  {
    from: /^src\/adopt(\/|\.ts$)/,
    values: /^src\/(core\/|adopt\/shared\/)/,
    says: "an adopter imports core and what adopters share",
  },
  {
    from: /^src\/(metrics|otel)\.ts$/,
    values: /^src\/(core\/|manage\.ts$)/,
    says: "what listens to the channels imports core, and what counts sessions",
  },
  { from: /^src\/presets\.ts$/, values: core, says: "presets import core" },
  {
    from: /^src\/keep-open\.ts$/,
    values: /^src\/core\/(contracts|bytes)\//,
    says: "what keeps clients imports contracts and bytes",
  },
  { from: /^src\/time-left\.ts$/, values: /^$/, says: "what a browser loads imports nothing" },
  {
    from: /^src\/(explain|audit|admin|manage)(\/|\.ts$)/,
    values: /^src\/(core|explain|audit|admin|manage)(\/|\.ts$)/,
    says: "what looks at sessions from outside imports core",
  },
  { from: /^src\/cli\//, values: /^src\/(?!frameworks\/)/, says: "the command line imports no framework" },
];

/** Where `node:` may be imported. */
const nodeAllowed = [
  /\.node\.ts$/,
  /^src\/stores\/(file(\/|\.ts$)|memcached\/client\.ts$)/,
  /^src\/frameworks\/(?!fetch|hono|h3|elysia|sveltekit|astro|ws)/,
  /^src\/(cli|testing|flask|express-session)\//,
  /^src\/audit\/(file|trail)\.ts$/,
];

/** Public entries that must load on every runtime: nothing they import, however deep, imports `node:`. */
export const everywhere: readonly string[] = [
  "src/index.ts",
  "src/parts.ts",
  "src/frameworks/fetch.ts",
  "src/frameworks/hono.ts",
  "src/frameworks/elysia.ts",
  "src/frameworks/h3.ts",
  "src/frameworks/sveltekit.ts",
  "src/frameworks/astro.ts",
  "src/frameworks/next.ts",
  "src/frameworks/react-router.ts",
  "src/frameworks/ws.ts",
  "src/stores/memory.ts",
  "src/stores/redis.ts",
  "src/stores/sql.ts",
  "src/stores/cookie.ts",
  "src/stores/null.ts",
  "src/stores/cached.ts",
  "src/stores/moving.ts",
  "src/stores/durable-objects.ts",
  "src/stores/cloudflare-kv.ts",
  "src/stores/keyv.ts",
  "src/stores/unstorage.ts",
  "src/adopt.ts",
  "src/adopt/iron-session.ts",
  "src/adopt/next-auth.ts",
  "src/adopt/koa-session.ts",
  "src/adopt/fastify-session.ts",
  "src/adopt/express-session.ts",
  "src/adopt/hono-sessions.ts",
  "src/adopt/cookie-session.ts",
  "src/flask.ts",
  "src/device-bound.ts",
  "src/admin.ts",
  "src/audit.ts",
  "src/explain.ts",
  "src/manage.ts",
  "src/bearer.ts",
  "src/everybody.ts",
  "src/keep-open.ts",
  "src/metrics.ts",
  "src/presets.ts",
  "src/time-left.ts",
  "src/otel.ts",
];

export const layers: Check = {
  name: "layers",
  about: "imports go down the layers; no circles, no barrels, no packages, node: only where it is allowed",
  run(root) {
    const graph = importGraph(root);
    const entries = new Set(publicEntries(root).map((entry) => entry.source));
    const problems: string[] = [];
    for (const [file, imports] of graph) {
      for (const one of imports) {
        const wrong = wrongWith(file, one, graph, entries);
        if (wrong) problems.push(`${file}:${one.line}: imports "${one.specifier}": ${wrong}`);
      }
      if (core.test(file) && floorOf(file) === -1)
        problems.push(`${file}:1: is in none of the rooms ${rooms.join(", ")}`);
    }
    for (const cycle of cyclesIn(graph))
      problems.push(`${cycle[0]}:1: imports in a circle, types too: ${cycle.join(" -> ")}`);
    for (const entry of everywhere) {
      const path = wayToNode(entry, graph);
      if (path) problems.push(`${entry}:1: must load on every runtime, but reaches node: by ${path.join(" -> ")}`);
    }
    return problems;
  },
};

function wrongWith(
  file: string,
  one: Import,
  graph: ReadonlyMap<string, readonly Import[]>,
  entries: ReadonlySet<string>,
): string | undefined {
  if (one.specifier.startsWith("node:")) {
    return one.typeOnly || nodeAllowed.some((allowed) => allowed.test(file))
      ? undefined
      : "node: is not allowed in this file";
  }
  if (one.file === undefined) {
    if (one.specifier.startsWith("#")) return "package.json has no such name in imports";
    // Whose types are given to, where the application has them: what it declares in their module goes on counting.
    if (file === "src/express-session/types.ts" && one.specifier === "express-session") return undefined;
    return "packages are not imported; describe the shape that is used";
  }
  if (!graph.has(one.file)) return `there is no ${one.file}`;
  if (one.reexport && !one.typeOnly && !entries.has(file)) return "only public entries re-export values";
  if (core.test(file)) return wrongInCore(file, one);
  const store = file.match(/^src\/stores\/([a-z0-9-]+)/)?.[1];
  const rule = rules.find((one) => one.from.test(file)) ?? (store ? storeRule(store) : undefined);
  if (!rule) return "this folder has no rule; add one to scripts/checks/layers.ts";
  if (rule.values.test(one.file) || (one.typeOnly && rule.types?.test(one.file))) return undefined;
  return rule.says;
}

function wrongInCore(file: string, one: Import): string | undefined {
  if (!core.test(one.file!)) return "core imports core only";
  if (one.typeOnly && /^src\/core\/(contracts|bytes|options)\//.test(one.file!)) return undefined;
  return floorOf(one.file!) > floorOf(file)
    ? `${roomOf(file)} imports ${roomOf(one.file!)}; imports go down`
    : undefined;
}

function floorOf(file: string): number {
  return rooms.indexOf(roomOf(file));
}

function roomOf(file: string): string {
  return file.split("/")[2] ?? "";
}

function words(text: string): string[] {
  return text.split(" ");
}

/** Every circle of imports, also where only types go round, each once, from the file where a depth-first walk met it. */
function cyclesIn(graph: ReadonlyMap<string, readonly Import[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file]);
    if (path.includes(file) || done.has(file)) return;
    for (const one of graph.get(file) ?? []) {
      if (!one.dynamic && one.file) visit(one.file, [...path, file]);
    }
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

/** How a file reaches `node:` by static value imports, or `undefined`. */
function wayToNode(
  file: string,
  graph: ReadonlyMap<string, readonly Import[]>,
  seen = new Set<string>(),
): string[] | undefined {
  if (seen.has(file)) return undefined;
  seen.add(file);
  for (const one of graph.get(file) ?? []) {
    if (one.typeOnly || one.dynamic) continue;
    if (one.specifier.startsWith("node:")) return [file, one.specifier];
    const rest = one.file && wayToNode(one.file, graph, seen);
    if (rest) return [file, ...rest];
  }
  return undefined;
}
