/** The pages of docs/reference, made from the doc comments. `npm run docs:reference` writes them. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { cliPage } from "./cli.ts";
import { type Declaration, type Entry, type Member, readDeclarations } from "./declarations.ts";
import { wrongDefaults } from "./defaults.ts";
import { inLines } from "./signature.ts";
import { table } from "./table.ts";

export interface ReferencePage {
  /** Relative to the project. */
  readonly file: string;
  readonly text: string;
}

/** The objects on the page of options, in its order: what takes them, and their name. */
const optionObjects: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    "The application",
    [
      ["createSessions(options)", "SessionOptions"],
      ["cookie", "CookieOptions"],
      ["limit", "SessionLimit"],
    ],
  ],
  [
    "The methods of a session",
    [
      ["session.login(subject, options)", "LoginOptions"],
      ["session.login(subject, { external })", "ExternalLogin"],
      ["session.logout(options)", "LogoutOptions"],
      ["session.impersonate(subject, options)", "ImpersonateOptions"],
      ["session.requireFresh(options)", "FreshnessOptions"],
      ["session.confirm(options)", "ConfirmOptions"],
    ],
  ],
  [
    "The methods of sessions",
    [
      ["sessions.list(subject, options)", "ListOptions"],
      ["sessions.revoke(subject, options)", "RevokeOptions"],
      ["sessions.revokeExternal(login)", "ExternalRevocation"],
    ],
  ],
  [
    "Options that are made by a function",
    [
      ["everybody(options)", "EverybodyOptions"],
      ["deviceBound(options)", "DeviceBoundOptions"],
    ],
  ],
];

/** Entries with a page of their own kind; all others are on the page of modules. */
const kinds = [
  {
    file: "stores.md",
    prefix: "sojourn/stores/",
    title: "Options of the stores",
    intro:
      "Each store is a function from its own import. [The stores](../stores/README.md) says what each can promise; its own page shows how to set it up.",
    page: (name: string) => `../stores/${name}.md`,
  },
  {
    file: "frameworks.md",
    prefix: "sojourn/frameworks/",
    title: "Functions of the frameworks",
    intro:
      "Each framework has its own import. [The frameworks](../frameworks/README.md) shows how each is mounted; this page lists what each exports.",
    page: (name: string) => `../frameworks/${name}.md`,
  },
  {
    file: "migration.md",
    prefix: "sojourn/adopt",
    title: "Functions that adopt other sessions",
    intro:
      "For the option `adopt`: sessions of another library continue, and users stay logged in. [The guides](../migration/README.md) show each.",
    page: (name: string) => `../migration/${name}.md`,
  },
  {
    file: "flask.md",
    prefix: "sojourn/flask",
    title: "Functions for Flask",
    intro: "For sessions that are shared with [Flask and Flask-Session](../flask/README.md).",
    page: () => "../flask/README.md",
  },
  {
    file: "express-session.md",
    prefix: "sojourn/express-session",
    title: "Functions for express-session",
    intro: "For sessions that are shared with, or adopted from, [express-session](../express-session/README.md).",
    page: () => "../express-session/README.md",
  },
  {
    file: "testing.md",
    prefix: "sojourn/testing",
    title: "Functions for tests",
    intro:
      "`sojourn/testing`: suites that prove a store or an adapter. [Extending](../extending.md) shows how they are run.",
    page: () => "../extending.md",
  },
];

const note =
  "<!-- Made from the doc comments and declarations in src by `npm run docs:reference`. Change them there. -->";

/** Every page as it should be, and options of which no page says what happens without them. */
export async function makeReference(root: string): Promise<{ pages: ReferencePage[]; problems: string[] }> {
  const { entries, defaults } = readDeclarations(root);
  const all = new Map(entries.flatMap(({ declarations }) => declarations.map((one) => [one.name, one] as const)));
  const main = entries.find(({ specifier }) => specifier === "sojourn");
  const named = (name: string): Declaration => {
    // The package's own names come first: sojourn/express-session has SessionOptions, too.
    const found = main?.declarations.find((one) => one.name === name) ?? all.get(name);
    if (!found) throw new Error(`scripts/docs/reference.ts: no entry exports ${name}`);
    return found;
  };
  const page = (file: string, ...parts: readonly string[]): ReferencePage => ({
    file: `docs/reference/${file}`,
    text: `${parts
      .filter((part) => part !== "")
      .join("\n\n")
      .trim()}\n`,
  });
  const rest = entries.filter(
    ({ specifier }) => specifier !== "sojourn" && !kinds.some(({ prefix }) => specifier.startsWith(prefix)),
  );
  const pages = [
    page("options.md", "# Options", note, optionsIntro, ...optionsPage(named)),
    page("session.md", "# Session", note, ...typePage(named("Session"))),
    page("sessions.md", "# Sessions", note, ...typePage(named("Sessions")), ...typePage(named("SessionInfo"), "## ")),
    page("events.md", "# Events", note, eventsIntro, ...eventsPage(named)),
    page("tokens.md", "# Tokens, formats and secrets", note, ...tokenPage(main?.declarations ?? [])),
    ...kinds.map(({ file, prefix, title, intro, page: pageOf }) =>
      page(
        file,
        `# ${title}`,
        note,
        intro,
        ...entries
          .filter(({ specifier }) => specifier.startsWith(prefix))
          .map((entry) => entryPart(root, entry, pageOf)),
      ),
    ),
    page("cli.md", "# Commands", note, ...(await cliPage(root))),
    page("modules.md", "# Other imports", note, modulesIntro, ...rest.map((entry) => entryPart(root, entry))),
  ];
  return { pages, problems: wrongDefaults(entries, defaults) };
}

