/** Every check of `npm run check` complains about a tree that breaks what it is for, and only then. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { reportOn } from "../../scripts/checks/api.ts";
import { bounded } from "../../scripts/checks/bounded.ts";
import { bundle } from "../../scripts/checks/bundle.ts";
import { comments } from "../../scripts/checks/comments.ts";
import { programsBelow } from "../../scripts/checks/doc-code.ts";
import { errors } from "../../scripts/checks/errors.ts";
import { layers } from "../../scripts/checks/layers.ts";
import { lengths } from "../../scripts/checks/length.ts";
import { links } from "../../scripts/checks/links.ts";
import { portable } from "../../scripts/checks/portable.ts";
import { surface } from "../../scripts/checks/surface.ts";
import { plainWords } from "../../scripts/checks/words.ts";
import { workflows } from "../../scripts/checks/workflows.ts";
import { run } from "../../scripts/lib.ts";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A small project with one export, and the files given. */
function tree(files: Readonly<Record<string, string>>, exported: readonly string[] = ["."]): string {
  const root = mkdtempSync(join(tmpdir(), "sojourn-check-"));
  made.push(root);
  const exports = Object.fromEntries(
    exported.map((subpath) => {
      const base = subpath === "." ? "index" : subpath.slice(2);
      const target = {
        "sojourn-source": `./src/${base}.ts`,
        types: `./dist/${base}.d.ts`,
        default: `./dist/${base}.js`,
      };
      return [subpath, target];
    }),
  );
  const all = {
    "package.json": JSON.stringify({ name: "sojourn", exports }),
    "src/index.ts": "/** Entry. */\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe("links", () => {
  const page = "# Page\n\n## `two` words, and more\n";
  const problems = (text: string) => links.run(tree({ "docs/README.md": text, "docs/people.md": page }));

  test("lead to a file and a heading, as GitHub makes its anchor", () => {
    expect(problems("[a](people.md#two-words-and-more) [b](#c) [d](https://example.com/x)\n# c\n")).toEqual([]);
    expect(problems("\n[a](person.md)")).toEqual([
      "docs/README.md:2: person.md leads to docs/person.md, which is not there",
    ]);
    expect(problems("[a](people.md#three)")).toEqual([
      "docs/README.md:1: people.md#three leads to #three, and docs/people.md has no such heading",
    ]);
    expect(problems("[a](https://github.com/sojourn-js/sojourn/blob/main/docs/no.md)")).toHaveLength(1);
  });

  test("in code are none", () => {
    expect(problems("```ts\nconst a = list[0](no.md);\n```\n`[a](no.md)`")).toEqual([]);
  });

  test("in messages are whole addresses, of a file and a heading; comments may name a page", () => {
    const [good, dead] = ["people.md#two-words-and-more", "people.md#no"].map((link) => `throw \`\${docs}${link}\`;\n`);
    const source = `// see docs/no.md\n${good}${dead}throw "see docs/people.md";\n`;
    expect(links.run(tree({ "docs/people.md": page, "src/a.ts": source }))).toEqual([
      "src/a.ts:3: people.md#no leads to #no, and docs/people.md has no such heading",
      "src/a.ts:4: docs/people.md is no address: `docs` of core/contracts/errors.ts begins one",
    ]);
  });

  test("to a page that the site's navigation does not show are not enough", () => {
    const stray = tree({ "docs/people.md": page, "docs/odd.md": "# Odd\n", "docs/start/new.md": "# New\n" });
    expect(links.run(stray)).toEqual([
      "docs/odd.md: is in no section of the site; add it to sections in scripts/docs/pages.ts",
    ]);
  });
});

