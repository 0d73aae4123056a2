/** The package as users get it: packed, installed into an empty project outside this one, loaded and compiled there. */

import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicEntries } from "../../scripts/checks/surface.ts";
import { filesBelow, projectRoot, run } from "../../scripts/lib.ts";
import { type Installed, installPacked, loadEntries } from "../../scripts/pack.ts";

const specifiers = publicEntries(projectRoot).map((entry) => entry.specifier);
/** These must work, types included, where there is no Node. */
const everywhere = specifiers.filter(
  (name) =>
    !/stores\/file$|frameworks\/(node|express|koa|fastify|hapi|polka|restify|nuxt|nest)$|\/(testing|config|express-session|express-session\/files)$/.test(
      name,
    ),
);
/** `sojourn/attached` gives `req.session` another type than @types/express-session, which the drop-in goes by. */
const together = specifiers.filter((name) => name !== "sojourn/attached");

let packed: Installed;
beforeAll(async () => {
  packed = await installPacked();
});
afterAll(() => {
  if (packed) rmSync(packed.directory, { recursive: true, force: true });
});

test("the tarball holds the compiled files, the documentation and four pages, nothing else", () => {
  const documented = /^docs\/(?!decisions\/).+\.(md|json|png)$/;
  const others = packed.files.filter((file) => !/^dist\/.+(\.d\.ts|\.js)$/.test(file) && !documented.test(file));
  expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  expect(packed.files.filter((file) => /test\/|\.test\./.test(file))).toEqual([]);
});

test("every page is in the tarball, with the files beside it that it links to", () => {
  const inside = new Set(packed.files);
  const pages = filesBelow(projectRoot, "docs", ".md").filter((page) => !page.startsWith("docs/decisions/"));
  expect(pages.filter((page) => !inside.has(page))).toEqual([]);
  const broken = [...pages, "README.md"].flatMap((page) => {
    const text = readFileSync(join(projectRoot, page), "utf8").replace(/^```.*?^```$/gms, "");
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path = ""]) => join(dirname(page), path));
    return links.filter((path) => !inside.has(path)).map((path) => `${page} -> ${path}`);
  });
  expect(broken).toEqual([]);
});

