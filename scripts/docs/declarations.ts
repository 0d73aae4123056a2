/** What the public entries declare, with their doc comments, read by TypeScript's own parser. */

import { dirname, join, relative } from "node:path";
import {
  type ClassDeclaration,
  type FunctionDeclaration,
  type InterfaceDeclaration,
  type Node,
  type SourceFile,
  SyntaxKind,
  type TypeElement,
} from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";
import { publicEntries } from "../checks/surface.ts";
import { type Doc, docOf } from "./doc-comment.ts";

export interface Member {
  readonly name: string;
  readonly kind: "property" | "method";
  readonly optional: boolean;
  /** Of a property its type, of a method how it is called; as the source has it, in one line. */
  readonly type: string;
  readonly doc: Doc;
}

export interface Declaration {
  readonly name: string;
  readonly kind: "interface" | "class" | "function" | "type" | "const";
  /** Relative to the project. */
  readonly file: string;
  readonly doc: Doc;
  /** Without the body; as the source has it. */
  readonly signature: string;
  /** Of an interface and a class, those of what it extends first. */
  readonly members: readonly Member[];
}

export interface Entry {
  /** `"sojourn/stores/redis"` */
  readonly specifier: string;
  readonly declarations: readonly Declaration[];
}

/** Reads every public entry of the project at `root`, and the defaults that the code gives to names. */
export function readDeclarations(root: string): {
  entries: Entry[];
  defaults: ReadonlyMap<string, readonly Defaults[]>;
} {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(root, "tsconfig.build.json")] }).getProjects();
    if (!project) throw new Error("tsconfig.build.json was not opened");
    const reader = new Reader(root, (file) => project.program.getSourceFile(join(root, file)));
    const entries = publicEntries(root).map(({ specifier, source }) => ({
      specifier,
      declarations: [...reader.exportsOf(source).values()].map((found) => reader.declare(found)),
    }));
    return { entries, defaults: reader.defaults };
  } finally {
    api.close();
  }
}

/** A statement, and by name the literals that it takes for options that are absent. */
export interface Defaults {
  readonly text: string;
  readonly taken: ReadonlyMap<string, string>;
}

/** A declaration where it stands. */
interface Found {
  readonly file: string;
  readonly name: string;
  readonly node: Node;
}

class Reader {
  readonly #root: string;
  readonly #open: (file: string) => SourceFile | undefined;
  readonly #exports = new Map<string, Map<string, Found>>();
  readonly #imports = new Map<string, Map<string, { from: string; name: string }>>();
  readonly #defaults = new Map<string, Defaults[]>();

  constructor(root: string, open: (file: string) => SourceFile | undefined) {
    this.#root = root;
    this.#open = open;
  }

  /** By file. */
  get defaults(): ReadonlyMap<string, readonly Defaults[]> {
    return this.#defaults;
  }

  /** What a file exports and passes on, by name, in the order of the source. */
  exportsOf(file: string): Map<string, Found> {
    this.#read(file);
    return this.#exports.get(file) as Map<string, Found>;
  }

  declare({ file, name, node }: Found): Declaration {
    const text = this.#textOf(file);
    const kinds: Record<number, Declaration["kind"]> = {
      [SyntaxKind.InterfaceDeclaration]: "interface",
      [SyntaxKind.ClassDeclaration]: "class",
      [SyntaxKind.FunctionDeclaration]: "function",
      [SyntaxKind.TypeAliasDeclaration]: "type",
    };
    const kind = kinds[node.kind] ?? "const";
    const start = node.getStart();
    const end = kind === "function" ? ((node as FunctionDeclaration).body?.pos ?? node.end) : node.end;
    return {
      name,
      kind,
      file,
      doc: docOf(text.slice(node.pos, start)),
      signature: text
        .slice(start, end)
        .replace(/^export (default )?/, "")
        .trim(),
      members: kind === "interface" || kind === "class" ? this.#membersOf(file, node as InterfaceDeclaration) : [],
    };
  }

  #membersOf(file: string, node: InterfaceDeclaration | ClassDeclaration): Member[] {
    const text = this.#textOf(file);
    const inherited = (node.heritageClauses ?? []).flatMap(({ types }) =>
      types.flatMap((type) => this.#inherited(file, text.slice(type.pos, type.end).trim())),
    );
    const own = [...(node.members as Iterable<TypeElement>)].flatMap((member) => this.#member(text, member));
    const names = new Set(own.map(({ name }) => name));
    return [...inherited.filter(({ name }) => !names.has(name)), ...own];
  }

  /** `Base`, `Base<T>`, `Pick<Base, "a" | "b">`, `Omit<Base, "a">`. Of types from elsewhere nothing is known. */
  #inherited(file: string, type: string): Member[] {
    const [, how, base = type, keys = ""] = /^(Pick|Omit)<([\s\S]*?),\s*((?:"\w+"[\s|]*)+),?\s*>$/.exec(type) ?? [];
    const found = this.#resolve(file, base.replace(/<[\s\S]*$/, "").trim());
    if (!found || found.node.kind !== SyntaxKind.InterfaceDeclaration) return [];
    const all = this.#membersOf(found.file, found.node as InterfaceDeclaration);
    const named = (member: Member): boolean => keys.includes(`"${member.name}"`);
    if (how === "Pick") return all.filter(named);
    return how === "Omit" ? all.filter((member) => !named(member)) : all;
  }

