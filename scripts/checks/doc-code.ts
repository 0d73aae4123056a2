/**
 * The TypeScript in the documentation compiles: every ```ts block of README.md, docs/ and the doc comments of src.
 *
 * A block stands on its own, as a reader would paste it. ```ts continued goes on where the block before it in the
 * same file ended. ```ts ignore: why is left out, and needs the reason. A block under a line such as "`app/page.tsx`:" is
 * that file: the page's other files import it by its path.
 */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Check, filesBelow, lines, run } from "../lib.ts";

/** A piece of documentation that is a program, kept on the lines where the file has it. */
export interface Program {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  /** The path that the page gives it, `app/page.tsx`. Absent when it stands on its own. */
  readonly name?: string;
}

const scratch = ".cache/doc-code";

export const docCode: Check = {
  name: "doc-code",
  about: "every ```ts block in README.md, docs/ and the doc comments of src compiles against src",
  async run(root) {
    const { programs, problems } = programsBelow(root);
    const directory = join(root, scratch);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    const names = new Map<string, string>();
    programs.forEach((program, index) => {
      // src/attached.ts comes first, so that what it declares of Express wins over @types/express-session, whatever else there is.
      const order = `${program.file.startsWith("src/") ? 0 : 1}${String(index).padStart(5, "0")}`;
      const page = program.file.replace(/[^A-Za-z0-9]+/g, "-");
      const folder = isBundled(program) ? "bundled" : "node";
      const name = join(folder, program.name ? join(page, program.name) : `${order}-${page}.ts`);
      names.set(name, program.file);
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), `${program.code}\nexport {};\n`);
    });
    const told = await Promise.all(
      Object.entries({ node: {}, bundled: { module: "preserve", moduleResolution: "bundler" } }).map(
        async ([folder, options]) => {
          if (!existsSync(join(directory, folder))) return [];
          const config = join(directory, `${folder}.json`);
          writeFileSync(config, JSON.stringify(configOf(folder, options)));
          const { code, output } = await run("tsc", ["-p", config, "--pretty", "false"], { cwd: directory });
          return code === 0 ? [] : lines(output);
        },
      ),
    );
    return [...problems, ...told.flat().map(onItsPage)];

    /** Of a page whose files a bundler takes: with one .tsx, they import one another without extensions. */
    function isBundled({ file, name }: Program): boolean {
      return (
        name !== undefined && programs.some((other) => other.file === file && other.name?.endsWith(".tsx") === true)
      );
    }

    function onItsPage(line: string): string {
      const [, name, at, rest] = line.match(/^([^\s(]+)\((\d+),\d+\): (?:error )?(.*)$/) ?? [];
      const file = name && names.get(name);
      return file ? `${file}:${at}: ${rest}` : line;
    }
  },
};

function configOf(folder: string, options: object): object {
  const unused = { noUnusedLocals: false, noUnusedParameters: false, noImplicitReturns: false };
  return {
    extends: "../../tsconfig.json",
    compilerOptions: { ...unused, ...options },
    // First, whatever the programs are called: of two that declare req.session, the one in node_modules may come second.
    files: ["../../src/attached.ts"],
    include: [`${folder}/**/*.ts`, `${folder}/**/*.tsx`],
    exclude: [],
  };
}

/** The programs in the documentation of a tree, and what is wrong with the fences themselves. */
export function programsBelow(root: string): { programs: Program[]; problems: string[] } {
  const programs: Program[] = [];
  const problems: string[] = [];
  const pages = [
    ...["README.md", "CONTRIBUTING.md"].filter((page) => existsSync(join(root, page))),
    // The reference is made from doc comments, which are compiled themselves.
    ...filesBelow(root, "docs", ".md").filter((page) => !page.startsWith("docs/reference/")),
  ];
  const extract = (file: string, text: readonly string[]): void => {
    for (const found of blocksOf(text)) {
      if (!/^(ts|typescript|tsx)$/.test(found.language)) continue;
      const before = programs.findLast((program) => program.file === file);
      if (found.mark.startsWith("ignore")) {
        if (!/^ignore: \S/.test(found.mark))
          problems.push(`${file}:${found.line}: \`\`\`ts ignore needs a reason: \`\`\`ts ignore: why`);
      } else if (found.mark === "continued" && before) {
        const gap = found.line - before.code.split("\n").length;
        programs[programs.indexOf(before)] = { ...before, code: before.code + "\n".repeat(gap + 1) + found.code };
      } else if (found.mark === "") {
        const program = { file, line: found.line, code: "\n".repeat(found.line) + found.code };
        const isTaken = programs.some(({ file: page, name }) => page === file && name === found.name);
        programs.push(found.name && !isTaken ? { ...program, name: found.name } : program);
      } else {
        problems.push(
          `${file}:${found.line}: a block is \`\`\`ts, \`\`\`ts continued (after another) or \`\`\`ts ignore: why`,
        );
      }
    }
  };
  for (const page of pages) extract(page, readFileSync(join(root, page), "utf8").split("\n"));
  for (const file of filesBelow(root, "src", ".ts")) extract(file, commentsOf(readFileSync(join(root, file), "utf8")));
  return { programs, problems };
}

/** The text of the doc comments on the lines where they are; code is blank. */
function commentsOf(text: string): string[] {
  let inside = false;
  return text.split("\n").map((line) => {
    if (/^\s*\/\*\*/.test(line)) inside = true;
    const kept = inside ? line.replace(/^\s*(\/\*\*|\*\/|\*) ?/, "").replace(/\*\/\s*$/, "") : "";
    if (line.includes("*/")) inside = false;
    return kept;
  });
}

/** A fenced block of a page. */
export interface Block {
  /** Of its fence, from 1. */
  readonly line: number;
  /** `"ts"`, `"sh"`; empty where the fence says none. */
  readonly language: string;
  /** What the fence says behind the language. */
  readonly mark: string;
  readonly code: string;
  /** The file that the line above calls it: "`app.ts`:", "`app.ts`, the whole server:". */
  readonly name: string | undefined;
}

/** The fenced blocks of a page. Fences may be indented. */
export function blocksOf(text: readonly string[]): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const [, indent, ticks, info] = text[at]?.match(/^(\s*)(`{3,})(.*)$/) ?? [];
    if (indent === undefined || ticks === undefined) continue;
    const end = text.findIndex((line, index) => index > at && line.trim() === ticks);
    const stop = end === -1 ? text.length : end;
    const [, language = "", mark = ""] = info?.trim().match(/^(\S*)\s*(.*)$/) ?? [];
    const code = text.slice(at + 1, stop).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const above = text.slice(0, at).findLast((line) => line.trim() !== "");
    const [, name] = above?.match(/^`([^`\s]+\.[a-z]+)`.*:$/) ?? [];
    blocks.push({ line: at + 1, language, mark, code: code.join("\n"), name });
    at = stop;
  }
  return blocks;
}
