/** Memcached's answers in a stream of bytes: a line each, and a value behind it where the line says so. */

/** One answer. */
export interface Reply {
  readonly line: string;
  readonly value: Uint8Array | undefined;
}

/** No line of an answer is longer. */
const longestLine = 2048;
/** Of Memcached: no item is larger than a gigabyte. */
const largestValue = 1024 ** 3;

/** Takes what arrives and gives the answers that are whole. */
export class Replies {
  /** After such an answer the server may take the rest of a command for commands: the connection is of no use. */
  lost = false;
  #chunks: Buffer[] = [];
  #length = 0;
  /** How many bytes there must be before it is worth another look. */
  #needed = 1;

  /** Throws when what arrives is no answer of Memcached. */
  *read(chunk: Buffer): Generator<Reply> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (let next = this.#first(rest); next && !this.lost; next = this.#first(rest)) {
      rest = rest.subarray(next.length);
      this.lost = /^(CLIENT_)?ERROR/.test(next.reply.line);
      yield next.reply;
    }
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  #first(bytes: Buffer): { readonly reply: Reply; readonly length: number } | undefined {
    const end = bytes.indexOf("\r\n");
    if (end > longestLine || (end < 0 && bytes.length > longestLine)) throw new Error("This is no Memcached server");
    this.#needed = bytes.length + 1;
    if (end < 0) return undefined;
    const line = bytes.toString("latin1", 0, end);
    const size = /^VA (\d+)(?: |$)/.exec(line)?.[1];
    if (size === undefined) return { reply: { line, value: undefined }, length: end + 2 };
    const length = end + 2 + Number(size) + 2;
    if (Number(size) > largestValue) throw new Error("This is no Memcached server");
    this.#needed = length;
    if (bytes.length < length) return undefined;
    if (bytes.toString("latin1", length - 2, length) !== "\r\n") throw new Error("This is no Memcached server");
    // A copy: what is kept of a session must not keep what came with it.
    return { reply: { line, value: Uint8Array.from(bytes.subarray(end + 2, length - 2)) }, length };
  }
}