const optionsIntro = `Every option of \`createSessions\` and of the methods of a session. All are optional unless marked as required. A
duration is a text such as \`"30s"\`, \`"15m"\`, \`"12h"\` or \`"30d"\`, or a number of **seconds**. A wrong value, a name that
does not exist or an unsafe combination is a \`TypeError\` when you start.

Options of [stores](stores.md), [frameworks](frameworks.md) and [other imports](modules.md) have pages of their own.`;

const eventsIntro = `\`sessions.on(listener)\` gets an event for each change of a session, with a public handle instead of the
id. [Metrics, traces and what goes wrong](../observability.md) shows what to do with them.`;

const modulesIntro = "What the other imports export: functions first, each with its options.";

function optionsPage(named: (name: string) => Declaration): string[] {
  return optionObjects.flatMap(([title, objects]) => [
    `## ${title}`,
    ...objects.flatMap(([call, name]) => {
      const declaration = named(name);
      return [
        `### \`${call}\``,
        declaration.doc.text,
        optionTable(declaration.members, name === "SessionOptions" ? "" : `${call.replace(/\(.*/, "")}.`),
        ...examplesOf(declaration),
      ];
    }),
  ]);
}

/** A row for each option; the name is a target for links. */
function optionTable(members: readonly Member[], prefix: string): string {
  if (members.length === 0) return "";
  const rows = members.map(({ name, optional, type, doc, kind }) => {
    const shown = kind === "method" ? type : type.replace(/ \| undefined$/, "");
    const byDefault = optional ? (doc.byDefault ?? "") : "required";
    return [`<a id="${prefix}${name}"></a>\`${name}\`<br>${code(shown)}`, cell(byDefault), cell(doc.text)];
  });
  return table(["option", "default", "what it does"], rows);
}

const cell = (text: string): string =>
  text
    .replace(/\n- /g, "<br>• ")
    .replace(/\n\n/g, "<br><br>")
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|")
    .trim();

const code = (text: string): string => (text === "" ? "" : `\`${text.replaceAll("|", "\\|")}\``);

function examplesOf({ members }: Declaration): string[] {
  return members.flatMap(({ name, doc }) => doc.examples.map((example) => `\`${name}\`, for example:\n\n${example}`));
}

/** A type with a heading for each member. */
function typePage({ name, doc, members }: Declaration, level = ""): string[] {
  const methods = members.filter(({ kind }) => kind === "method");
  const properties = members.filter(({ kind }) => kind === "property");
  const deeper = level === "" ? "##" : "###";
  const seen = new Set<string>();
  return [
    level === "" ? "" : `${level}${name}`,
    doc.text,
    ...doc.examples,
    ...(properties.length > 0 && level === "" ? ["## Properties"] : []),
    properties.length > 0
      ? table(
          ["property", "what it is"],
          properties.map((one) => [
            `<a id="${name}.${one.name}"></a>\`${one.name}\`<br>${code(one.type)}`,
            cell([one.doc.text, one.doc.byDefault && `Default ${one.doc.byDefault}.`].filter(Boolean).join(" ")),
          ]),
        )
      : "",
    ...(methods.length > 0 && level === "" ? ["## Methods"] : []),
    ...methods.flatMap((method) => {
      const isFirst = !seen.has(method.name);
      seen.add(method.name);
      return [isFirst ? `${deeper}# ${method.name}` : "", ...callOf(method.type, method.doc)];
    }),
  ];
}

