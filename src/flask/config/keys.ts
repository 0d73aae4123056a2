/** The keys as they were given: each read as its type, with a note of what it led to. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { isError, received } from "../../core/contracts/errors.ts";
import { inWords, parseDuration } from "../../core/options/duration.ts";

/** The effect of one key. Contains no secret: of a client only its kind, of a URL only its target. */
export interface ExplainedKey {
  /** `"SESSION_TYPE"`, `"SESSION_CONFIG[0].cookie_name"` */
  readonly key: string;
  /** What counts, in words. */
  readonly value: string;
  /** Whether it was given, is the default, or was given and counts for nothing. */
  readonly from: "given" | "default" | "ignored";
  /** Why, where it needs one. */
  readonly note?: string | undefined;
}

/** Where a store is: at a URL, or through a client that was given. */
export type Place =
  | { readonly url: string; readonly client?: undefined }
  | { readonly client: object; readonly url?: undefined };

/** Reads keys of an object or the environment, where every value is text. `null` and empty text are as if they were not there. */
export class Keys {
  readonly rows: ExplainedKey[] = [];
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #label: string;
  readonly #prefix: string;
  readonly #read = new Set<string>();

  /**
   * @param prefix In front of every name where it is looked up: `"FLASK_"`.
   * @param label In front of every name in messages: `"SESSION_CONFIG[0]."`.
   */
  constructor(given: object, prefix = "", label = "") {
    this.#given = given as Readonly<Record<string, unknown>>;
    this.#prefix = prefix;
    this.#label = label;
  }

  has(name: string): boolean {
    return this.#take(name) !== undefined;
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#take(name);
    if (value === undefined) return this.#is(name, otherwise, "default");
    if (typeof value === "boolean") return this.#is(name, value);
    const word = typeof value === "string" ? value.trim().toLowerCase() : value;
    if (["true", "1", "yes", "on", 1].includes(word as string)) return this.#is(name, true);
    if (["false", "0", "no", "off", 0].includes(word as string)) return this.#is(name, false);
    throw this.wrong(name, "true or false", value);
  }

