/** What Python calls when it reads a pickle that this library wrote: classes and functions by their names. */

import { type PyGlobal, pyText } from "./values.ts";

const named = (module: string, name: string): PyGlobal => ({
  kind: "global",
  module: pyText(module),
  name: pyText(name),
});

export const encodeCall: PyGlobal = named("_codecs", "encode");
export const bytesClass: PyGlobal = named("builtins", "bytes");
export const bytearrayClass: PyGlobal = named("builtins", "bytearray");
export const setClass: PyGlobal = named("builtins", "set");
export const frozensetClass: PyGlobal = named("builtins", "frozenset");
export const reconstructor: PyGlobal = named("copyreg", "_reconstructor");
export const objectClass: PyGlobal = named("builtins", "object");
export const textClass: PyGlobal = named("builtins", "str");
