/** The package as users get it: packed, installed into an empty project outside this one, loaded and compiled there. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicEntries } from "../../scripts/checks/surface.ts";
import { projectRoot, run } from "../../scripts/lib.ts";
import { type Installed, installPacked, loadEntries } from "../../scripts/pack.ts";

const specifiers = publicEntries(projectRoot).map((entry) => entry.specifier);
/** These must work, types included, where there is no Node. */
const everywhere = specifiers.filter(
  (name) => !/stores\/file$|frameworks\/(node|express|koa|fastify|nest)$|\/(testing|config)$/.test(name),
);

let packed: Installed;
beforeAll(async () => {
  packed = await installPacked();
});
afterAll(() => {
  if (packed) rmSync(packed.directory, { recursive: true, force: true });
});

test("the tarball holds the compiled files and four pages, nothing else", () => {
  const others = packed.files.filter((file) => !/^dist\/.+(\.d\.ts|\.js)$/.test(file));
  expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  expect(packed.files.filter((file) => /test\/|\.test\./.test(file))).toEqual([]);
});

test("it installs without the network and brings no other package", () => {
  const installed = readdirSync(join(packed.directory, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed).toEqual(["sojourn"]);
});

test("nothing of the machine it was built on is in the tarball", () => {
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

  test("runs, and says what it can", async () => {
    const { code, output } = await sojourn(["--help"]);
    expect([code, output.split("\n")[0]]).toEqual([0, "Usage: sojourn <command> [options]"]);
    expect((await sojourn(["--version"])).output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("names the package that is missing", async () => {
    const { code, output } = await sojourn(["cleanup"], { SESSION_TYPE: "redis", SESSION_REDIS: "redis://cache" });
    const needed = "SESSION_REDIS needs a package that is not installed: npm install redis (or ioredis or iovalkey)";
    expect([code, output]).toEqual([2, `sojourn: ${needed}\n`]);
  });

  test("sets up and cleans a database with what Node has", async () => {
    const env = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "sqlite:///app.db", NODE_OPTIONS: "--no-warnings" };
    expect(await sojourn(["setup"], env)).toEqual({ code: 0, output: "sql: what it needs is there\n" });
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
    expect(await compile(`${name}.ts`, importing(specifiers), { ...options, ...nodeTypes })).toBe("");
  });
  test.each(resolutions)("$name, without Node's types, for what must work everywhere", async ({ name, ...options }) => {
    expect(await compile(`${name}-plain.ts`, importing(everywhere), { ...options, types: [] })).toBe("");
  });
  test("nodenext, with Node's types alone, without the browser's", async () => {
    const options = { module: "nodenext", moduleResolution: "nodenext", lib: ["ES2023"] };
    expect(await compile("no-dom.ts", importing(specifiers), { ...options, ...nodeTypes })).toBe("");
  });
  test("nodenext, in a CommonJS file", async () => {
    const source = specifiers
      .map((name, index) => `import m${index} = require("${name}");\nvoid m${index};`)
      .join("\n");
    expect(
      await compile("common.cts", source, { module: "nodenext", moduleResolution: "nodenext", ...nodeTypes }),
    ).toBe("");
  });
});

test("a wrong use of what is exported does not compile, so the types are really there", async () => {
  const source = `import { isSessionError } from "sojourn";\nconst wrong: string = isSessionError(1);\nvoid wrong;`;
  const said = await compile("wrong.ts", source, { module: "nodenext", moduleResolution: "nodenext", types: [] });
  expect(said).toContain("TS2322");
});

test("sojourn/attached types req.session and locals.session, and nothing does without it", async () => {
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

test("publint has nothing to say", async () => {
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
async function compile(file: string, source: string, options: object): Promise<string> {
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
  const { code, output } = await run("tsc", ["-p", directory, "--pretty", "false"], { cwd: directory });
  return code === 0 ? "" : output || `tsc ended with ${code}`;
}
