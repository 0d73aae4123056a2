/** Checks of options by their kind. What is wrong is a `TypeError` that names the option. */

import { wrongArgument } from "../contracts/errors.ts";
import { processWide } from "../contracts/process-wide.ts";

/** A function, or absent. */
export function callable<T>(name: string, value: T | undefined): T | undefined {
  if (value === undefined || typeof value === "function") return value;
  throw wrongArgument(name, "a function", value);
}

/** An object with these methods, or absent. */
export function shaped<T extends object>(
  name: string,
  value: T | undefined,
  methods: string[],
  takes: string,
): T | undefined {
  if (value === undefined) return undefined;
  const fits =
    typeof value === "object" &&
    value !== null &&
    methods.every((method) => typeof value[method as keyof T] === "function");
  if (!fits) throw wrongArgument(name, takes, value);
  return value;
}

/** One of these values; the first when absent. */
export function oneOf<T extends string | boolean>(name: string, value: T | undefined, allowed: readonly T[]): T {
  if (value === undefined) return allowed[0] as T;
  if (!allowed.includes(value))
    throw wrongArgument(name, allowed.map((word) => JSON.stringify(word)).join(" or "), value);
  return value;
}

type Warn = (message: string) => void;

/** One for all that do not say otherwise, so that they share the limit of one line a minute. */
const toConsole = (): Warn => processWide("console", () => (message) => console.warn(message));
const quiet = (): void => {};

/** The function that prints warnings. */
export function warnOption(warn: Warn | false | undefined): Warn {
  if (warn === false) return quiet;
  if (warn === undefined || typeof warn === "function") return warn ?? toConsole();
  throw wrongArgument("warn", "a function, or false", warn);
}

/** Says each message once, whatever module or copy of this package says it through the same function. */
export function once(warn: Warn): Warn {
  const all = processWide("said", () => new WeakMap<Warn, Set<string>>());
  const said = all.get(warn) ?? new Set();
  all.set(warn, said);
  return (message) => {
    if (said.has(message) || said.size > 100) return;
    said.add(message);
    warn(`sojourn: ${message}`);
  };
}