describe("api", () => {
  const report = (files: Readonly<Record<string, string>>): string =>
    reportOn(join(tree(files), "dist"), [{ specifier: "sojourn", source: "src/index.ts" }]);

  test("lists the exports of an entry, and shows each declaration without its comments", () => {
    const index = 'import "./own.js";\n/** The page. */\nexport { b, type A as Other } from "./own.js";\n';
    const own =
      "/** One. */\nexport interface A {\n    /** Its name. */\n    name: string;\n}\nexport declare const b: A;\n";
    const files = { "dist/index.d.ts": index, "dist/own.d.ts": `${own}export declare const hidden: 1;\n` };
    expect(report(files)).toBe(
      "# sojourn\nOther\nb\n\n## own\nexport declare const b: A;\nexport interface A {\n    name: string;\n}\n",
    );
  });

  test("changes with a declaration or its exported name, and not with order or comments", () => {
    const [a, b] = ["export declare const a: 1;\n", "export declare const b: 1;\n"];
    const plain = report({ "dist/index.d.ts": a + b });
    expect(report({ "dist/index.d.ts": `${b}/** Words. */\n${a}` })).toBe(plain);
    expect(report({ "dist/index.d.ts": a + b.replace("1", "2") })).not.toBe(plain);
    expect(report({ "dist/index.d.ts": a })).not.toBe(plain);
  });
});

describe("bundle", () => {
  const limited = (files: Readonly<Record<string, string>>, limit: number | undefined): string =>
    tree({ "scripts/checks/bundle.json": JSON.stringify({ sojourn: limit }), ...files });

  test("accepts an entry of the core within its limit", async () => {
    const files = { "src/index.ts": 'export * from "./core/a.ts";', "src/core/a.ts": "export const a = 1;" };
    expect(await bundle.run(limited(files, 100))).toEqual([]);
  });

  test("refuses what is too heavy, what has no limit, and what belongs to another entry", async () => {
    const long = { "src/index.ts": `export const a = "${"a".repeat(200)}";` };
    expect(await bundle.run(limited(long, 100))).toEqual([expect.stringMatching(/sojourn weighs \d+ of 100 bytes/)]);
    expect(await bundle.run(limited(long, undefined))).toEqual([expect.stringContaining("has no limit for sojourn")]);
    const foreign = { "src/index.ts": 'export * from "./flask.ts";', "src/flask.ts": "export const a = 1;" };
    expect(await bundle.run(limited(foreign, 100))).toEqual([
      expect.stringMatching(/^src\/flask.ts:1: is in the bundle/),
    ]);
  });
});

test("length: a file of src has at most 300 lines", async () => {
  const root = tree({ "src/a.ts": "x\n".repeat(300), "src/b.ts": "x\n".repeat(301), "test/c.ts": "x\n".repeat(301) });
  expect(await lengths.run(root)).toEqual([expect.stringMatching(/^src\/b\.ts:300: has 301 lines/)]);
});

