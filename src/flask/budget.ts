/** Bounds the memory that decoding a payload may take, in proportion to the payload. */

/** The deepest nesting that is read or written. Python's own readers give up near 1000. */
export const deepest = 500;

/** The most values a session may hold, keys included. */
export const mostValues = 1_000_000;

/** Octets of memory that any payload may take, and further ones for each octet of it. Plain JSON takes about 20 for each. */
const [base, perOctet] = [8 * 1024 * 1024, 100];

/** What values take in this process, in bytes: what was read together with what the handler gets. */
export const cost = {
  slot: 24,
  place: 100,
  scalar: 100,
  bytes: 400,
  list: 220,
  dict: 350,
  entry: 120,
  instance: 400,
} as const;

/** A session of no more values is within every budget, however short its payload. */
export const fewValues: number = Math.floor(base / 600);

/** The budget of one payload. A hostile one runs out of it before it costs much; no session that Python wrote does. */
export class Budget {
  #octets: number;
  #values = mostValues;

  /** @param bytes The length of the payload. */
  constructor(octets: number) {
    this.#octets = base + octets * perOctet;
  }

  /** A value that lies so deep. Throws when it is nested too deep, or one value too many. */
  visit(depth: number): void {
    this.#values -= 1;
    if (this.#values < 0 || depth > deepest) exhausted();
  }

  /** Throws when the values read so far take too much memory. */
  spend(octets: number): void {
    this.#octets -= octets;
    if (this.#octets < 0) exhausted();
  }
}

function exhausted(): never {
  throw new RangeError("not a session: too deep, or too many values");
}
