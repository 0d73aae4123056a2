/** Writes MessagePack as msgspec does: shortest forms, floats of 64 bits, dates as extension -1. */

import { isBytes, utf8 } from "../../core/bytes/bytes.ts";
import { Refusal, within } from "../storable.ts";
import { type Node, type Scalar, segmentOf, type Time } from "../tree.ts";

/** The payload of a value: what stands in a MessagePack payload already is copied, the rest is written in the shortest form. */
export function writeMsgpack(node: Node): Uint8Array {
  const writer = new Writer();
  writer.node(node);
  return writer.bytes();
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  node(node: Node): void {
    const { at } = node;
    if (isBytes(at?.source)) {
      this.#put(at.source.subarray(at.start, at.end));
      return;
    }
    switch (node.kind) {
      case "scalar":
        this.#scalar(node.value);
        break;
      case "float":
        this.#byte(0xcb);
        this.#write(8, (view, at) => view.setFloat64(at, node.value));
        break;
      case "time":
        this.#time(node);
        break;
      case "list":
        this.#head(node.items.length, 0x90, 15, 0xdc, 2);
        node.items.forEach((item, i) => {
          this.#inside(item, () => `[${i}]`);
        });
        break;
      case "dict":
        this.#head(node.entries.size, 0x80, 15, 0xde, 2);
        for (const [key, value] of node.entries.values()) {
          this.#inside(key, () => ".<key>");
          this.#inside(value, () => segmentOf(key));
        }
    }
  }

  #inside(node: Node, segment: () => string): void {
    try {
      this.node(node);
    } catch (error) {
      throw within(error, segment);
    }
  }

  #scalar(value: Scalar["value"]): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#integer(value);
    else if (typeof value === "string") {
      const text = utf8(value);
      this.#head(text.length, 0xa0, 31, 0xd9, 1);
      this.#put(text);
    } else if (isBytes(value)) {
      this.#head(value.length, 0, -1, 0xc4, 1);
      this.#put(value);
    } else {
      const { type, data } = value;
      const short = [1, 2, 4, 8, 16].indexOf(data.length);
      if (short === -1) this.#head(data.length, 0, -1, 0xc7, 1);
      else this.#byte(0xd4 + short);
      this.#write(1, (view, at) => view.setInt8(at, type));
      this.#put(data);
    }
  }

  #number(value: number): void {
    if (value >= 0) this.#head(value, 0, 127, 0xcc, 1);
    else if (value >= -32) this.#byte(value + 256);
    else if (value >= -0x80) {
      this.#byte(0xd0);
      this.#write(1, (view, at) => view.setInt8(at, value));
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      this.#write(2, (view, at) => view.setInt16(at, value));
    } else if (value >= -0x80000000) {
      this.#byte(0xd2);
      this.#write(4, (view, at) => view.setInt32(at, value));
    } else this.#integer(BigInt(value));
  }

  #integer(value: bigint): void {
    if (value < -(2n ** 63n) || value >= 2n ** 64n) {
      throw new Refusal("it is an integer of more than 64 bits, for which MessagePack has no room");
    }
    this.#byte(value < 0n ? 0xd3 : 0xcf);
    this.#write(8, (view, at) => view.setBigUint64(at, BigInt.asUintN(64, value)));
  }

  #time({ seconds, nanos }: Time): void {
    if (nanos === 0 && seconds >= 0 && seconds < 2 ** 32) {
      this.#put([0xd6, 0xff]);
      this.#write(4, (view, at) => view.setUint32(at, seconds));
    } else if (seconds >= 0 && seconds < 2 ** 34) {
      this.#put([0xd7, 0xff]);
      this.#write(4, (view, at) => view.setUint32(at, nanos * 4 + Math.floor(seconds / 2 ** 32)));
      this.#write(4, (view, at) => view.setUint32(at, seconds % 2 ** 32));
    } else {
      this.#put([0xc7, 12, 0xff]);
      this.#write(4, (view, at) => view.setUint32(at, nanos));
      this.#write(8, (view, at) => view.setBigInt64(at, BigInt(seconds)));
    }
  }

  /** A length (or an unsigned integer) in its shortest form: in the head itself, or in 1, 2, 4 or 8 bytes after it. */
  #head(length: number, inHead: number, mostInHead: number, after: number, least: 1 | 2): void {
    if (length <= mostInHead) this.#byte(inHead + length);
    else if (least === 1 && length < 2 ** 8) this.#put([after, length]);
    else if (length < 2 ** 16) {
      this.#byte(after + 2 - least);
      this.#write(2, (view, at) => view.setUint16(at, length));
    } else if (length < 2 ** 32) {
      this.#byte(after + 3 - least);
      this.#write(4, (view, at) => view.setUint32(at, length));
    } else this.#integer(BigInt(length));
  }

  #byte(byte: number): void {
    const at = this.#room(1);
    this.#bytes[at] = byte;
  }

  #put(bytes: ArrayLike<number>): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  // The view is asked for after the room: making room may replace it.
  #write(length: number, write: (view: DataView, at: number) => void): void {
    const at = this.#room(length);
    write(this.#view, at);
  }

  #room(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