/** How a function is called, what it does, and an example. */
function callOf(signature: string, doc: Declaration["doc"]): string[] {
  return [
    `\`\`\`ts\n${inLines(signature)}\n\`\`\``,
    doc.text,
    doc.params.length === 0
      ? ""
      : doc.params.map(({ name, text }) => `- \`${name}\`: ${text.replace(/\s*\n\s*/g, " ")}`).join("\n"),
    doc.returns === undefined ? "" : `**Returns** ${lower(doc.returns)}`,
    doc.throws === undefined ? "" : `**Throws** ${doc.throws.replace(/\b(ERR_SESSION_[A-Z_]+)\b/g, "$1")}`,
    ...doc.examples,
  ];
}

const lower = (text: string): string => text.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());

function eventsPage(named: (name: string) => Declaration): string[] {
  const type = named("SessionEventType");
  const [intro = "", ...lines] = type.doc.text.split(/^- /m);
  const rows = lines.flatMap((line) => {
    const text = line.replace(/\s*\n\s*/g, " ");
    // "`a`: one. `b`: two." and "`a`, `b`: both."
    return text.split(/(?<=\. )(?=`\w+`: )/).flatMap((part) => {
      const [, names = "", said = ""] = /^((?:`\w+`(?:, )?)+): (.*)$/.exec(part.trim()) ?? [];
      return [...names.matchAll(/`(\w+)`/g)].map(([, name]) => [`<a id="${name}"></a>\`${name}\``, cell(said)]);
    });
  });
  return [
    "## Types of events",
    intro.trim(),
    table(["type", "when"], rows),
    ...typePage(named("SessionEvent"), "## "),
    "## Diagnostics channels",
    "Where the runtime has `node:diagnostics_channel`, each call of the store, load, save and renewal is a message, for traces. What is in them:",
    ...["EventMessage", "LoadMessage", "SaveMessage", "RenewMessage", "StoreMessage"].flatMap((name) =>
      typePage(named(name), "### "),
    ),
  ];
}

function tokenPage(declarations: readonly Declaration[]): string[] {
  const functions = declarations.filter(({ kind, name }) => kind === "function" && name !== "createSessions");
  const types = ["Secrets", "TokenFormat", "Format", "IdScheme", "Store", "StoreCapabilities"];
  return [
    "What `createSessions` takes for its options `token`, `format` and `ids`, and the types for your own store or format.",
    ...functions.flatMap((one) => [
      `## ${one.name}`,
      ...callOf(one.signature.replace(/^(?:async )?function /, ""), one.doc),
    ]),
    ...types.flatMap((name) => declarations.filter((one) => one.name === name)).flatMap((one) => typePart(one)),
  ];
}

function typePart(one: Declaration): string[] {
  if (one.members.length > 0) return typePage(one, "## ");
  return [`## ${one.name}`, `\`\`\`ts\n${one.signature}\n\`\`\``, one.doc.text];
}

/** Functions of an entry with the options that they take, and classes by their methods. */
function entryPart(root: string, { specifier, declarations }: Entry, pageOf?: (name: string) => string): string {
  const own = declarations.filter(({ kind }) => kind === "function" || kind === "class" || kind === "const");
  const page = pageOf?.(specifier.split("/").slice(2).join("/"));
  const link =
    page !== undefined && existsSync(join(root, "docs/reference", page))
      ? `How to set it up: [${page.replace(/^\.\.\/|\.md$/g, "").replace(/\/README$/, "")}](${page}).`
      : "";
  const parts = own.flatMap((one) => {
    const options = objectsOf(one.signature, declarations);
    const signature = one.kind === "class" ? `class ${one.name}` : one.signature.replace(/^(?:async )?function /, "");
    return [
      `### ${one.name}`,
      ...(one.kind === "const" ? [one.doc.text] : callOf(signature, one.doc)),
      ...options.flatMap(({ name, members, doc }, at) => [
        at === 0 ? "" : `\`${name}\`: ${doc.text}`,
        optionTable(members, `${one.name}.${at === 0 ? "" : `${name}.`}`),
      ]),
      ...(one.kind === "class" ? typePage(one, "#### ").slice(3) : []),
    ];
  });
  if (parts.length === 0) return "";
  return [`## \`${specifier}\``, link, ...parts].filter((part) => part !== "").join("\n\n");
}

/** The plain objects that a signature names, and those that their members name; what has methods is a client, not options. */
function objectsOf(text: string, declarations: readonly Declaration[], seen = new Set<string>()): Declaration[] {
  const found = declarations.filter(
    ({ kind, name, members }) =>
      kind === "interface" &&
      !seen.has(name) &&
      members.length > 0 &&
      members.every((member) => member.kind === "property") &&
      new RegExp(`\\b${name}\\b`).test(text.replace(/\):[^)]*$/, ")")),
  );
  for (const { name } of found) seen.add(name);
  return found.flatMap((one) => [
    one,
    ...(/Options$/.test(one.name) ? one.members : []).flatMap(({ type }) => objectsOf(`(${type})`, declarations, seen)),
  ]);
}
