/** Keys are compared exactly, whatever printable characters they are made of. */

import { collect, gone, live, refused, samePayload, sameStrings, won } from "./check.ts";
import type { StoreCase, Trial } from "./trial.ts";

const printable = String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 33 + index));

const families: Record<string, readonly string[]> = {
  "upper and lower case": ["key", "Key", "KEY", "kEY"],
  "path-like keys": [".", "..", "../k", "./k", "k", "k/", "/k", "k/k", "k//k", "~", "~root", "C:\\k", "\\\\k\\k"],
  "percent signs and what they encode": ["a/b", "a%2Fb", "a%2fb", "a%252Fb", "%", "%%", "%2", "a%00b"],
  separators: ["a:b", "a.b", "a,b", "a;b", "a|b", "a-b", "a_b", "a=b", "a#b", "a&b", "a+b", "a@b", "ab", ":", "::"],
  "patterns of globs, LIKE and regular expressions": [
    "*",
    "?",
    "a*",
    "a?",
    "[a]",
    "a",
    "_",
    "%",
    "a_",
    "a%",
    "^a$",
    "a|b",
    ".*",
  ],
  "dots at the ends": ["a", "a.", ".a", "a..", "..a", "a.json", "a.tmp", "a.lock"],
  "quotes and brackets": ["'", '"', "`", "''", "a'b", "{a}", "{", "(a)", "<a>", "$a", "a$", "!", "\\"],
  "names that objects have": ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "then"],
  "names that systems reserve": [
    "con",
    "CON",
    "nul",
    "aux",
    "com1",
    "con.txt",
    "NULL",
    "null",
    "undefined",
    "0",
    "-1",
    "01",
    "1e3",
  ],
  "near-duplicates": ["aaaaaaaa", "aaaaaaab", "aaaaaaaaa", "aaaaaaa", "baaaaaaa"],
};

/** Every key is its own record: write them all, then read, change and delete each and look at the others. */
async function apart(trial: Trial, keys: readonly string[]): Promise<void> {
  const { store } = trial;
  for (const key of keys) await gone(store, key, `${show(key)} before it is written`);
  for (const key of keys) won(await store.create(key, trial.record(`of ${key}`)), `create of ${show(key)}`);
  for (const key of keys) {
    const found = await live(store, key, show(key));
    samePayload(found.payload, `of ${key}`, `payload of ${show(key)}`);
    refused(await store.create(key, trial.record("taken")), `a second create of ${show(key)}`);
    won(await store.update(key, trial.record(`new of ${key}`), found.version), `update of ${show(key)}`);
  }
  if (store.list)
    sameStrings(
      (await collect(store.list())).map((row) => row.key),
      keys,
      "listed keys",
    );
  const [first = "", ...others] = keys;
  await store.delete(first);
  await gone(store, first, `${show(first)} after delete`);
  for (const key of others) samePayload((await live(store, key, show(key))).payload, `new of ${key}`, show(key));
  for (const [at, key] of others.entries()) {
    const { version } = await live(store, key, show(key));
    won(await store.rename(key, `to.${at}`, trial.record(`moved ${key}`), version), `rename of ${show(key)}`);
    await gone(store, key, `${show(key)} after rename`);
  }
  for (const [at, key] of others.entries()) {
    samePayload((await live(store, `to.${at}`, show(key))).payload, `moved ${key}`, `${show(key)}, renamed`);
  }
}

function show(key: string): string {
  return JSON.stringify(key.length > 40 ? `${key.slice(0, 20)}...${key.slice(-10)}` : key);
}

export const keyCases: readonly StoreCase[] = [
  ...Object.entries(families).map(
    ([family, keys]): StoreCase => ({
      group: "key",
      name: `each is its own record: ${family}`,
      run: (trial) => apart(trial, keys),
    }),
  ),
  {
    group: "key",
    name: "each is its own record: every printable character, alone and together",
    run: (trial) => apart(trial, [...[...printable].map((character) => `x${character}`), printable]),
  },
  {
    group: "key",
    name: "each is its own record: 200 characters that differ in the last, the first, or the length",
    run: (trial) => apart(trial, ["a".repeat(200), `${"a".repeat(199)}b`, `b${"a".repeat(199)}`, "a".repeat(199)]),
  },
];
