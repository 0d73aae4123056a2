/** A client that was given, or a function that will give one. */

/** What is made of the client: at once where it was given, else on first use. */
export type Lazy<Made> = () => Made | Promise<Made>;

/** `make` throws for a client of the wrong kind. A function is called once, and again only if that failed. */
export function lazily<Made>(given: unknown, make: (client: unknown) => Made): Lazy<Made> {
  if (typeof given !== "function") {
    const made = make(given);
    return () => made;
  }
  let making: Promise<Made> | undefined;
  return () => {
    making ??= (async () => make(await (given as () => unknown)()))().catch((error) => {
      making = undefined;
      throw error;
    });
    return making;
  };
}