describe("layers", () => {
  const store =
    'import type { Store } from "../core/contracts/store.ts";\nimport { wrongArgument } from "../core/contracts/errors.ts";\n';
  const core = {
    "src/core/contracts/errors.ts": "",
    "src/core/contracts/store.ts": "",
    "src/core/request/sessions.ts": "",
    "src/core/client/id.ts": "",
  };

  test("accepts imports that go down", async () => {
    const root = tree({
      ...core,
      "src/stores/redis.ts": store,
      "src/core/request/sessions.ts": 'import { x } from "../client/id.ts";',
    });
    expect(await layers.run(root)).toEqual([]);
  });

  test.each([
    ["a store that imports the manager", "src/stores/redis.ts", 'import { m } from "../core/request/sessions.ts";'],
    ["a store that imports another store", "src/stores/redis.ts", 'import { m } from "./memory.ts";'],
    [
      "a store that imports values of the contract",
      "src/stores/redis.ts",
      'import { Store } from "../core/contracts/store.ts";',
    ],
    ["a framework that imports a store", "src/frameworks/express.ts", 'import { m } from "../stores/memory.ts";'],
    ["the core importing upwards", "src/core/client/id.ts", 'import {\n  m,\n} from "../request/sessions.ts";'],
    ["the core importing a store", "src/core/request/sessions.ts", 'import { m } from "../stores/memory.ts";'],
    [
      "the core importing it when the line runs",
      "src/core/request/sessions.ts",
      'const m = await import("../stores/memory.ts");',
    ],
    ["node: in the core", "src/core/client/id.ts", 'import { hash } from "node:crypto";'],
    ["node: in a store for every runtime", "src/stores/redis.ts", 'import { hash } from "node:crypto";'],
    ["a package", "src/stores/redis.ts", 'import { createClient } from "redis";'],
    ["a package by type", "src/stores/redis.ts", 'import type { RedisClientType } from "redis";'],
    ["a barrel", "src/core/request/sessions.ts", 'export { x } from "../client/id.ts";'],
    ["a core file in none of the rooms", "src/core/novel.ts", ""],
    ["a folder without a rule", "src/novel/a.ts", 'import { x } from "../core/client/id.ts";'],
    ["a file that is not there", "src/core/request/sessions.ts", 'import { x } from "./gone.ts";'],
  ])("refuses %s", async (_, file, text) => {
    const root = tree({ ...core, "src/stores/memory.ts": "", [file]: text });
    const said = await layers.run(root);
    expect(said.length).toBeGreaterThan(0);
    expect(said.filter((line) => !line.startsWith(file))).toEqual([]);
  });

  test("refuses a cycle, of types too", async () => {
    const circle = { ...core, "src/core/client/id.ts": 'import { k } from "./token.ts";' };
    const values = tree({ ...circle, "src/core/client/token.ts": 'import { i } from "./id.ts";' });
    expect(await layers.run(values)).toEqual([expect.stringContaining("in a circle")]);
    const types = tree({ ...circle, "src/core/client/token.ts": 'import { type I, type J } from "./id.ts";' });
    expect(await layers.run(types)).toEqual([expect.stringContaining("in a circle")]);
  });

  test("follows an entry for every runtime to the node: import it reaches", async () => {
    const files = {
      "src/index.ts": 'export { c } from "./core/request/context.ts";',
      "src/core/request/context.ts": 'import "./context.node.ts";',
    };
    const root = tree({ ...files, "src/core/request/context.node.ts": 'import { x } from "node:async_hooks";' });
    expect(await layers.run(root)).toEqual([expect.stringMatching(/^src\/index\.ts:1: .*context\.node\.ts -> node:/)]);
  });

  test("reads code, not comments", async () => {
    const comment = '/**\n * ```ts\n * import { createClient } from "redis";\n * ```\n */\n// import("redis")\n';
    expect(await layers.run(tree({ ...core, "src/core/client/id.ts": comment }))).toEqual([]);
  });
});

describe("surface", () => {
  const good = {
    "src/stores/redis.ts": "",
    "docs/stores/redis.md": "",
    "README.md": "| [redis](https://x.test/docs/stores/redis.md) |",
  };

  test("accepts a store that is exported, documented and listed", async () => {
    expect(await surface.run(tree(good, [".", "./stores/redis"]))).toEqual([]);
  });

  test.each([
    ["an export without a file", {}, [".", "./stores/redis", "./gone"], "src/gone.ts"],
    ["a store that is not exported", {}, ["."], "is not in the exports"],
    [
      "a store without a page",
      { "src/stores/sql.ts": "", "README.md": "(/docs/stores/redis.md) (/docs/stores/sql.md)" },
      [".", "./stores/redis", "./stores/sql"],
      "docs/stores/sql.md",
    ],
    [
      "a store that the README does not list",
      { "README.md": "" },
      [".", "./stores/redis"],
      "does not lead to docs/stores/redis.md",
    ],
    [
      "a page with a link to what is not in the package",
      { "docs/a.md": "[b](b.md) [c](../src/c.ts)" },
      [".", "./stores/redis"],
      "docs/a.md:1: src/c.ts is not in the package",
    ],
    ["a page without a store", { "docs/stores/gone.md": "" }, [".", "./stores/redis"], "is about src/stores/gone.ts"],
  ])("refuses %s", async (_, files, exported, said) => {
    expect(await surface.run(tree({ ...good, ...files }, exported))).toEqual([expect.stringContaining(said)]);
  });

  test("refuses conditions in an order that hides the types", async () => {
    const exports = {
      ".": { default: "./dist/index.js", types: "./dist/index.d.ts", "sojourn-source": "./src/index.ts" },
    };
    const root = tree({ "package.json": JSON.stringify({ name: "sojourn", exports }) });
    expect(await surface.run(root)).toEqual([expect.stringContaining('exports["."] must be')]);
  });
});

