/** Writes JSON as Flask does in a request: keys sorted, ASCII only, tags for what JSON has no word for. */

import { base64url } from "../../core/bytes/bytes.ts";
import { pathOf } from "../../core/record/values.ts";
import { objectToJs } from "../pickle/objects.ts";
import { nameOf, type PyEntry, type PyInstance, type PyValue } from "../pickle/values.ts";
import { Refusal, within } from "../storable.ts";
import { httpDate, tags } from "./tags.ts";

/** The text of a value; `textOf` gives that of a value which stands somewhere already. Throws {@link Refusal}. */
export function writeTagged(value: PyValue, textOf: (value: PyValue) => string | undefined): string {
  const known = textOf(value);
  if (known !== undefined) return known;
  switch (value.kind) {
    case "atom":
    case "int":
      return String(value.value);
    case "float":
      return floatText(value.value);
    case "str":
      return quoted(value.value);
    case "bytes":
    case "bytearray":
      return `{" b":"${base64(value.value)}"}`;
    case "tuple":
      return `{" t":${list(value.items, textOf)}}`;
    case "list":
    case "set":
    case "frozenset":
      return list(value.items, textOf);
    case "dict":
      return dict(value.entries, textOf);
    case "instance":
      return instance(value);
    case "global":
    case "foreign":
      throw new Refusal("it is a Python object, and JSON cannot represent it");
  }
}

function list(items: readonly PyValue[], textOf: (value: PyValue) => string | undefined): string {
  return `[${items.map((item, at) => inside(`[${at}]`, item, textOf)).join(",")}]`;
}

function dict(entries: readonly PyEntry[], textOf: (value: PyValue) => string | undefined): string {
  const texts = entries.map(([key, item]) => [keyText(key), item] as const).sort(([a], [b]) => byCodePoints(a, b));
  const [first] = texts;
  if (first && texts.length === 1 && tags.includes(first[0]))
    return `{" di":{${quoted(`${first[0]}__`)}:${inside(pathOf("", first[0]), first[1], textOf)}}}`;
  return `{${texts.map(([key, item]) => `${quoted(key)}:${inside(pathOf("", key), item, textOf)}`).join(",")}}`;
}

function inside(segment: string, item: PyValue, textOf: (value: PyValue) => string | undefined): string {
  try {
    return writeTagged(item, textOf);
  } catch (error) {
    throw within(error, () => segment);
  }
}

function keyText(key: PyValue): string {
  if (key.kind === "str") return key.value;
  if (key.kind === "atom" || key.kind === "int") return String(key.value);
  if (key.kind === "float") return floatText(key.value);
  throw new Refusal("a key that is neither text nor number has no form in JSON").within(".<key>");
}

function instance(value: PyInstance): string {
  switch (nameOf(value.of)) {
    case "uuid.UUID":
      return `{" u":"${String(objectToJs(value)).replaceAll("-", "")}"}`;
    case "markupsafe.Markup":
      return `{" m":${quoted(String(objectToJs(value)))}}`;
    default:
      return `{" d":"${httpDate(value) ?? refuse("JSON has no word for it")}"}`;
  }
}

function refuse(why: string): never {
  throw new Refusal(why);
}

/** JSON of a text, in ASCII. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** As Python's `repr` writes it: `1.0`, `1e-05`, `1e+16`. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  if (Object.is(value, -0)) return "-0.0";
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  if (Number(exponent) >= -4 && Number(exponent) < 16) {
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** Python's order of texts: pairs of surrogates are after all else. */
function byCodePoints(a: string, b: string): number {
  const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
  for (let i = 0; i < a.length && i < b.length; i++) {
    const distance = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (distance !== 0) return distance;
  }
  return a.length - b.length;
}

function base64(bytes: Uint8Array): string {
  const text = base64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}