test("it installs without the network and no other package", () => {
  const installed = readdirSync(join(packed.directory, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed).toEqual(["sojourn"]);
});

test("the tarball contains nothing of the machine it was built on", () => {
  const telling = packed.files.filter((file) => {
    const path = join(packed.directory, "node_modules", "sojourn", file);
    return existsSync(path) && readFileSync(path, "utf8").includes(`${projectRoot}/`);
  });
  expect(telling).toEqual([]);
});

test("every export loads by import and by require, and both give the same module", async () => {
  expect(await loadEntries("node", packed.directory, specifiers)).toBe("");
});

describe("the command", () => {
  const sojourn = (args: string[], env: Record<string, string> = {}) =>
    run(join(packed.directory, "node_modules", ".bin", "sojourn"), args, { cwd: packed.directory, env });

  test("runs, and shows its help", async () => {
    const { code, output } = await sojourn(["--help"]);
    expect([code, output.split("\n")[0]]).toEqual([0, "Usage: sojourn <command> [options]"]);
    expect((await sojourn(["--version"])).output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("names the missing package", async () => {
    const { code, output } = await sojourn(["cleanup"], { SESSION_TYPE: "redis", SESSION_REDIS: "redis://cache" });
    const needed = "SESSION_REDIS needs a package that is not installed: npm install redis (or ioredis or iovalkey)";
    expect([code, output]).toEqual([2, `sojourn: ${needed}\n`]);
  });

  test("sets up and cleans a database with what Node includes", async () => {
    const env = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "sqlite:///app.db", NODE_OPTIONS: "--no-warnings" };
    expect(await sojourn(["setup"], env)).toEqual({ code: 0, output: "sql: ready\n" });
    expect((await sojourn(["cleanup"], env)).output).toMatch(/^sql: removed 0 ended sessions in 1 batch, /);
  });
});

describe("a program that uses every export compiles, declarations checked, under", () => {
  const nodeTypes = { typeRoots: [join(projectRoot, "node_modules", "@types")], types: ["node"] };
  const resolutions = [
    { name: "bundler", module: "preserve", moduleResolution: "bundler" },
    { name: "node16", module: "node16", moduleResolution: "node16" },
    { name: "nodenext", module: "nodenext", moduleResolution: "nodenext" },
  ];
  test.each(resolutions)("$name", async ({ name, ...options }) => {
    expect(await compile(`${name}.ts`, importing(together), { ...options, ...nodeTypes })).toBe("");
  });
  test.each(resolutions)(
    "$name, without Node's types, for the exports of every runtime",
    async ({ name, ...options }) => {
      expect(await compile(`${name}-plain.ts`, importing(everywhere), { ...options, types: [] })).toBe("");
    },
  );
  test("nodenext, with Node's types only, without the browser's", async () => {
    const options = { module: "nodenext", moduleResolution: "nodenext", lib: ["ES2023"] };
    expect(await compile("no-dom.ts", importing(together), { ...options, ...nodeTypes })).toBe("");
  });
  test("commonjs, which ignores exports in older versions", async () => {
    expect(await compile("commonjs.ts", importing(together), { module: "commonjs", ...nodeTypes })).toBe("");
  });
  describe("TypeScript 5.7, the oldest that works,", () => {
    let oldest: string;
    beforeAll(async () => {
      const directory = join(packed.directory, "oldest");
      mkdirSync(directory);
      const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--prefix", directory];
      const { code, output } = await run("npm", [...install, "typescript@5.7.3"], { cwd: directory });
      expect(code, output).toBe(0);
      oldest = join(directory, "node_modules", ".bin", "tsc");
    });
    test.each([
      ["nodenext", { module: "nodenext", moduleResolution: "nodenext" }],
      ["commonjs", { module: "commonjs", moduleResolution: "node10" }],
    ])("%s", async (name, options) => {
      expect(await compile(`oldest-${name}.ts`, importing(together), { ...options, ...nodeTypes }, oldest)).toBe("");
    });
  });
  test("nodenext, in a CommonJS file", async () => {
    const source = together.map((name, index) => `import m${index} = require("${name}");\nvoid m${index};`).join("\n");
    expect(
      await compile("common.cts", source, { module: "nodenext", moduleResolution: "nodenext", ...nodeTypes }),
    ).toBe("");
  });
});

test("a wrong use of each export does not compile, so the types are really there", async () => {
  const source = `import { isSessionError } from "sojourn";\nconst wrong: string = isSessionError(1);\nvoid wrong;`;
  const said = await compile("wrong.ts", source, { module: "nodenext", moduleResolution: "nodenext", types: [] });
  expect(said).toContain("TS2322");
});

test("sojourn/attached types req.session and locals.session, and without it neither is typed", async () => {
  const source = `import "sojourn/attached";
    declare global { namespace Sojourn { interface Data { visits: number } } }
    declare const req: Express.Request;
    declare const locals: App.Locals;
    const visits: number | undefined = req.session.data.visits ?? locals.session.update("visits", (n = 0) => n + 1);
    void visits;`;
  const options = { module: "nodenext", moduleResolution: "nodenext", types: [] };
  expect(await compile("attached.ts", source, options)).toBe("");
  const wrong = source.replace("req.session.data.visits", "req.session.data.vists");
  expect(await compile("attached-wrong.ts", wrong, options)).toContain("TS2551");
  expect(await compile("not-attached.ts", source.replace('import "sojourn/attached";', ""), options)).toContain("TS");
});

test("sojourn/attached compiles beside an installed @types/express-session, and using both is a type error", async () => {
  const source = `import "sojourn/attached";
    declare const req: Express.Request;
    void req.session.data;`;
  const typeRoots = [join(projectRoot, "node_modules", "@types")];
  const options = { module: "nodenext", moduleResolution: "nodenext", typeRoots };
  expect(await compile("beside.ts", source, { ...options, types: ["node"] })).toBe("");
  const both = await compile("both.ts", source, { ...options, types: ["node", "express-session"] });
  expect(both).toContain("TS2717");
});

describe("sojourn/express-session", () => {
  const options = { module: "nodenext", moduleResolution: "nodenext" };
  const source = `import session, { Store } from "sojourn/express-session";
    import { memoryStore } from "sojourn/stores/memory";
    declare module "express-session" { interface SessionData { visits: number } }
    const middleware = session({ secret: "s", store: memoryStore(), clearCookie: true, ttl: "1h" });
    declare const req: Express.Request;
    req.session.visits = (req.session.visits ?? 0) + 1;
    class Own extends Store { get(): void {} set(): void {} destroy(): void {} }
    session({ secret: "s", store: new Own() });
    void middleware.sessions.get(req).then(({ data }) => data.visits);`;

  test("accepts the options that are declared for express-session", async () => {
    const typed = { ...options, typeRoots: [join(projectRoot, "node_modules", "@types")], types: ["node"] };
    expect(await compile("drop-in.ts", source, typed)).toBe("");
    const wrong = source.replace("session.visits", "session.vists");
    expect(await compile("drop-in-wrong.ts", wrong, typed)).toContain("TS2551");
  });

  const habits = `const options: session.SessionOptions = { secret: "s", cookie: { sameSite: "auto" } };
    const cookie: session.CookieOptions = { maxAge: 1000 };
    const store: session.Store = new session.MemoryStore();
    class Own extends session.Store {
      get(_id: string, callback: (error: unknown, data?: session.SessionData | null) => void): void { callback(null); }
      set(): void {}
      destroy(): void {}
    }
    session({ ...options, cookie, store });
    session({ ...options, store: new Own() });
    export function by(req: { session: session.Session & Partial<session.SessionData> }): session.Cookie {
      req.session.regenerate((error) => req.session.save((failed) => void [error, failed]));
      return req.session.touch().cookie;
    }`;

  const promises = `import { promisify } from "node:util";
    import type { CookieOptions, Session, SessionData } from "sojourn/express-session";
    export async function use(req: { session: Session & Partial<SessionData> }): Promise<CookieOptions> {
      const done: Promise<void> = req.session.regenerate({ keep: ["cart"] });
      await Promise.all([done, req.session.save(), req.session.reload(), req.session.destroy()]);
      await promisify(req.session.regenerate).call(req.session);
      return { sameSite: "lax" };
    }`;

  test("has the types that code names by session.SessionOptions and so on, and those of its promises", async () => {
    const typed = { ...options, typeRoots: [join(projectRoot, "node_modules", "@types")], types: ["node"] };
    const imported = `import session from "sojourn/express-session";\n${promises}\n${habits}`;
    expect(await compile("habits.ts", imported, typed)).toBe("");
    expect(await compile("habits-wrong.ts", imported.replace("{ keep:", "{ kept:"), typed)).toContain("TS");
    const required = `import session = require("sojourn/express-session");
      import { connectRedis, type ConnectRedisOptions } from "sojourn/express-session";
      export const layouts = (options: ConnectRedisOptions) => [connectRedis(options), session.connectRedis()];\n${habits}`;
    expect(await compile("habits.cts", required, typed)).toBe("");
  });

  test("compiles without @types/express-session, declarations checked", async () => {
    const roots = join(packed.directory, "types");
    mkdirSync(roots);
    symlinkSync(join(projectRoot, "node_modules", "@types", "node"), join(roots, "node"));
    const plain = `import session from "sojourn/express-session";\nvoid session({ secret: "s" });`;
    const untyped = { ...options, typeRoots: [roots], types: ["node"] };
    expect(await compile("drop-in-untyped.ts", plain, untyped)).toBe("");
  });

  test("is the function itself with require", async () => {
    const program = `const session = require("sojourn/express-session");
      const { Store, MemoryStore, Cookie, Session } = session;
      class Own extends Store {}
      function Old() { Store.call(this, {}); }
      require("node:util").inherits(Old, Store);
      console.log(typeof session({ secret: "s", resave: false, saveUninitialized: false }), new MemoryStore() instanceof Store,
        typeof new Own().on, typeof new Old().emit, new Cookie().path, Session.name,
        // TypeScript makes these of \`import session, { connectRedis } from\` in a CommonJS file.
        session.default === session, session.session === session, typeof session.connectRedis());`;
    const { code, output } = await run("node", ["-e", program], { cwd: packed.directory });
    expect([code, output.trim()]).toEqual([0, "function true function function / Session true true object"]);
  });
});

test("the alias package is the drop-in under the name of express-session", async () => {
  const alias = join(projectRoot, "alias", "express-session");
  const manifest = JSON.parse(readFileSync(join(alias, "package.json"), "utf8"));
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  expect(manifest).toMatchObject({ version, dependencies: { sojourn: version } });
  const modules = join(packed.directory, "node_modules");
  cpSync(alias, join(modules, "express-session"), { recursive: true });
  try {
    const program = `import session, { Store } from "express-session";
      import { createRequire } from "node:module";
      import { session as own } from "sojourn/express-session";
      const required = createRequire(process.cwd() + "/x.js")("express-session");
      console.log(session === own, required === own, Store === required.Store);`;
    const { code, output } = await run("node", ["--input-type=module", "-e", program], { cwd: packed.directory });
    expect([code, output.trim()]).toEqual([0, "true true true"]);
  } finally {
    rmSync(join(modules, "express-session"), { recursive: true });
  }
});

describe("an example", () => {
  const examples = join(projectRoot, "examples");
  const names = readdirSync(examples).filter((name) => existsSync(join(examples, name, "package.json")));
  const read = (path: string): Manifest => JSON.parse(readFileSync(path, "utf8")) as Manifest;
  const { version, devDependencies } = read(join(projectRoot, "package.json"));

  test.each(names)("%s lists what it imports, in the tested versions, and says how to run it", (name) => {
    const { dependencies, devDependencies: tools = {}, scripts } = read(join(examples, name, "package.json"));
    const { sojourn, ...others } = dependencies;
    expect(sojourn).toBe(`^${version}`);
    // `npm run test:nuxt` installs Nuxt in the version that the example names.
    const { nuxt: _, ...tested } = { ...others, ...tools };
    expect(devDependencies).toMatchObject(tested);
    const sources = readdirSync(join(examples, name), { recursive: true, encoding: "utf8" });
    const code = sources.filter((file) => /\.(ts|tsx|mjs|js|svelte|astro)$/.test(file));
    const text = code.map((file) => readFileSync(join(examples, name, file), "utf8")).join("\n");
    const imported = Array.from(
      text.matchAll(/(?:from|import) "(@[\w-]+\/[\w-]+|[\w-]+)(?:\/[^"]*)?";/g),
      ([, one]) => one!,
    );
    expect(imported.filter((one) => dependencies[one] === undefined)).toEqual([]);
    expect(scripts?.["start"]).toBeTypeOf("string");
    expect(readFileSync(join(examples, name, "README.md"), "utf8")).toContain(`sojourn/examples/${name} ${name} &&`);
    expect(readFileSync(join(examples, "README.md"), "utf8")).toContain(`| [${name}](${name}) |`);
  });

  test.each(["express", "nest", "fetch", "react-router"])("%s runs by itself, in a folder elsewhere", async (name) => {
    const directory = join(packed.directory, `example-${name}`);
    cpSync(join(examples, name), directory, { recursive: true });
    const { dependencies, devDependencies: tools = {} } = read(join(directory, "package.json"));
    for (const one of Object.keys({ ...dependencies, ...tools })) {
      const from = one === "sojourn" ? packed.directory : projectRoot;
      const to = join(directory, "node_modules", one);
      mkdirSync(dirname(to), { recursive: true });
      symlinkSync(join(from, "node_modules", one), to);
    }
    const env = { ...process.env, PORT: "0", PATH: `${join(projectRoot, "node_modules/.bin")}:${process.env.PATH}` };
    const child = spawn("npm", ["start"], {
      cwd: directory,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let said = "";
      for await (const chunk of child.stdout) {
        said += chunk;
        if (/:\d+/.test(said)) break;
      }
      const [url] = /http:\/\/localhost:\d+/.exec(said) ?? [];
      expect(await (await fetch(url!)).text()).toBe("guest, visit 1\n");
    } finally {
      process.kill(-child.pid!);
    }
  });
});

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

test("publint reports nothing", async () => {
  const { code, output } = await run("publint", ["--strict", packed.tarball], { env: { NO_COLOR: "1" } });
  expect(output).toContain("All good!");
  expect(code).toBe(0);
});

test("attw finds the types of every export, for ES modules", async () => {
  const { code, output } = await run("attw", [
    packed.tarball,
    "--profile",
    "esm-only",
    "--no-emoji",
    "--no-color",
    "--format",
    "table-flipped",
  ]);
  const rows = output.split("\n");
  const found = specifiers.filter((name) => rows.some((row) => row.includes(`"${name}" `) && row.includes("OK (ESM)")));
  expect(found, output).toEqual(specifiers);
  expect(code, output).toBe(0);
});

function importing(names: readonly string[]): string {
  return names.map((name, index) => `import * as m${index} from "${name}";\nvoid m${index};`).join("\n");
}

/** What the compiler says about one file in the consumer's project, empty when it compiles. */
async function compile(file: string, source: string, options: object, compiler = "tsc"): Promise<string> {
  const directory = join(packed.directory, `compile-${file.replace(/\W/g, "-")}`);
  mkdirSync(directory);
  writeFileSync(join(directory, file), source);
  const compilerOptions = {
    target: "es2022",
    lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    ...options,
  };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  const { code, output } = await run(compiler, ["-p", directory, "--pretty", "false"], { cwd: directory });
  return code === 0 ? "" : output || `tsc ended with ${code}`;
}