describe("comments", () => {
  test("accepts exports that are explained", async () => {
    const options = "/** Options. */\nexport interface Options {\n  /** The key. */\n  readonly key: string;\n}\n";
    const overloads = "/** Does. */\nexport function one(a: string): void;\nexport function one(a: number): void;\n";
    const files = {
      "src/index.ts": '/** Entry. */\nexport { one } from "./core/client/id.ts";\n',
      "src/core/client/id.ts": `/** Ids. */\n\n${overloads}`,
    };
    expect(await comments.run(tree(files))).toEqual([]);
    expect(await comments.run(tree({ "src/index.ts": `/** Entry. */\n\n${options}` }))).toEqual([]);
  });

  test("refuses an export without a comment, also through a re-export, and a field without one", async () => {
    const file = "/** Ids. */\n\nexport function one(): void {}\n\nexport function hidden(): void {}\n";
    const bare = "\n/** Options. */\nexport interface Options {\n  readonly key: string;\n}\n";
    const entry = `/** Entry. */\nexport { one as two } from "./core/client/id.ts";\n${bare}`;
    const said = await comments.run(tree({ "src/index.ts": entry, "src/core/client/id.ts": file }));
    expect(said).toEqual([
      "src/index.ts:6: Options.key has no doc comment",
      "src/core/client/id.ts:3: one has no doc comment",
    ]);
  });

  test("refuses a public class member without a comment, and ignores private ones", async () => {
    const body =
      "  readonly #a = 1;\n  readonly b = 2;\n  /** Explained. */\n  get c(): number {\n    return 1;\n  }\n\n  set c(_: number) {}\n";
    const more = "\n  async d(): Promise<void> {}\n\n  async #e(): Promise<void> {}\n";
    const said = await comments.run(
      tree({ "src/index.ts": `/** Entry. */\n\n/** One. */\nexport class One {\n${body}${more}}\n` }),
    );
    expect(said).toEqual([expect.stringContaining("One.b has no"), expect.stringContaining("One.d has no")]);
  });

  test("refuses a file without a first line that describes it", async () => {
    expect(await comments.run(tree({ "src/core/client/id.ts": "const a = 1;" }))).toEqual([
      expect.stringContaining("src/core/client/id.ts:1:"),
    ]);
  });
});

describe("errors", () => {
  const source = "const statusByCode = {\n  ERR_A: 503,\n  ERR_B: 500,\n} as const;\n";

  test("refuses a code without a section, a wrong status, and a code that does not exist", async () => {
    const page = "# Errors\n\n## ERR_A\n\nStatus 500. No.\n\n## ERR_C\n\nStatus 500.\n";
    const said = await errors.run(tree({ "src/core/contracts/errors.ts": source, "docs/errors.md": page }));
    expect(said).toEqual([
      'docs/errors.md: ERR_A must say "Status 503"',
      'docs/errors.md: has no section "## ERR_B"',
      "docs/errors.md: explains ERR_C, which src/core/contracts/errors.ts does not have",
    ]);
  });
});

describe("portable", () => {
  test("refuses machine paths and other registries in tracked files, and no others", async () => {
    // In pieces, or the check would find this file.
    const home = ["", "home", "alice", "x"].join("/");
    const registry = ["registry", "http://mirror.example/"].join("=");
    const root = tree({
      "a.md": `see ${home}\n`,
      ".npmrc": registry,
      "ok.md": "docs/home/page, https://example.org/root\n",
      "b.md": home,
    });
    await run("git", ["init", "-q"], { cwd: root });
    await run("git", ["add", "a.md", ".npmrc", "ok.md"], { cwd: root });
    expect((await portable.run(root)).map((line) => line.split(":")[0])).toEqual([".npmrc", "a.md"]);
  });
});

