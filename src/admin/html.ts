/** HTML as text: what is put in is escaped, so that no value from outside becomes markup. */

/** Markup that was made here. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  /** Whether a value is markup; an object from outside that looks like it is not. */
  static is(value: unknown): value is Html {
    return typeof value === "object" && value !== null && #text in value;
  }
}

type Value = Html | string | number | undefined | false | readonly Html[];

/** A template whose values are escaped, unless they are {@link Html}. `undefined` and `false` are nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.map((part, at) => part + (at < values.length ? textOf(values[at]) : "")).join(""));
}

function textOf(value: Value): string {
  if (value === undefined || value === false) return "";
  if (Html.is(value)) return value.text;
  if (typeof value === "object") return value.map(textOf).join("");
  return escaped(String(value));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What steers text in another direction would let a name look like another one. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => entities[character] as string)
    .replace(/[\0-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
