/** Showing how far something is: a bar that is drawn anew on a terminal, lines now and then elsewhere. */

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

/** Shows that something goes on whose end nobody knows. */
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

  /** @param text How far it is. */
  show(text: string): void {
    const { isTTY, columns = 80 } = this.#output;
    const now = performance.now();
    if (now - this.#shown < (isTTY ? 80 : 5000) && (this.#drawn || !isTTY)) return;
    this.#shown = now;
    if (!isTTY) {
      this.#output.write(`${this.#name}: ${text}\n`);
      return;
    }
    this.#drawn = true;
    const line = `${this.#name} ${bar(this.#step++)} ${text}`;
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

/** `12,345` */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}
