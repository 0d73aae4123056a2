/** HTML from templates: what is put in is escaped, unless it is HTML itself. */

/** A piece of HTML. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template. Lists are joined; `false` and `undefined` are nothing. */
type Part = Html | string | number | false | undefined | readonly Html[];

/** A template: `` html`<p>${text}</p>` ``. */
export function html(texts: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(texts.map((text, at) => text + show(parts[at])).join(""));
}

function show(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.toString();
  if (typeof part === "object") return part.join("");
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
