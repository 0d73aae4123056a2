/** Turns: saves of one session that met in this process go on one after the other, instead of meeting again and again. */

/** One save's place in line. */
export interface Turn {
  /**
   * Waits until those before it on this lane have left, but no longer than `longest` milliseconds: then it goes on
   * all the same, since the compare-and-swap is what keeps the promise. Taken once; later calls go on at once.
   */
  take(lane: string, longest: number): Promise<void>;
  leave(): void;
}

/** The lines, one for each session that saves meet on right now. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** A place that is not in line yet: most saves never are. */
  entry(): Turn {
    const last = this.#last;
    let leave: (() => void) | undefined;
    return {
      async take(lane, longest) {
        if (leave) return;
        const before = last.get(lane);
        const mine = new Promise<void>((resolve) => {
          leave = () => {
            if (last.get(lane) === mine) last.delete(lane);
            resolve();
          };
        });
        last.set(lane, mine);
        if (before) await settledWithin(before, longest);
      },
      leave: () => leave?.(),
    };
  }
}

function settledWithin(promise: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
