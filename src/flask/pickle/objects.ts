/** Objects of Python's standard library as JavaScript values: what msgspec writes of them, or a Date. */

import { isTime } from "../storable.ts";
import {
  nameOf,
  type PyGlobal,
  type PyInstance,
  type PyText,
  type PyValue,
  pyBytes,
  pyDict,
  pyInstance,
  pyInt,
  pyItems,
  pyText,
} from "./values.ts";

/**
 * A `Date` for an instant (a datetime with a zone); a text in the form msgspec writes for whatever else is not built in,
 * and for what is in the years 1 to 9999 in its own zone only:
 * `2024-01-02T03:04:05`, `2024-01-02`, `03:04:05`, `P1DT7200S`, a UUID, a decimal number. A `Markup` is its text, a
 * `timezone` its name.
 */
export function objectToJs(object: PyInstance): Date | string {
  const { items } = object.args;
  switch (nameOf(object.of)) {
    case "datetime.datetime": {
      const instant = instantOf(object);
      if (instant && isTime(instant.seconds, instant.nanos))
        return new Date(instant.seconds * 1000 + Math.floor(instant.nanos / 1_000_000));
      const fields = state(items[0], 10, items.length <= 2);
      return datetime(fields, micro(fields, 7)) + offsetText(items);
    }
    case "datetime.date":
      return date(state(items[0], 4, items.length === 1));
    case "datetime.time":
      return time(items);
    case "datetime.timedelta":
      return duration(timedelta(object));
    case "datetime.timezone":
      return zoneName(object);
    case "uuid.UUID":
      return uuid(object);
    case "decimal.Decimal":
      return decimal.test(textIn(items)) ? textIn(items) : wrong();
    case "markupsafe.Markup":
      return textIn(items);
    default:
      return wrong();
  }
}

const module = pyText("datetime");
const classOf = (module: PyText, name: string): PyGlobal => ({ kind: "global", module, name: pyText(name) });
const [datetimeClass, zoneClass, deltaClass] = ["datetime", "timezone", "timedelta"].map((name) =>
  classOf(module, name),
) as [PyGlobal, PyGlobal, PyGlobal];
const zero = pyInstance(deltaClass, pyItems("tuple", [pyInt(0), pyInt(0), pyInt(0)]), "call");
const utc = pyInstance(zoneClass, pyItems("tuple", [zero]), "call");

/** A datetime in UTC. `undefined` when Python has no such: its years are 1 to 9999. */
export function datetimeOf(ms: number): PyInstance | undefined {
  const at = new Date(ms);
  const year = at.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) return undefined;
  const fields = [year >> 8, year & 255, at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()];
  const micro = at.getUTCMilliseconds() * 1000;
  const octets = Uint8Array.of(...fields, at.getUTCSeconds(), micro >> 16, (micro >> 8) & 255, micro & 255);
  return pyInstance(datetimeClass, pyItems("tuple", [pyBytes(octets), utc]), "call");
}

const uuidClass = classOf(pyText("uuid"), "UUID");

/** A UUID of 32 hexadecimal digits. */
export function uuidOf(hex: string): PyInstance {
  const object = pyInstance(uuidClass, pyItems("tuple", []), "new");
  object.state = pyDict([[pyText("int"), pyInt(BigInt(`0x${hex}`))]]);
  return object;
}

const markupClass = classOf(pyText("markupsafe"), "Markup");

/** Text that is safe as HTML. */
export function markupOf(html: string): PyInstance {
  return pyInstance(markupClass, pyItems("tuple", [pyText(html)]), "new");
}

/** Of a datetime with a zone: seconds since 1970, in UTC, and nanoseconds. `undefined` for whatever else. */
export function instantOf(object: PyInstance): { readonly seconds: number; readonly nanos: number } | undefined {
  const { items } = object.args;
  if (nameOf(object.of) !== "datetime.datetime" || !zoneOf(items)) return undefined;
  const fields = state(items[0], 10, items.length <= 2);
  const offset = zoneOffset(zoneOf(items) as PyValue);
  const local = Date.parse(`${datetime(fields, 0)}Z`) / 1000;
  // A zone may be off by parts of a second.
  const microseconds = micro(fields, 7) - offset.microseconds;
  const carry = Math.floor(microseconds / 1_000_000);
  return { seconds: local - offset.seconds + carry, nanos: (microseconds - carry * 1_000_000) * 1000 };
}

function datetime(fields: Uint8Array, microsecond: number): string {
  return `${date(fields)}T${clock(fields[4] as number, fields[5] as number, fields[6] as number, microsecond)}`;
}

function zoneOf([, zone]: readonly PyValue[]): PyValue | undefined {
  return zone?.kind === "atom" && zone.value === null ? undefined : zone;
}

const decimal = /^-?(?:\d+(?:\.\d*)?(?:E[+-]\d+)?|s?NaN\d*|Infinity)$/;

function textIn([text, ...rest]: readonly PyValue[]): string {
  return text?.kind === "str" && rest.length === 0 ? text.value : wrong();
}

function time(items: readonly PyValue[]): string {
  const fields = state(items[0], 6, items.length <= 2);
  const [hour, minute, second] = [(fields[0] as number) & 127, fields[1] as number, fields[2] as number];
  return clock(hour, minute, second, micro(fields, 3)) + offsetText(items);
}

