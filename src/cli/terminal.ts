/** Showing how far something is: a bar that is redrawn on a terminal, lines now and then elsewhere. */

/** Where text goes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** A terminal, or what stands in for one. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Shows the progress of a command, with the part that is done if that is known. */
export class Progress {
  readonly #output: Output;
  readonly #name: string;
  #shown = performance.now();
  #step = 0;
  #drawn = false;

  constructor(output: Output, name: string) {
    this.#output = output;
    this.#name = name;
  }

  /** @param text How far it is. @param done The part that is done, from 0 to 1, where that is known. */
  show(text: string, done?: number): void {
    const { isTTY } = this.#output;
    // Some terminals say that they have no columns.
    const columns = this.#output.columns || 80;
    const now = performance.now();
    if (now - this.#shown < (isTTY ? 80 : 5000) && (this.#drawn || !isTTY)) return;
    this.#shown = now;
    if (!isTTY) {
      this.#output.write(`${this.#name}: ${text}\n`);
      return;
    }
    this.#drawn = true;
    const line = `${this.#name} ${done === undefined ? bar(this.#step++) : full(done)} ${text}`;
    this.#output.write(`\r\u001b[2K${line.slice(0, columns - 1)}`);
  }

  /** Leaves the line as it was before. */
  end(): void {
    if (this.#drawn) this.#output.write("\r\u001b[2K");
  }
}

const width = 20;

/** Four cells that go to and fro. */
function bar(step: number): string {
  const room = width - 4;
  const at = room - Math.abs((step % (2 * room)) - room);
  return `[${" ".repeat(at)}====${" ".repeat(room - at)}]`;
}

/** As many cells as are done. */
function full(done: number): string {
  const cells = Math.floor(Math.min(Math.max(done, 0), 1) * width);
  return `[${"=".repeat(cells)}${" ".repeat(width - cells)}]`;
}

/** Replaces control characters and marks of text direction, since text from outside must not control the terminal. `lines`: keeps line breaks. */
export function printable(text: string, lines = false): string {
  const kept = text.replace(/[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "?");
  return lines ? kept : kept.replaceAll("\n", "?");
}

/** One line of JSON. Escapes control characters and marks of text direction, so a program reads the same value. */
export function jsonLine(value: unknown): string {
  const escaped = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value).replace(/[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped)}\n`;
}

/** `12,345` */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}
