/** The entries of a JSON object as they stand in its text, so that unchanged ones can be written back as they were. */

/** The raw text of each top-level value, by key. Throws a `SyntaxError` when the text is no JSON object. */
export function entriesIn(text: string): Map<string, string> {
  const entries = new Map<string, string>();
  let at = skipSpace(text, 0);
  if (text[at] !== "{") throw new SyntaxError("not a JSON object");
  at = skipSpace(text, at + 1);
  if (text[at] === "}") return entries;
  for (;;) {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const colon = skipSpace(text, keyEnd);
    if (text[colon] !== ":") throw new SyntaxError("not a JSON object");
    const start = skipSpace(text, colon + 1);
    const end = endOfValue(text, start);
    entries.set(key, text.slice(start, end));
    at = skipSpace(text, end);
    if (text[at] === "}") return entries;
    if (text[at] !== ",") throw new SyntaxError("not a JSON object");
    at = skipSpace(text, at + 1);
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (" \t\n\r".includes(text[at] ?? "x")) at++;
  return at;
}

function endOfString(text: string, from: number): number {
  if (text[from] !== '"') throw new SyntaxError("not a JSON object");
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  throw new SyntaxError("not a JSON object");
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const one = text[at] as string;
    if (one === '"') at = endOfString(text, at) - 1;
    else if (one === "{" || one === "[") depth++;
    else if (depth > 0 && (one === "}" || one === "]")) depth--;
    else if (depth === 0 && ",} \t\n\r".includes(one)) return at;
  }
  throw new SyntaxError("not a JSON object");
}
