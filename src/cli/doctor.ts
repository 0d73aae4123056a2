/** `sojourn doctor`: is the backend set up as sessions need it, and what to do where it is not. */

import { randomBytes } from "node:crypto";
import type { Finding, Store, Version } from "../core/contracts/store.ts";
import type { Call, Command } from "./command.ts";
import { textOf } from "./errors.ts";
import { jsonLine, Progress, printable } from "./terminal.ts";
import { painter, plural, type Style } from "./words.ts";

export const doctorCommand: Command = {
  name: "doctor",
  about: "check reachability, rights and set-up of the store",
  options: {
    "read-only": {
      type: "boolean",
      about: "do not write: by default a test record is written and removed",
    },
  },
  run: doctor,
};

/** What was found of one store. */
interface Diagnosis {
  readonly store: string;
  readonly findings: readonly Finding[];
}

async function doctor(call: Call): Promise<number> {
  const { json, stdout, stderr, values } = call;
  const { stores } = await call.load();
  const all: Diagnosis[] = [];
  for (const store of stores) {
    const progress = json ? undefined : new Progress(stderr, store.name);
    progress?.show("looking");
    all.push({ store: store.name, findings: await diagnose(store, values["read-only"] !== true) });
    progress?.end();
  }
  const found = all.flatMap(({ findings }) => findings);
  const faults = found.filter(({ state }) => state === "fault").length;
  const notes = found.filter(({ state }) => state === "note").length;
  if (json) stdout.write(jsonLine({ faults, notes, stores: all }));
  else if (all.length === 0) stdout.write("there is no store: these sessions are only in their cookies\n");
  else stdout.write(`${all.map((one) => asText(call, one)).join("\n")}\n${summary(call, faults, notes)}\n`);
  return faults > 0 ? 1 : 0;
}

/** Generic checks through the store's own methods, then what the store itself knows to look at. */
export async function diagnose(store: Store, mayWrite: boolean): Promise<readonly Finding[]> {
  const reach = await reachability(store);
  const own = await examined(store);
  // Where nothing can be read, all that counts is why.
  if (reach.state === "fault") return [reach, ...own.filter(({ state }) => state !== "unknown")];
  return [reach, ...(await rightsOf(store, mayWrite)), ...own];
}

async function examined(store: Store): Promise<readonly Finding[]> {
  try {
    return await within(store.examine?.() ?? Promise.resolve([]));
  } catch (error) {
    return [{ about: "set-up", state: "unknown", found: `it could not be examined: ${textOf(error)}` }];
  }
}

const reads = 5;
/** Longer than this on each request is felt. In milliseconds. */
const slow = 50;

async function reachability(store: Store): Promise<Finding> {
  const times: number[] = [];
  try {
    for (let at = 0; at <= reads; at++) {
      const start = performance.now();
      await within(store.read(probeKey()));
      // The first one may open the connection.
      if (at > 0) times.push(performance.now() - start);
    }
  } catch (error) {
    return {
      about: "reachable",
      state: "fault",
      found: `no: ${textOf(error)}`,
      cure: "Start the backend, or correct its address, its credentials or the network. If tables are missing: sojourn setup",
    };
  }
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  const found =
    median < 0.1 ? "less than 0.1 ms a read" : `${median < 10 ? median.toFixed(1) : Math.round(median)} ms a read`;
  if (median <= slow) return { about: "reachable", state: "good", found };
  const cure = "Every request with a session waits this long. Move the application and the backend closer together";
  return { about: "reachable", state: "note", found, cure };
}

/** How long one call may take, in milliseconds. */
const timeLimit = 10_000;

