/** Which part takes which key. */

import { wrongArgument } from "../core/contracts/errors.ts";

/**
 * The keys that a part takes: a list; all that are included and not excluded; all except those excluded; or `"rest"`,
 * whatever no other part takes.
 */
export type Fields<Key extends string = string> =
  | readonly Key[]
  | { readonly include?: readonly Key[] | undefined; readonly exclude?: readonly Key[] | undefined }
  | "rest";

/** Gives each key to the number of its part. */
export class Routes {
  readonly #names: readonly string[];
  readonly #listed = new Map<string, number>();
  /** The part that takes all but these. */
  #except: { readonly part: number; readonly keys: ReadonlySet<string> } | undefined;
  #rest: number | undefined;

  /** Throws a `TypeError` where two parts take one key. */
  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#names = Object.keys(fields);
    for (const [part, name] of this.#names.entries()) this.#add(part, `parts.${name}.fields`, fields[name]);
    const { part, keys } = this.#except ?? {};
    for (const [key, other] of this.#listed) {
      if (part !== undefined && keys?.has(key) === false) throw this.#twice(key, other, part);
    }
  }

  /** The part that takes a key; `undefined` when none does. */
  partOf(key: string): number | undefined {
    const listed = this.#listed.get(key);
    if (listed !== undefined) return listed;
    return this.#except?.keys.has(key) === false ? this.#except.part : this.#rest;
  }

  /** The same; a `TypeError` when none does. */
  needed(key: string): number {
    const part = this.partOf(key);
    if (part !== undefined) return part;
    throw new TypeError(`session.data: no part takes the key "${key.slice(0, 40)}"; give it to one of ${this.#all()}`);
  }

  #add(part: number, at: string, fields: unknown): void {
    if (fields === "rest") {
      if (this.#rest !== undefined)
        throw new TypeError(`${at} must not be "rest": parts.${this.#names[this.#rest]} takes the rest already`);
      this.#rest = part;
      return;
    }
    const takes = 'a list of keys such as ["cart"], { include } or { exclude } with such lists, or "rest"';
    if (typeof fields !== "object" || fields === null) throw wrongArgument(at, takes, fields);
    const { include, exclude, ...others } = (Array.isArray(fields) ? { include: fields } : fields) as {
      include?: unknown;
      exclude?: unknown;
    };
    if (Object.keys(others).length > 0 || (include === undefined && exclude === undefined))
      throw wrongArgument(at, takes, fields);
    const left = new Set(exclude === undefined ? [] : keysOf(`${at}.exclude`, exclude));
    if (include !== undefined) {
      for (const key of keysOf(Array.isArray(fields) ? at : `${at}.include`, include)) {
        if (left.has(key)) continue;
        const other = this.#listed.get(key);
        if (other !== undefined && other !== part) throw this.#twice(key, other, part);
        this.#listed.set(key, part);
      }
      return;
    }
    if (this.#except) {
      const other = this.#names[this.#except.part];
      throw new TypeError(`${at} must not take all but some keys: parts.${other} does so already; one of them can`);
    }
    this.#except = { part, keys: left };
  }

  #twice(key: string, one: number, other: number): TypeError {
    const [first, second] = [Math.min(one, other), Math.max(one, other)].map((part) => this.#names[part]);
    return new TypeError(`parts.${second}.fields takes the key "${key.slice(0, 40)}", which parts.${first} takes too`);
  }

  #all(): string {
    return this.#names.map((name) => `parts.${name}.fields`).join(", ");
  }
}

function keysOf(at: string, keys: unknown): readonly string[] {
  if (Array.isArray(keys) && keys.every((key) => typeof key === "string")) return keys;
  throw wrongArgument(at, 'a list of keys, such as ["cart", "total"]', keys);
}
