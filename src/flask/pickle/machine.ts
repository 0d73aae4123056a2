/** The machine that reads a pickle: protocols 0 to 5. It executes nothing; what it does not know is noted as it stands. */

import { fromUtf8 } from "../../core/bytes/bytes.ts";
import { Budget, cost } from "../budget.ts";
import { costOf } from "./cost.ts";
import { build, call, create, currentName } from "./globals.ts";
import { ascii, float, integer, long, malformed, quoted, rawUnicode } from "./literals.ts";
import { Octets } from "./octets.ts";
import {
  isOrderedDict,
  none,
  type PyEntry,
  type PyText,
  type PyValue,
  pyBool,
  pyBytes,
  pyDict,
  pyFloat,
  pyForeign,
  pyInt,
  pyItems,
  pyText,
} from "./values.ts";

/** The value that a pickle describes. Throws for whatever is not a pickle of plain values, from the first byte to the last. */
export function readTree(bytes: Uint8Array): PyValue {
  return new Machine(bytes).run();
}

const mark = Symbol("mark");

class Machine {
  readonly #octets: Octets;
  readonly #stack: (PyValue | typeof mark)[] = [];
  readonly #memo = new Map<number, PyValue>();
  /** The names of modules, so that one name is one object. */
  readonly #names = new Map<string, PyText>();
  readonly #budget: Budget;
  /** How much calls may be given: Python gives nothing to two of them, so it is no more than the pickle itself. */
  #given: number;

  constructor(bytes: Uint8Array) {
    this.#octets = new Octets(bytes);
    this.#given = bytes.length;
    this.#budget = new Budget(bytes.length);
  }