  /** A whole number. */
  count(name: string, least: number, most: number): number | undefined;
  count(name: string, least: number, most: number, otherwise: number): number;
  count(name: string, least: number, most: number, otherwise?: number): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return otherwise === undefined ? undefined : this.#is(name, otherwise, "default");
    const number = typeof value === "string" && /^\s*-?\d{1,15}\s*$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(number) && (number as number) >= least && (number as number) <= most)
      return this.#is(name, number as number);
    throw this.wrong(name, `a whole number from ${least} to ${most}`, value);
  }

  /** In whole seconds, as Python's programs cut it. */
  seconds(name: string, otherwise: number, most?: number): number;
  seconds(name: string): number | undefined;
  seconds(name: string, otherwise?: number, most: number = 400 * 86_400): number | undefined {
    const value = this.#take(name);
    if (value === undefined) {
      if (otherwise !== undefined) this.note(name, inWords(otherwise * 1000), "default");
      return otherwise;
    }
    const ms = typeof value === "string" ? textDuration(value.trim()) : parseDuration(value);
    const seconds = Math.floor((ms ?? Number.NaN) / 1000);
    if (seconds >= 1 && seconds <= most) {
      this.note(name, inWords(seconds * 1000));
      return seconds;
    }
    throw this.wrong(
      name,
      `seconds, a text like "31d", or one of Python's like "31 days, 0:00:00"; 1 s to ${inWords(most * 1000)}`,
      value,
    );
  }

  word<Word extends string>(name: string, words: readonly Word[], otherwise: Word): Word {
    const value = this.#take(name);
    if (value === undefined) return this.#is(name, otherwise, "default");
    const word = words.find((one) => typeof value === "string" && one === value.trim().toLowerCase());
    if (word !== undefined) return this.#is(name, word);
    throw this.wrong(name, list(words), value);
  }

  text(name: string): string | undefined;
  text(name: string, otherwise: string): string;
  text(name: string, otherwise?: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined) return otherwise === undefined ? undefined : this.#is(name, otherwise, "default");
    if (typeof value !== "string") throw this.wrong(name, "a text", value);
    this.#is(name, value.includes("://") ? withoutSecrets(value) : value);
    return value;
  }

  secret(name: string): string | Uint8Array | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value === "string" || isBytes(value)) {
      this.note(name, "a secret");
      return value;
    }
    throw this.wrong(name, "a text or bytes", value);
  }

  /** A list, or in the environment one in JSON, or one secret. */
  secrets(name: string): readonly (string | Uint8Array)[] {
    const value = this.#take(name);
    if (value === undefined) return [];
    const all = typeof value === "string" ? (listIn(value) ?? [value]) : value;
    const fits = (one: unknown): boolean => (typeof one === "string" || isBytes(one)) && one.length > 0;
    if (!Array.isArray(all) || !all.every(fits))
      throw this.wrong(name, "a list of texts, in the environment in JSON", value);
    this.note(name, all.length === 1 ? "a secret" : `${all.length} secrets`);
    return all;
  }

  /** Whatever it is; nothing is noted. */
  any(name: string): unknown {
    return this.#take(name);
  }

  /** A client, or a URL to one. */
  place(name: string, otherwise: string): Place;
  place(name: string, otherwise?: string): Place | undefined;
  place(name: string, otherwise?: string): Place | undefined {
    const value = this.#take(name);
    if (value === undefined) {
      if (otherwise === undefined) return undefined;
      this.note(name, withoutSecrets(otherwise), "default");
      return { url: otherwise };
    }
    if (typeof value === "string") {
      this.note(name, withoutSecrets(value));
      return { url: value.trim() };
    }
    if (typeof value !== "object" && typeof value !== "function") throw this.wrong(name, "a client or a URL", value);
    this.note(name, "your own client");
    return { client: value as object };
  }

  note(name: string, value: string, from: ExplainedKey["from"] = "given", note?: string): void {
    const key = this.#label + name;
    if (this.rows.some((row) => row.key === key)) return;
    this.rows.push({ key, value, from, ...(note !== undefined && { note }) });
  }

  /** "SESSION_X must be …; received …". Text is quoted only where it is no secret. */
  wrong(name: string, takes: string, value: unknown): TypeError {
    const secret = /SECRET|_KEY_ID|CONFIG$|client/.test(name) || String(value).includes("://");
    const got =
      typeof value === "string" && !secret ? `received ${JSON.stringify(value.slice(0, 40))}` : received(value);
    return new TypeError(`${this.nameOf(name)} must be ${takes}; ${got}`);
  }

  /** A key as it was given: `"FLASK_SESSION_TYPE"`. */
  nameOf(name: string): string {
    return `${this.#label}${this.#prefix}${name}`;
  }

  /** Keys that were given and never read. */
  unread(): string[] {
    const names = Object.keys(this.#given).filter((name) => name.startsWith(this.#prefix));
    return names
      .map((name) => name.slice(this.#prefix.length))
      .filter((name) => !this.#read.has(name) && this.#look(name) !== undefined);
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return this.#look(name);
  }

  #look(name: string): unknown {
    const value = this.#given[this.#prefix + name];
    const isEmpty = value === "" && !/key_prefix$/i.test(name);
    return value === null || isEmpty ? undefined : value;
  }

  #is<T extends string | number | boolean>(name: string, value: T, from: "given" | "default" = "given"): T {
    this.note(name, String(value) === "" ? "nothing" : String(value), from);
    return value;
  }
}

/** `"31d"`, `"86400"`, or `str(timedelta)`: `"31 days, 0:00:00"`. */
function textDuration(text: string): number | null {
  if (/^\d{1,12}(\.\d{1,6})?$/.test(text)) return Number(text) * 1000;
  const [, days = "0", hours, minutes, seconds] =
    /^(?:(\d{1,5}) days?, )?(\d{1,2}):(\d\d):(\d\d(?:\.\d{1,6})?)$/.exec(text) ?? [];
  if (hours === undefined) return parseDuration(text);
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

/** A list in JSON; `undefined` when the text is none. */
export function listIn(text: string): unknown[] | undefined {
  const value = text.trim().startsWith("[") ? parsed(text) : undefined;
  return Array.isArray(value) ? value : undefined;
}

/** Where a URL leads, without user, password and parameters. */
export function withoutSecrets(url: string): string {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(url.trim()) ?? [];
  // Without one it may be a list of settings, a password among them.
  if (scheme === undefined || rest === undefined) return /[@=]/.test(url) ? "not shown" : url;
  return scheme + rest.slice(rest.lastIndexOf("@") + 1).replace(/[?#].*$/s, "");
}

/** What was received in place of a URL, without what may be secret in it. */
export function receivedUrl(url: string | undefined): string {
  return url === undefined ? "received nothing" : `received ${JSON.stringify(withoutSecrets(url))}`;
}

/** `"a", "b" or "c"` */
export function list(words: readonly string[]): string {
  const all = words.map((word) => JSON.stringify(word));
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
}

/** Reports a wrong client under the key it was given as. */
export function named<Made>(key: string, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if (!isError(error, "TypeError") || error.message.startsWith(key)) throw error;
    throw new TypeError(`${key}: ${error.message}`, { cause: error });
  }
}

/** JSON; `undefined` when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
