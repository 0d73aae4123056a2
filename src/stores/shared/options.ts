/** Checks the options of a store: names that exist, a client and not its package, a clock. */

import { received } from "../../core/contracts/errors.ts";
import { checkKnown, checkNow, isPlainObject } from "../../core/contracts/known.ts";

/**
 * Throws a `TypeError` when `given` is not the options of `call`: an unknown name, a client in place of options, a class
 * or a module in place of a client, or a `now` that is no function.
 *
 * @param call The function as the caller writes it: `"redisStore"`.
 * @param known Every option; the first one is what the call cannot do without.
 * @param line How to make a client and pass it, as a line to copy.
 */
export function checkOptions<Options extends object>(
  call: string,
  given: unknown,
  known: Readonly<Record<keyof Options, true>>,
  line?: string,
): asserts given is Options {
  const names = Object.keys(known);
  const [first = ""] = names;
  if (isInstead(given, names)) {
    const what = packageOf(given);
    const write = what ? line : `${call}({ ${first} })`;
    throw new TypeError(`${call} takes an object of options; ${what ?? received(given)}. Write ${write}`);
  }
  checkKnown(call, given, names);
  const { now, ...options } = given as { readonly now?: unknown } & Record<string, unknown>;
  const what = packageOf(options[first]);
  if (what && line) throw new TypeError(`${first} must be made with its package first; ${what}. Write ${line}`);
  checkNow(now);
}

/** Whether it is a client, a class or a module that was passed where its options should be. */
function isInstead(given: unknown, names: readonly string[]): boolean {
  if (typeof given === "function") return true;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  if (!isPlainObject(given)) return true;
  const own = Object.entries(given);
  return !own.some(([name]) => names.includes(name)) && own.some(([, value]) => typeof value === "function");
}

/** "received …" for a module or a class, which are often passed in place of a client; `undefined` for everything else. */
function packageOf(value: unknown): string | undefined {
  if (typeof value === "function") return isClass(value) ? `received the class ${value.name}` : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const isModule = Object.prototype.toString.call(value) === "[object Module]" || Object.hasOwn(value, "__esModule");
  return isModule ? "received a module" : undefined;
}

/** Tells a class, which has methods on its prototype even if compiled to a function, from a function that returns a client. */
function isClass(value: { readonly prototype?: unknown }): boolean {
  const written = Function.prototype.toString.call(value);
  return /^class\b/.test(written) || Object.getOwnPropertyNames(value.prototype ?? {}).length > 1;
}