  run(): PyValue {
    for (;;) {
      const opcode = this.#octets.u8();
      if (opcode === 0x2e) break;
      this.#step(opcode);
      this.#budget.visit(0);
    }
    const value = this.#pop();
    if (this.#stack.length > 0 || this.#octets.left > 0) malformed();
    return value;
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.#octets.u8() > 5) malformed();
        break;
      case 0x95: // FRAME
        // It says how far it goes, which has to be there; what is in it is read as if it were not framed.
        if (this.#octets.u64() > this.#octets.left) malformed();
        break;
      case 0x30: // POP
        // Python would have made the object all the same, and what it does then may count.
        if (this.#stack.length === 0 || this.#isForeign(this.#stack.pop())) malformed();
        break;
      case 0x28: // MARK
        this.#stack.push(mark);
        break;
      case 0x94: // MEMOIZE
        this.#memoize(this.#memo.size);
        break;
      case 0x71: // BINPUT
        this.#memoize(this.#octets.u8());
        break;
      case 0x72: // LONG_BINPUT
        this.#memoize(this.#octets.u32());
        break;
      case 0x70: // PUT
        this.#memoize(this.#octets.index());
        break;
      case 0x68: // BINGET
        this.#recall(this.#octets.u8());
        break;
      case 0x6a: // LONG_BINGET
        this.#recall(this.#octets.u32());
        break;
      case 0x67: // GET
        this.#recall(this.#octets.index());
        break;
      case 0x73: // SETITEM
        this.#setItems(this.#popLast(2));
        break;
      case 0x75: // SETITEMS
        this.#setItems(this.#popToMark());
        break;
      case 0x61: // APPEND
        this.#append("items", this.#popLast(1));
        break;
      case 0x65: // APPENDS
        this.#append("items", this.#popToMark());
        break;
      case 0x90: // ADDITEMS
        this.#append("added", this.#popToMark());
        break;
      case 0x62: // BUILD
        build(this.#pop(), this.#top());
        break;
      default:
        this.#make(opcode);
    }
  }

  #make(opcode: number): void {
    const value = this.#value(opcode);
    this.#budget.spend(costOf(value));
    this.#stack.push(value);
  }

  #value(opcode: number): PyValue {
    switch (opcode) {
      case 0x4e: // NONE
        return none;
      case 0x88: // NEWTRUE
        return pyBool(true);
      case 0x89: // NEWFALSE
        return pyBool(false);
      case 0x49: // INT
        return integer(this.#octets.line(), true);
      case 0x4c: // LONG
        return integer(this.#octets.line().replace(/L$/, ""), false);
      case 0x4a: // BININT
        return pyInt(this.#octets.i32());
      case 0x4b: // BININT1
        return pyInt(this.#octets.u8());
      case 0x4d: // BININT2
        return pyInt(this.#octets.u16());
      case 0x8a: // LONG1
        return long(this.#octets.slice(this.#octets.u8()));
      case 0x8b: // LONG4
        return long(this.#octets.slice(this.#octets.u32()));
      case 0x46: // FLOAT
        return float(this.#octets.line());
      case 0x47: // BINFLOAT
        return pyFloat(this.#octets.f64());
      case 0x56: // UNICODE
        return pyText(rawUnicode(this.#octets.line()));
      case 0x8c: // SHORT_BINUNICODE
        return pyText(fromUtf8(this.#octets.slice(this.#octets.u8())));
      case 0x58: // BINUNICODE
        return pyText(fromUtf8(this.#octets.slice(this.#octets.u32())));
      case 0x8d: // BINUNICODE8
        return pyText(fromUtf8(this.#octets.slice(this.#octets.u64())));
      case 0x53: // STRING
        return pyText(quoted(this.#octets.line()));
      case 0x55: // SHORT_BINSTRING
        return pyText(ascii(this.#octets.slice(this.#octets.u8())));
      case 0x54: // BINSTRING
        return pyText(ascii(this.#octets.slice(this.#octets.u32())));
      case 0x43: // SHORT_BINBYTES
        return pyBytes(this.#octets.slice(this.#octets.u8()).slice());
      case 0x42: // BINBYTES
        return pyBytes(this.#octets.slice(this.#octets.u32()).slice());
      case 0x8e: // BINBYTES8
        return pyBytes(this.#octets.slice(this.#octets.u64()).slice());
      case 0x96: // BYTEARRAY8
        return pyBytes(this.#octets.slice(this.#octets.u64()).slice(), "bytearray");
      case 0x7d: // EMPTY_DICT
        return pyDict();
      case 0x64: // DICT
        return pyDict(pairs(this.#popToMark()));
      case 0x5d: // EMPTY_LIST
        return pyItems("list", []);
      case 0x6c: // LIST
        return pyItems("list", this.#popToMark());
      case 0x29: // EMPTY_TUPLE
        return pyItems("tuple", []);
      case 0x74: // TUPLE
        return pyItems("tuple", this.#popToMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return pyItems("tuple", this.#popLast(opcode - 0x84));
      case 0x8f: // EMPTY_SET
        return pyItems("set", []);
      case 0x91: // FROZENSET
        return pyItems("frozenset", this.#popToMark());
      case 0x63: // GLOBAL
        return this.#global(...this.#named(this.#octets.line(), this.#octets.line()));
      case 0x93: // STACK_GLOBAL
        return this.#global(...this.#popTwo());
      case 0x52: // REDUCE
        return this.#call(...this.#popTwo());
      case 0x81: // NEWOBJ
        return create(...this.#popTwo());
      case 0x92: {
        // NEWOBJ_EX
        const [cls, args, keywords] = this.#popLast(3) as [PyValue, PyValue, PyValue];
        return pyForeign("newWithKeywords", cls, args, keywords);
      }
      default:
        return malformed();
    }
  }

  #call(callable: PyValue, args: PyValue): PyValue {
    for (const arg of args.kind === "tuple" ? args.items : [])
      this.#given -= arg.kind === "str" ? arg.value.length : "items" in arg ? arg.items.length : 0;
    return this.#given < 0 ? malformed() : call(callable, args);
  }

  #named(module: string, name: string): [PyText, PyText] {
    const [newer, called] = currentName(module, name);
    return [pyText(newer), pyText(called)];
  }

  #global(module: PyValue, name: PyValue): PyValue {
    if (module.kind !== "str" || name.kind !== "str") return malformed();
    const known = this.#names.get(module.value);
    if (!known) this.#names.set(module.value, module);
    return { kind: "global", module: known ?? module, name };
  }

  #isForeign(value: PyValue | typeof mark | undefined): boolean {
    return typeof value === "object" && value.kind === "foreign";
  }

  #memoize(index: number): void {
    this.#budget.spend(cost.slot);
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    this.#stack.push(this.#memo.get(index) ?? malformed());
  }

  #setItems(items: PyValue[]): void {
    const object = this.#top();
    if (object.kind !== "dict" && object.kind !== "foreign" && !isOrderedDict(object)) malformed();
    else for (const pair of pairs(items)) object.entries.push(pair);
    this.#budget.spend((items.length / 2) * cost.entry);
  }

  #append(to: "items" | "added", items: PyValue[]): void {
    const object = this.#top();
    const kind = to === "items" ? "list" : "set";
    const list = object.kind === "foreign" ? object[to] : object.kind === kind ? object.items : malformed();
    for (const item of items) list.push(item);
    this.#budget.spend(items.length * cost.slot);
  }

  #top(): PyValue {
    const value = this.#stack.at(-1);
    return value === undefined || value === mark ? malformed() : value;
  }

  #pop(): PyValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popLast(count: number): PyValue[] {
    const start = this.#stack.length - count;
    if (start < 0) malformed();
    return this.#without(this.#stack.splice(start));
  }

  #popTwo(): [PyValue, PyValue] {
    return this.#popLast(2) as [PyValue, PyValue];
  }

  #popToMark(): PyValue[] {
    const start = this.#stack.lastIndexOf(mark);
    if (start < 0) malformed();
    const items = this.#stack.splice(start + 1);
    this.#stack.pop();
    return this.#without(items);
  }

  #without(values: (PyValue | typeof mark)[]): PyValue[] {
    return values.includes(mark) ? malformed() : (values as PyValue[]);
  }
}

function pairs(items: PyValue[]): PyEntry[] {
  if (items.length % 2 === 1) malformed();
  const all: PyEntry[] = [];
  for (let i = 0; i < items.length; i += 2) all.push([items[i] as PyValue, items[i + 1] as PyValue]);
  return all;
}
