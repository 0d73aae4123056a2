/** How long the store call that begins just now may take: for stores that queue calls, and drop those that no request waits for any more. */

let limit: number | undefined;

/** Makes a store call. While it begins, {@link limitOfCall} tells its limit. `argument` saves a closure. */
export function callWithin<T, A>(milliseconds: number, call: (argument: A) => T, argument?: A): T {
  const before = limit;
  limit = milliseconds;
  try {
    return call(argument as A);
  } finally {
    limit = before;
  }
}

/** Milliseconds; `undefined` outside a call with a limit. */
export function limitOfCall(): number | undefined {
  return limit;
}
