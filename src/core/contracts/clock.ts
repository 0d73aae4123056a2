/** Measures spans of time within this process, by a monotonic clock. */

/** Milliseconds since some moment. For instants that are stored or compared with a record there is the option `now`. */
export function ticks(): number {
  return typeof performance === "undefined" ? Date.now() : performance.now();
}
