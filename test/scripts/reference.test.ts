/** The reference is made from the doc comments, and says the defaults that the code takes. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { readDeclarations } from "../../scripts/docs/declarations.ts";
import { wrongDefaults } from "../../scripts/docs/defaults.ts";
import { docOf } from "../../scripts/docs/doc-comment.ts";
import { inLines } from "../../scripts/docs/signature.ts";
import { projectRoot } from "../../scripts/lib.ts";
import type { SessionOptions } from "../../src/core/options/options.ts";
import { resolveConfig } from "../../src/core/options/resolve.ts";
import { memoryStore } from "../../src/stores/memory.ts";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe("the default of an option", () => {
  test.each([
    [
      'Ends it. Default `"1h"` (NIST); `false`: never. Not both.',
      '`"1h"` (NIST); `false`: never',
      "Ends it. Not both.",
    ],
    ["The clock. Default `Date.now`. For tests.", "`Date.now`", "The clock. For tests."],
    ["Keys. Default: a twentieth of `idle.x`, at most `1m`.", "a twentieth of `idle.x`, at most `1m`", "Keys."],
    ['`"report"` (default): an event. `"end"`: ends.', '`"report"`', '`"report"` (default): an event. `"end"`: ends.'],
    [
      "The most records, default 100 000. More is refused.",
      "100 000",
      "The most records, default 100 000. More is refused.",
    ],
    ["Says nothing of it.", undefined, "Says nothing of it."],
  ])("is read from %j", (comment, byDefault, text) => {
    expect(docOf(`/** ${comment} */`)).toMatchObject({ byDefault, text });
  });
});

test("the defaults of createSessions on its page are those of the code: given, they change nothing", () => {
  const { entries } = readDeclarations(projectRoot);
  const main = entries.find(({ specifier }) => specifier === "sojourn");
  const { members = [] } = main?.declarations.find(({ name }) => name === "SessionOptions") ?? {};
  const literal = /^`?("[^"]+"|true|false|\d+(?=[`.,]|$))/;
  const store = memoryStore();
  const resolved = (options: Omit<SessionOptions, "store">): Record<string, unknown> => {
    const { events, warn, ...config } = resolveConfig({ store, warn: false, ...options } as never);
    // Functions are made for each configuration; what differs by an option is data.
    return JSON.parse(JSON.stringify(config)) as Record<string, unknown>;
  };
  const stated = members.flatMap(({ name, doc }) => {
    const value = literal.exec(doc.byDefault ?? "")?.[1];
    return value === undefined ? [] : [[name, JSON.parse(value) as unknown] as const];
  });
  // All but the name, which a store may need, and the hooks for tests.
  expect(stated.map(([name]) => name)).toEqual(
    expect.arrayContaining(["idleTimeout", "absoluteTimeout", "renewAfter", "renewGrace", "onIdReuse", "storeTimeout"]),
  );
  const other: SessionOptions = {
    ...{
      name: "other",
      idleTimeout: "7m",
      absoluteTimeout: "7h",
      renewAfter: "7m",
      renewGrace: "7s",
      onIdReuse: "end",
    },
    ...{ persistent: true, current: true, onError: "save", storeTimeout: "7s", conflictTimeout: "7s" },
  };
  for (const [name, value] of stated) {
    expect(resolved({ [name]: value }), name).toEqual(resolved({}));
    expect(other, `another value of ${name}, to see that it counts`).toHaveProperty(name);
    expect(resolved({ [name]: other[name as keyof SessionOptions] }), name).not.toEqual(resolved({}));
  }
});

describe("reference", () => {
  /** A project with the one option `wait` of the function `open`. */
  function tree(comment: string): string {
    const root = mkdtempSync(join(tmpdir(), "sojourn-reference-"));
    made.push(root);
    const source = `/** Entry. */\n\n/** Options. */\nexport interface OpenOptions {\n  /** ${comment} */\n  readonly wait?: string;\n}\n\n/** Opens. */\nexport function open(options: OpenOptions): string {\n  const { wait = "1h" } = options;\n  return wait;\n}\n`;
    const files = {
      "package.json": JSON.stringify({ name: "x", exports: { "./open": { "sojourn-source": "./src/open.ts" } } }),
      "tsconfig.build.json": JSON.stringify({ compilerOptions: { types: [] }, include: ["src"] }),
      "src/open.ts": source,
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
    return root;
  }
  const readAll = (root: string) => {
    const { entries, defaults } = readDeclarations(root);
    return [entries, defaults] as const;
  };
  const defaultsIn = (comment: string): string[] => wrongDefaults(...readAll(tree(comment)));

  test("complains about an option whose default is not said, or is not the code's", () => {
    expect(defaultsIn('Waits. Default `"1h"`.')).toEqual([]);
    expect(defaultsIn("Waits.")).toEqual(['src/open.ts: OpenOptions.wait: the doc comment must say "Default: …"']);
    expect(defaultsIn('Waits. Default `"2h"`.')).toEqual([
      'src/open.ts: OpenOptions.wait: the doc comment says default "2h", and the code takes "1h"',
    ]);
  });
});

test("a signature that is too long for the page has a line for each parameter", () => {
  expect(inLines("get(request: object): Promise<Session<Data>>")).toBe("get(request: object): Promise<Session<Data>>");
  const parameters = ["name: string", "decide: (a: A, b: Map<B, C>) => void", "options: { a?: 1, b?: 2 } = {}"];
  const long = `make<T extends () => A, U>( ${parameters.join(", ")}, ): Promise<T>`;
  expect(inLines(long)).toBe(
    `make<T extends () => A, U>(\n${parameters.map((one) => `  ${one},\n`).join("")}): Promise<T>`,
  );
});
