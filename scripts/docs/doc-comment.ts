/** A doc comment, taken apart. */

export interface Doc {
  /** The text before the first tag, as Markdown, without what it says of the default. */
  readonly text: string;
  /** What it says after "Default", such as `` `"1h"` ``; `undefined` if it says nothing. */
  readonly byDefault: string | undefined;
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly returns: string | undefined;
  readonly throws: string | undefined;
  /** Markdown with a block of code. */
  readonly examples: readonly string[];
  readonly internal: boolean;
}

/** Reads the last doc comment of a text, which is what stands before a declaration. */
export function docOf(before: string): Doc {
  const comments = [...before.matchAll(/\/\*\*([\s\S]*?)\*\//g)];
  const lines = (comments.at(-1)?.[1] ?? "").split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
  const [first = "", ...tags] = lines.join("\n").split(/^(?=@\w+)/m);
  const all = (tag: string): string[] =>
    tags.filter((text) => new RegExp(`^@${tag}\\b`).test(text)).map((text) => inWords(text.replace(/^@\w+[ \t]*/, "")));
  const { text, byDefault } = apart(inWords(first));
  return {
    text,
    byDefault,
    params: all("param").map((param) => {
      const [, name = "", said = ""] = /^(\S+)\s*([\s\S]*)$/.exec(param) ?? [];
      return { name, text: said };
    }),
    returns: all("returns")[0],
    throws: all("throws").join(" ") || undefined,
    examples: all("example"),
    internal: /^(?:@internal\b|For adapters: )/m.test(lines.join("\n").trimStart()),
  };
}

/** Links between declarations are names here. */
function inWords(text: string): string {
  return text.replace(/\{@link (?:[\w.]+\s*\|\s*)?([\w.]+)\}/g, "`$1`").trim();
}

/** Splits off the sentence that begins with "Default", and `` `"report"` (default) ``. */
function apart(text: string): { text: string; byDefault: string | undefined } {
  const [sentence, said] =
    /(?:^|(?<=[.;:)]\s))Default(?:s to|:)?\s+((?:`[^`]*`|\([^)]*\)|[^`.]|\.(?!\s|$))*)(?:\.(?=\s|$)|$)/.exec(text) ??
    [];
  if (sentence !== undefined && said !== undefined) {
    const rest = text
      .replace(sentence, "")
      .replace(/[ \t]{2,}/g, " ")
      .trim();
    return { text: rest, byDefault: said.replace(/\s+/g, " ").trim() };
  }
  // `"report"` (default); at most a week, default `"10m"`.
  const [, marked, named] = /(`[^`]+`)\s+\(default\b|, default (`[^`]+`|\d[\d, _]*\d|\d)/.exec(text) ?? [];
  return { text, byDefault: marked ?? named };
}
