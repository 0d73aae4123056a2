/** The classes and functions whose calls are understood, and what each makes. Nothing is ever executed; all others are kept as they are. */

import {
  nameOf,
  type PyGlobal,
  type PyItems,
  type PyValue,
  pyBytes,
  pyForeign,
  pyInstance,
  pyItems,
} from "./values.ts";

type Make = (of: PyGlobal, args: PyItems) => PyValue;

const instance: Make = (of, args) => pyInstance(of, args, "call");

/** Callables that a pickle may call, and the value that each call makes. */
const calls: Record<string, Make> = {
  "datetime.datetime": instance,
  "datetime.date": instance,
  "datetime.time": instance,
  "datetime.timedelta": instance,
  "datetime.timezone": instance,
  "decimal.Decimal": instance,
  "collections.OrderedDict": orderedDict,
  // Before protocol 3 or 4 these had no opcode of their own.
  "builtins.set": (_, { items }) => pyItems("set", listed(items)),
  "builtins.frozenset": (_, { items }) => pyItems("frozenset", listed(items)),
  "builtins.bytearray": (_, { items }) => pyBytes(items.length === 0 ? new Uint8Array() : bytesOf(items), "bytearray"),
  "builtins.bytes": (_, { items }) => pyBytes(items.length === 0 ? new Uint8Array() : refused()),
  "_codecs.encode": (_, { items }) => pyBytes(bytesOf(items)),
  "copyreg._reconstructor": reconstructed,
};

/** What `cls.__new__` may be called for. */
const made = ["uuid.UUID", "markupsafe.Markup"];

/** Modules as Python 2 called them, whose names protocols 0 to 2 use. */
const renamed: Record<string, string> = { __builtin__: "builtins", copy_reg: "copyreg" };

/** The name that Python 3 has for what a pickle of Python 2 or of protocols 0 to 2 calls so. */
export function currentName(module: string, name: string): readonly [module: string, name: string] {
  if (module === "__builtin__" && name === "unicode") return ["builtins", "str"];
  return [Object.hasOwn(renamed, module) ? (renamed[module] as string) : module, name];
}

/** The name that protocols 0 to 2 have for it. */
export function olderName({ module, name }: PyGlobal): readonly [module: string, name: string] {
  if (module.value === "builtins" && name.value === "str") return ["__builtin__", "unicode"];
  const [older = module.value] = Object.entries(renamed).find(([, newer]) => newer === module.value) ?? [];
  return [older, name.value];
}

/** `callable(*args)`. */
export function call(callable: PyValue, args: PyValue): PyValue {
  const name = callable.kind === "global" ? nameOf(callable) : "";
  if (callable.kind !== "global" || args.kind !== "tuple" || !Object.hasOwn(calls, name))
    return pyForeign("call", callable, args);
  return (calls[name] as Make)(callable, args);
}

/** `cls.__new__(cls, *args)`. */
export function create(cls: PyValue, args: PyValue): PyValue {
  if (cls.kind !== "global" || args.kind !== "tuple" || !made.includes(nameOf(cls))) return pyForeign("new", cls, args);
  return pyInstance(cls, args, "new");
}

/** `object.__setstate__(state)`: of what is understood only a UUID has one. */
export function build(state: PyValue, object: PyValue): void {
  if (object.kind === "foreign") object.states.push(state);
  else if (object.kind !== "instance" || object.of.name.value !== "UUID" || object.state) refused();
  else object.state = state;
}

/** How protocols 0 and 1 make an object: class, base class, the base's value. */
function reconstructed(of: PyGlobal, args: PyItems): PyValue {
  const [cls, base, value, ...rest] = args.items;
  if (!cls || base?.kind !== "global" || !value || rest.length > 0) return refused();
  if (cls.kind !== "global" || !made.includes(nameOf(cls))) return pyForeign("call", of, args);
  if (base.name.value === "object" && value.kind === "atom") return create(cls, pyItems("tuple", []));
  return base.name.value === "str" ? create(cls, pyItems("tuple", [value])) : refused();
}

function orderedDict(of: PyGlobal, { items }: PyItems): PyValue {
  const object = pyInstance(of, pyItems("tuple", []), "call");
  // Python 2 gave the pairs with the call.
  for (const pair of listed(items)) {
    const [key, value, ...rest] = pair.kind === "list" || pair.kind === "tuple" ? pair.items : refused();
    if (!key || !value || rest.length > 0) return refused();
    object.entries.push([key, value]);
  }
  return object;
}

/** The items of the one list that a class was called with, or none. */
function listed([list, ...rest]: PyValue[]): PyValue[] {
  if (!list) return [];
  return list.kind === "list" && rest.length === 0 ? [...list.items] : refused();
}

/** The bytes of `(b"…",)` or of `("…", "latin1")`. */
function bytesOf([value, encoding, ...rest]: PyValue[]): Uint8Array {
  if (value?.kind === "bytes" && !encoding) return value.value;
  if (value?.kind !== "str" || encoding?.kind !== "str" || rest.length > 0) return refused();
  if (!/^latin-?1$/.test(encoding.value)) return refused();
  return Uint8Array.from(value.value, (char) => {
    const code = char.codePointAt(0) as number;
    return code < 256 ? code : refused();
  });
}

function refused(): never {
  throw new TypeError("a pickle that makes more than plain values");
}