describe("doc-code", () => {
  test("keeps blocks on their lines, joins continued ones, and requires a reason for ignored ones", () => {
    const page =
      "# A\n\n```ts\nconst a = 1;\n```\n\n```ts continued\nvoid a;\n```\n\n```ts ignore\nx\n```\n\n```ts ignore: a fragment\ny\n```\n";
    const source = "/**\n * Does.\n *\n * ```ts\n * const b = 2;\n * ```\n */\nexport const c = 1;\n";
    const { programs, problems } = programsBelow(tree({ "docs/a.md": page, "src/core/client/id.ts": source }));
    expect(
      programs.map(({ file, code }) => [
        file,
        code
          .split("\n")
          .map((line, i) => (line ? `${i + 1} ${line}` : ""))
          .filter(Boolean),
      ]),
    ).toEqual([
      ["docs/a.md", ["4 const a = 1;", "8 void a;"]],
      ["src/core/client/id.ts", ["5 const b = 2;"]],
    ]);
    expect(problems).toEqual([expect.stringContaining("docs/a.md:11: ```ts ignore needs a reason")]);
  });

  test("a block under the name of a file is that file of its page; a name that is taken makes a program of its own", () => {
    const block = (code: string): string => `\`\`\`ts\n${code}\n\`\`\`\n\n`;
    const page = `\`app/a.ts\`:\n\n${block("1")}\`b.ts\`, as \`before\`:\n\n${block("2")}\`b.ts\`:\n\n${block("3")}Of \`c.ts\`:\n\n${block("4")}`;
    const { programs } = programsBelow(tree({ "docs/a.md": page }));
    expect(programs.map(({ name, code }) => [name, code.trim()])).toEqual([
      ["app/a.ts", "1"],
      ["b.ts", "2"],
      [undefined, "3"],
      [undefined, "4"],
    ]);
  });
});

describe("workflows", () => {
  const good = `name: CI
on: push
permissions:
  contents: read
jobs:
  test:
    steps:
      - uses: actions/checkout@${"a".repeat(40)} # v5.0.0
        with:
          persist-credentials: false
      - run: npm test
`;
  const file = ".github/workflows/ci.yml";

  test("accepts least privileges and pinned actions", async () => {
    expect(await workflows.run(tree({ [file]: good }))).toEqual([]);
  });

  test.each([
    ["an action by its tag", good.replace("a".repeat(40), "v5"), "is not pinned"],
    ["a digest without its version", good.replace(" # v5.0.0", ""), "say which version"],
    ["more rights", good.replace("contents: read", "contents: write"), "must begin with permissions"],
    ["an identity token", good.replace("jobs:", "  id-token: write\njobs:"), "must not ask for an identity token"],
    [
      "pages of a branch",
      good.replace("    steps:", "    permissions:\n      pages: write\n    steps:"),
      "on main only",
    ],
    ["credentials that stay", good.replace("persist-credentials: false", "fetch-depth: 0"), "persist-credentials"],
    ["a secret", good.replace("npm test", "echo secrets.NPM"), "no secret is needed"],
  ])("refuses %s", async (_, text, says) => {
    expect((await workflows.run(tree({ [file]: text }))).join("\n")).toContain(says);
  });
});

describe("words", () => {
  test("reports the dialect in pages, comments and test titles, not in code or values", async () => {
    const page = 'Nobody is logged out.\n`nobody` is a name, and "anew" a value.\n';
    const source = '/** What he made anew. */\nexport const nobody = "meanwhile"; // of yours\n';
    const tests =
      'const anew = "nobody";\ndescribe.skipIf(f(1))("stores", () => {\n  test.each([1])(\n    `whoever %s`,\n  );\n  test("a store");\n});\n';
    const suite = 'export const cases = [{\n  name: "made a" }, { note: "nobody" }];\n'.replace("made a", "made anew");
    const root = tree({
      "docs/a.md": page,
      "docs/decisions/001.md": page,
      "src/index.ts": source,
      "src/testing/cases.ts": suite,
      "test/a.test.ts": tests,
    });
    expect((await plainWords.run(root)).map((line) => line.replace(/: [^"]*$|: ".*$/, ""))).toEqual([
      "docs/a.md:1",
      "src/index.ts:1",
      "src/index.ts:1",
      "src/index.ts:2",
      "test/a.test.ts:3",
      "src/testing/cases.ts:2",
    ]);
  });
});

describe("bounded", () => {
  test("refuses a synchronous child process without a limit", async () => {
    const [run, spawn] = ["execFileSync", "spawnSync"];
    const text = `${run}("a", ["b"], { timeout: 1 });\n${spawn}(\n  "a", f(), { cwd: "b" },\n);\n`;
    expect(await bounded.run(tree({ "test/a.test.ts": text }))).toEqual([
      expect.stringContaining("test/a.test.ts:2: give it"),
    ]);
  });
});
