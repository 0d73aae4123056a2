/** The methods of a Node response that send something: replaced on the one response, so that what is held hears of them first. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { received } from "../../core/contracts/errors.ts";
import type { NodeResponse } from "./node-shapes.ts";

/** They are replaced on the one response that is held, never on a prototype. */
export type Method = "writeHead" | "write" | "end" | "flushHeaders";
/** One call of them. */
export type Call = readonly [method: Method, args: unknown[]];
/** Node's own, or those of middleware in between. */
export type Methods = Record<Method, (...args: unknown[]) => unknown>;

/** What a response says of itself, where it has that as properties of its own: in calls inside Nitro. */
export type Said = { headersSent?: boolean; writableEnded?: boolean };

/** What holds a response back. */
export interface Holder {
  /** What the response says of itself without us. */
  readonly said: Said;
  /** The head was sent by the handler, and waits for the save. */
  readonly headWaits: boolean;
  /** The handler has ended the response, which waits for the save. */
  readonly endWaits: boolean;
  /** The response has ended. */
  close(): void;
  /** A call from outside. */
  call(method: Method, args: unknown[]): unknown;
}

/** A response with our methods in front of its own. */
export type Prepared<Held extends Holder = Holder> = NodeResponse &
  Methods & { [slot]?: Held | undefined; [own]?: Methods | undefined; [leaving]?: boolean };

/** Where a response has what holds it. */
export const slot: unique symbol = Symbol("sojourn response");
const own: unique symbol = Symbol("sojourn methods");
/** Whether its head is about to leave: what listens for that, as `on-headers` does, comes too late for a session. */
export const leaving: unique symbol = Symbol("sojourn leaving");

/** Those of the response before: nearly always the same, Node's. */
let last: Methods | undefined;

/**
 * Puts our methods in front of those of a response, which they call until it is held. It has to be done before a
 * handler runs: `res.end(await page(req))` takes the method first and asks for the session afterwards. Answers those methods.
 */
export function prepare(response: NodeResponse): Methods {
  const prepared = response as Prepared;
  if (prepared[own]) return prepared[own];
  const { writeHead, write, end, flushHeaders } = prepared;
  const sameAsLast = last?.end === end && last.write === write && last.writeHead === writeHead;
  if (!last || !sameAsLast || last.flushHeaders !== flushHeaders) last = { writeHead, write, end, flushHeaders };
  prepared[own] = last;
  prepared.writeHead = replacements.writeHead;
  prepared.write = replacements.write;
  prepared.end = replacements.end;
  prepared.flushHeaders = replacements.flushHeaders;
  return last;
}

// One set for all responses: no closures. Node's methods take at most three arguments, and absent ones as undefined.
const replacements: Methods & ThisType<Prepared> = {
  writeHead(status, words, headers) {
    if (this[slot]) return this[slot].call("writeHead", given(status, words, headers));
    return send(this, "writeHead", status, words, headers);
  },
  write(chunk, encoding, callback) {
    if (this[slot]) return this[slot].call("write", given(chunk, encoding, callback));
    return send(this, "write", chunk, encoding, callback);
  },
  end(chunk, encoding, callback) {
    if (this[slot]) return this[slot].call("end", given(chunk, encoding, callback));
    return send(this, "end", chunk, encoding, callback);
  },
  flushHeaders() {
    if (!this[slot]) return (this[own] as Methods).flushHeaders.call(this);
    // As in Node: middleware that waits for `writeHead`, such as compression, is called before the body.
    if (!this.headersSent) this.writeHead(this.statusCode);
    return this[slot].call("flushHeaders", []);
  },
};

function send(
  response: Prepared,
  method: "writeHead" | "write" | "end",
  first: unknown,
  second: unknown,
  third: unknown,
): unknown {
  response[leaving] = true;
  try {
    return (response[own] as Methods)[method].call(response, first, second, third);
  } finally {
    response[leaving] = false;
    if (method === "end") response[slot]?.close();
  }
}

/** What a response says of itself while it waits: what its handler did, whether or not that has left. */
const told: Record<keyof Said, PropertyDescriptor> & ThisType<Prepared> = {
  headersSent: {
    configurable: true,
    get() {
      return this[slot]?.headWaits === true || saidOf(this, "headersSent");
    },
    set(value: boolean) {
      if (this[slot]) this[slot].said.headersSent = value;
    },
  },
  writableEnded: {
    configurable: true,
    get() {
      return this[slot]?.endWaits === true || saidOf(this, "writableEnded");
    },
    set(value: boolean) {
      if (this[slot]) this[slot].said.writableEnded = value;
    },
  },
};

/** From here on a response says what its handler did. */
export function tellOfHandler(response: Prepared): void {
  tell(response, "headersSent");
  tell(response, "writableEnded");
}

function tell(response: Prepared, name: keyof Said): void {
  const held = response[slot];
  // Node's own are in a prototype.
  if (held && Object.hasOwn(response, name) && Object.getOwnPropertyDescriptor(response, name)?.writable)
    held.said[name] = response[name];
  Object.defineProperty(response, name, told[name]);
}

function saidOf(response: Prepared, name: keyof Said): unknown {
  return response[slot]?.said[name] ?? Reflect.get(Object.getPrototypeOf(response), name, response);
}

function given(first: unknown, second: unknown, third: unknown): unknown[] {
  if (third !== undefined) return [first, second, third];
  if (second !== undefined) return [first, second];
  return first === undefined ? [] : [first];
}

/** Throws what Node would throw for these arguments at once, to the caller, not later when the save is done. */
export function checkCall(method: Method, [chunk]: readonly unknown[], status = 200): void {
  if (!(status >= 100 && status <= 999))
    throw new RangeError(`response.statusCode must be 100 to 999; ${received(status)}`);
  if (method !== "write" && method !== "end") return;
  const nothing = chunk === undefined || chunk === null || typeof chunk === "function";
  if (typeof chunk === "string" || isBytes(chunk) || (nothing && method === "end")) return;
  throw new TypeError(`response.${method} takes a string, Buffer or Uint8Array; ${received(chunk)}`);
}

/** Tells the callback of a call that is dropped. */
export function callBack(args: readonly unknown[], error: unknown): void {
  const callback = args.find((arg) => typeof arg === "function");
  if (callback) process.nextTick(callback as (error: unknown) => void, error);
}