async function within<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeLimit / 1000} s`)), timeLimit);
  });
  return Promise.race([call, late]).finally(() => clearTimeout(timer));
}

/** Not under the prefix of any application. */
function probeKey(): string {
  return `doctor:${randomBytes(12).toString("base64url")}`;
}

/** Tries each thing that sessions need. */
async function rightsOf(store: Store, mayWrite: boolean): Promise<Finding[]> {
  const [good, bad]: [string[], Finding[]] = [["read"], []];
  const attempt = async <T>(
    what: string,
    call: () => Promise<T>,
    isRight: (answer: T) => boolean = () => true,
  ): Promise<T | undefined> => {
    try {
      const answer = await within(call());
      if (!isRight(answer)) throw new Error("refused as if the record were not there: a replica, or a missing right");
      good.push(what);
      return answer;
    } catch (error) {
      const cure = `${effects[what] ?? "Requests need it"}. Grant what docs/stores/${store.name}.md names`;
      bad.push({
        about: `may ${what}`,
        state: optional.has(what) ? "note" : "fault",
        found: `no: ${textOf(error)}`,
        cure,
      });
      return undefined;
    }
  };
  if (mayWrite) await writes(store, attempt);
  if (store.page)
    await attempt("list", async () => {
      await store.page!({ limit: 1 });
      if (store.listBySubject) await store.page!({ limit: 1, subject: "sojourn doctor" });
    });
  if (store.listBySubject) await attempt("find by subject", () => first(store.listBySubject!("sojourn doctor")));
  if (store.count) await attempt("count", () => store.count!({ prefix: "doctor:" }));
  const rights: Finding = { about: "may", state: "good", found: good.join(", ") };
  return [rights, ...bad];
}

type Attempt = <T>(what: string, call: () => Promise<T>, isRight?: (answer: T) => boolean) => Promise<T | undefined>;

async function writes(store: Store, attempt: Attempt): Promise<void> {
  const [key, other] = [probeKey(), probeKey()];
  const expiresAt = Date.now() + 60_000;
  const record = { payload: "doctor", expiresAt };
  const won = (version: Version | null): boolean => version !== null;
  const made = await attempt("create", () => store.create(key, record), won);
  if (made) {
    const next = await attempt("update", () => store.update(key, record, made), won);
    await attempt(
      "touch",
      () => store.touch(key, expiresAt + 1000),
      (isLive) => isLive,
    );
    if (next) await attempt("rename", () => store.rename(key, other, record, next), won);
    await attempt("delete", () => store.delete(key));
    await store.delete(other).catch(() => {});
  }
}

/** Sessions work without these. */
const optional: ReadonlySet<string> = new Set(["list", "count"]);

const effects: Readonly<Record<string, string>> = {
  list: "needed by sojourn list and the admin page, not by requests",
  count: "needed by sojourn count and the admin page, not by requests",
  "find by subject": "needed by sessions.list and sessions.revoke",
};

async function first(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rows) return;
}

const marks: Readonly<Record<Finding["state"], readonly [string, Style]>> = {
  good: ["✓", "green"],
  note: ["!", "yellow"],
  fault: ["✗", "red"],
  unknown: ["?", "dim"],
};

function asText({ stdout, env }: Call, { store, findings }: Diagnosis): string {
  const paint = painter(stdout, env);
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ about, state, found, cure }) => {
    const [mark, style] = marks[state];
    const indent = " ".repeat(width + 6);
    const [first = "", ...others] = wrapped(found, indent.length);
    const head = `  ${paint(style, mark)} ${about.padEnd(width)}  ${first}`;
    const rest = others.map((line) => indent + line);
    // In one line, to be copied.
    const advice = cure === undefined ? [] : [paint("bold", `${indent}→ ${printable(cure)}`)];
    return [head, ...rest, ...advice];
  });
  return `${paint("bold", store)}\n${lines.join("\n")}`;
}

/** Lines that fit beside what stands before them, in 100 columns. A word that is longer stays whole, to be copied. */
function wrapped(text: string, taken: number): string[] {
  const lines: string[] = [];
  for (const word of printable(text).split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && taken + last.length + 1 + word.length <= 100) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function summary({ stdout, env }: Call, faults: number, notes: number): string {
  const paint = painter(stdout, env);
  if (faults + notes === 0) return paint("green", "all is well");
  const parts = [
    faults > 0 && paint("red", plural(faults, "fault")),
    notes > 0 && paint("yellow", plural(notes, "note")),
  ];
  return parts.filter(Boolean).join(", ");
}