  #member(text: string, member: TypeElement): Member[] {
    const name = (member as { name?: { text?: string; kind: number } }).name;
    const start = member.getStart();
    const doc = docOf(text.slice(member.pos, start));
    if (name?.text === undefined || name.kind === SyntaxKind.PrivateIdentifier || doc.internal) return [];
    const { body, type, questionToken, postfixToken } = member as TypeElement & {
      body?: Node;
      type?: Node;
      questionToken?: Node;
      postfixToken?: Node;
    };
    const methods: readonly number[] = [SyntaxKind.MethodSignature, SyntaxKind.MethodDeclaration];
    const isMethod = methods.includes(member.kind);
    const isSetter = member.kind === SyntaxKind.SetAccessor;
    if (isSetter || member.kind === SyntaxKind.Constructor) return [];
    const signature = text.slice(start, body?.pos ?? member.end).replace(/^(?:async|readonly|static) /, "");
    const written = isMethod ? signature : type ? text.slice(type.pos, type.end) : "";
    return [
      {
        name: name.text,
        kind: isMethod ? "method" : "property",
        optional: (questionToken ?? postfixToken) !== undefined,
        type: written
          .replace(/\s*\/\/.*$/gm, "")
          .replace(/\s+/g, " ")
          .replace(/;\s*$/, "")
          .trim(),
        doc,
      },
    ];
  }

  /** A name as it is known in a file. */
  #resolve(file: string, name: string): Found | undefined {
    this.#read(file);
    const imported = this.#imports.get(file)?.get(name);
    if (imported) return this.#resolve(imported.from, imported.name);
    return this.#exports.get(file)?.get(name) ?? this.#hidden.get(file)?.get(name);
  }

  readonly #hidden = new Map<string, Map<string, Found>>();

  #read(file: string): void {
    if (this.#exports.has(file)) return;
    const source = this.#open(file);
    if (!source) throw new Error(`${file} is not part of tsconfig.build.json`);
    const [exported, hidden, imports] = [new Map(), new Map(), new Map()];
    this.#exports.set(file, exported);
    this.#hidden.set(file, hidden);
    this.#imports.set(file, imports);
    this.#defaults.set(file, defaultsOf(source));
    const fileOf = (specifier: string): string => relative(this.#root, join(this.#root, dirname(file), specifier));
    for (const node of source.statements as Iterable<Node & Statement>) {
      const from = node.moduleSpecifier?.text;
      const names = node.exportClause?.elements ?? node.importClause?.namedBindings?.elements ?? [];
      for (const { name, propertyName } of names) {
        const there = (propertyName ?? name).text;
        if (node.importClause && from?.startsWith(".")) imports.set(name.text, { from: fileOf(from), name: there });
        if (!node.exportClause) continue;
        const found = from?.startsWith(".") ? this.exportsOf(fileOf(from)).get(there) : this.#resolve(file, there);
        if (found) exported.set(name.text, found);
      }
      const isExported = node.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword);
      const declared = node.declarationList?.declarations ?? [node as Named];
      for (const { name } of declared) {
        if (name?.text !== undefined && !node.exportClause && !node.importClause)
          (isExported ? exported : hidden).set(name.text, { file, name: name.text, node });
      }
    }
  }

  #textOf(file: string): string {
    return (this.#open(file) as SourceFile).text;
  }
}

/** What the statements of a file may have, as far as it is looked at here. */
interface Statement {
  readonly moduleSpecifier?: { readonly text: string };
  readonly exportClause?: { readonly elements?: readonly Specifier[] };
  readonly importClause?: { readonly namedBindings?: { readonly elements?: readonly Specifier[] } };
  readonly modifiers?: readonly Node[];
  readonly declarationList?: { readonly declarations: readonly Named[] };
}

interface Named {
  readonly name?: { readonly text?: string };
}

interface Specifier {
  readonly name: { readonly text: string };
  readonly propertyName?: { readonly text: string };
}

/** `{ prefix = "sojourn:" }` and `options.prefix ?? "sojourn:"`: the literals that the code takes for options that are absent. */
function defaultsOf(source: SourceFile): Defaults[] {
  const literal = /^(?:"[^"]*"|\d[\d_]*|true|false|Date\.now|Math\.random)$/;
  return [...(source.statements as Iterable<Node>)].flatMap((statement) => {
    const text = source.text.slice(statement.pos, statement.end);
    const taken = [
      ...[...text.matchAll(/\bconst \{([^}]*=[^}]*)\} =\s+\w*[oO]ptions\b/g)].flatMap(([, pattern]) => [
        ...(pattern as string).matchAll(/(\w+)(?:: \w+)? = ([^,]+)/g),
      ]),
      ...text.matchAll(/\boptions\.(\w+) \?\? ([^\s;,)]+)/g),
      ...text.matchAll(/\boneOf\("(\w+)", options\.\w+, \[([^,\]]+)/g),
    ].flatMap(([, name = "", value = ""]) => {
      const plain = value.trim();
      return literal.test(plain) ? [[name, /^\d/.test(plain) ? plain.replaceAll("_", "") : plain] as const] : [];
    });
    return taken.length === 0 ? [] : [{ text, taken: new Map(taken) }];
  });
}