function offsetText(items: readonly PyValue[]): string {
  const zone = zoneOf(items);
  if (!zone) return "";
  const { seconds, microseconds } = zoneOffset(zone);
  const minutes = Math.round((seconds + microseconds / 1_000_000) / 60);
  if (minutes === 0) return "Z";
  const [ahead, distance] = [minutes > 0 ? "+" : "-", Math.abs(minutes)];
  return `${ahead}${two(Math.floor(distance / 60))}:${two(distance % 60)}`;
}

interface TimeDelta {
  readonly days: number;
  readonly seconds: number;
  readonly microseconds: number;
}

function timedelta(object: PyValue): TimeDelta {
  if (object.kind !== "instance" || nameOf(object.of) !== "datetime.timedelta") return wrong();
  const [days, seconds, microseconds, ...rest] = object.args.items.map(int);
  if (days === undefined || seconds === undefined || microseconds === undefined || rest.length > 0) return wrong();
  const normal = seconds >= 0 && seconds < 86_400 && microseconds >= 0 && microseconds < 1_000_000;
  return normal && Math.abs(days) <= 999_999_999 ? { days, seconds, microseconds } : wrong();
}

/** How far a zone is ahead of UTC. */
function zoneOffset(zone: PyValue): { seconds: number; microseconds: number } {
  if (zone.kind !== "instance" || nameOf(zone.of) !== "datetime.timezone") return wrong();
  const { items } = zone.args;
  if (items.length > 2 || !items[0] || (items[1] && items[1].kind !== "str")) return wrong();
  const { days, seconds, microseconds } = timedelta(items[0]);
  const total = days * 86_400 + seconds;
  return Math.abs(total) <= 86_400 ? { seconds: total, microseconds } : wrong();
}

/** What Python's `str()` returns for a time zone: its name, or `UTC`, `UTC+02:00`, `UTC-05:30:15`. */
function zoneName(zone: PyInstance): string {
  const { seconds, microseconds } = zoneOffset(zone);
  const [, name] = zone.args.items;
  if (name?.kind === "str") return name.value;
  if (seconds === 0 && microseconds === 0) return "UTC";
  const total = BigInt(seconds) * 1_000_000n + BigInt(microseconds);
  const distance = total < 0n ? -total : total;
  const whole = Number(distance / 1_000_000n);
  const fine = Number(distance % 1_000_000n);
  const rest = fine > 0 || whole % 60 > 0 ? `:${two(whole % 60)}` : "";
  const parts = fine > 0 ? `.${String(fine).padStart(6, "0")}` : "";
  return `UTC${total < 0n ? "-" : "+"}${two(Math.floor(whole / 3600))}:${two(Math.floor((whole % 3600) / 60))}${rest}${parts}`;
}

/** ISO 8601 in days and seconds: `P1DT7200S`, `-PT1.5S`. */
function duration({ days, seconds, microseconds }: TimeDelta): string {
  const negative = days < 0;
  let total = BigInt(days) * 86_400_000_000n + BigInt(seconds) * 1_000_000n + BigInt(microseconds);
  if (negative) total = -total;
  const wholeDays = total / 86_400_000_000n;
  const rest = total % 86_400_000_000n;
  const inSeconds = `${rest / 1_000_000n}${fraction(Number(rest % 1_000_000n))}`;
  const time = rest > 0n ? `T${inSeconds}S` : "";
  return `${negative ? "-" : ""}P${wholeDays > 0n || rest === 0n ? `${wholeDays}D` : ""}${time}`;
}

function fraction(microsecond: number): string {
  return microsecond === 0 ? "" : `.${String(microsecond).padStart(6, "0").replace(/0+$/, "")}`;
}

function uuid({ state, args }: PyInstance): string {
  if (state?.kind !== "dict" || args.items.length > 0) return wrong();
  // Beside the number there may be one that says how it was made.
  if (state.entries.some(([key, value]) => key.kind !== "str" || value.kind !== "int")) return wrong();
  const number = state.entries.find(([key]) => key.kind === "str" && key.value === "int")?.[1];
  if (number?.kind !== "int" || number.value < 0 || BigInt(number.value) >> 128n !== 0n) return wrong();
  const hex = BigInt(number.value).toString(16).padStart(32, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The first argument, which must be bytes of this length. */
function state(value: PyValue | undefined, length: number, fits: boolean): Uint8Array {
  return fits && value?.kind === "bytes" && value.value.length === length ? value.value : wrong();
}

/** The month's highest bit says which of two equal local times it was. */
function date(fields: Uint8Array): string {
  const year = ((fields[0] as number) << 8) | (fields[1] as number);
  const [month, day] = [(fields[2] as number) & 127, fields[3] as number];
  const text = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  if (year < 1 || year > 9999) return wrong();
  const instant = new Date(`${text}T00:00:00Z`);
  return instant.getUTCDate() === day && instant.getUTCMonth() === month - 1 ? text : wrong();
}

function clock(hour: number, minute: number, second: number, microsecond: number): string {
  if (hour > 23 || minute > 59 || second > 59 || microsecond > 999_999) return wrong();
  const text = `${two(hour)}:${two(minute)}:${two(second)}`;
  return microsecond === 0 ? text : `${text}.${String(microsecond).padStart(6, "0")}`;
}

function micro(fields: Uint8Array, at: number): number {
  return ((fields[at] as number) << 16) | ((fields[at + 1] as number) << 8) | (fields[at + 2] as number);
}

function int(value: PyValue): number {
  return value.kind === "int" && typeof value.value === "number" ? value.value : wrong();
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function wrong(): never {
  throw new TypeError("an object that Python would not have pickled");
}
