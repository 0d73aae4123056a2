/** What those who run an application ask of a store: pages, counts, how the backend is set up. */

import type { ListedRecord, PageOptions, Store } from "../../core/contracts/store.ts";
import { check, live, rejection, same, samePayload, sameStrings, won } from "./check.ts";
import { type StoreCase, skipUnless, skipUnlessAll, type Trial } from "./trial.ts";

const pages = (sample: Store): string | undefined => (sample.page ? undefined : "the store has no pages");
const counts = (sample: Store): string | undefined => (sample.count ? undefined : "the store cannot count");

/** How many records a page may have beyond its limit: those of a backend that walks in buckets. */
const slack = 30;

/** All records that pages have, and no page that is much longer than its limit. */
async function walk(store: Store, options: PageOptions & { limit: number }): Promise<ListedRecord[]> {
  const all: ListedRecord[] = [];
  let cursor = options.cursor;
  for (let calls = 0; calls < 2000; calls++) {
    const page = await store.page!({ ...options, cursor });
    check(
      page.records.length <= options.limit + slack,
      `${page.records.length} records for a limit of ${options.limit}`,
    );
    all.push(...page.records);
    if (page.cursor === undefined) return all;
    check(/^[!-~]{1,2000}$/.test(page.cursor), "the cursor is not a printable text of at most 2000 characters");
    cursor = page.cursor;
  }
  throw new Error("2000 pages, and no end");
}

const keysOf = (rows: readonly ListedRecord[]): string[] => rows.map((row) => row.key);

/** Records under two prefixes, every third of a subject. */
async function mixed(trial: Trial, each: number): Promise<{ shop: string[]; blog: string[]; ada: string[] }> {
  const [shop, blog, ada]: string[][] = [[], [], []];
  for (let at = 0; at < each; at++) {
    const subject = at % 3 === 0 ? "ada" : at % 3 === 1 ? "bob" : undefined;
    const owner = trial.store.capabilities.bySubject ? subject : undefined;
    for (const [keys, key] of [
      [shop!, `shop:${at}`],
      [blog!, `blog:${at}`],
    ] as const) {
      await trial.store.create(key, trial.record(key, owner));
      keys.push(key);
      if (owner === "ada") ada!.push(key);
    }
  }
  return { shop: shop!, blog: blog!, ada: ada! };
}

export const pagingCases: readonly StoreCase[] = [
  {
    group: "page",
    name: "exists if capabilities.pages says so, and count if capabilities.count does",
    async run({ store }) {
      const { capabilities } = store;
      same(store.page !== undefined, capabilities.pages === true, "page is there");
      same(store.count !== undefined, (capabilities.count ?? "none") !== "none", "count is there");
    },
  },
  {
    group: "page",
    name: "of an empty store is empty and the last one",
    skip: pages,
    run: async ({ store }) => same((await walk(store, { limit: 10 })).length, 0, "records"),
  },
  {
    group: "page",
    name: "returns every live record once, as read gives it, with limits of 1, 7 and 1000",
    skip: pages,
    async run(trial) {
      const { shop, blog } = await mixed(trial, 20);
      await trial.store.delete("shop:4");
      const left = [...shop, ...blog].filter((key) => key !== "shop:4");
      for (const limit of [1, 7, 1000]) {
        const rows = await walk(trial.store, { limit });
        sameStrings(keysOf(rows), left, `keys by pages of ${limit}`);
        for (const row of rows.slice(0, 3)) {
          const found = await live(trial.store, row.key, "a key of a page");
          samePayload(row.payload, found.payload, "payload of a page");
          same(row.subject, found.subject, "subject of a page");
          trial.sameInstant(row.expiresAt, found.expiresAt, "expiry of a page");
        }
      }
      const [row] = (await trial.store.page!({ limit: 1 })).records;
      if (row)
        won(await trial.store.update(row.key, trial.record("next"), row.version), "update with a page's version");
    },
  },
  {
    group: "page",
    name: "returns only keys with a prefix",
    skip: pages,
    async run(trial) {
      const { shop, blog } = await mixed(trial, 12);
      sameStrings(keysOf(await walk(trial.store, { limit: 5, prefix: "shop:" })), shop, "keys of the shop");
      sameStrings(keysOf(await walk(trial.store, { limit: 5, prefix: "blog:" })), blog, "keys of the blog");
      sameStrings(keysOf(await walk(trial.store, { limit: 5, prefix: "none:" })), [], "keys that begin otherwise");
    },
  },
  {
    group: "page",
    name: "returns only records of a subject",
    skip: skipUnlessAll(pages, skipUnless.bySubject),
    async run(trial) {
      const { ada, shop } = await mixed(trial, 30);
      sameStrings(keysOf(await walk(trial.store, { limit: 4, subject: "ada" })), ada, "keys of ada");
      const theirs = ada.filter((key) => shop.includes(key));
      sameStrings(
        keysOf(await walk(trial.store, { limit: 4, subject: "ada", prefix: "shop:" })),
        theirs,
        "of the shop",
      );
      sameStrings(keysOf(await walk(trial.store, { limit: 4, subject: "Ada" })), [], "keys of Ada");
    },
  },
  {
    group: "page",
    name: "continues from a cursor in another process, and misses no unchanged record",
    skip: pages,
    async run(trial) {
      const { store } = trial;
      const other = store.capabilities.shared ? await trial.other() : store;
      const { shop, blog } = await mixed(trial, 20);
      const first = await store.page!({ limit: 5 });
      const seen = new Set(keysOf(first.records));
      const [gone, moved, ...staying] = [...shop, ...blog].filter((key) => !seen.has(key));
      await store.delete(gone!);
      // A cursor is a place, and no number of records.
      for (const key of [...seen].slice(0, 2)) await store.delete(key);
      const { version } = await live(store, moved!, "a key of no page yet");
      won(await store.rename(moved!, "shop:moved", trial.record("moved"), version), "rename");
      await store.create("shop:later", trial.record("later"));
      for (const key of staying.slice(0, 3)) await store.touch(key, trial.now() + 7_200_000);
      check(first.cursor !== undefined, "the first page of 5 out of 40 is the last one");
      const rest = new Set(keysOf(await walk(other, { limit: 5, cursor: first.cursor })));
      sameStrings(
        staying.filter((key) => !rest.has(key)),
        [],
        "keys that stayed and were missed",
      );
      check(!rest.has(gone!), "a key that was deleted before its page");
    },
  },
  {
    group: "page",
    name: "leaves out expired records",
    skip: pages,
    async before(trial) {
      await trial.store.create("brief", trial.brief("brief"));
      await trial.store.create("lasting", trial.record("lasting"));
      await trial.ended();
    },
    run: async (trial) => sameStrings(keysOf(await walk(trial.store, { limit: 10 })), ["lasting"], "keys"),
  },
  {
    group: "page",
    name: "refuses a wrong limit, an unknown option and an invalid cursor, without quoting it",
    skip: pages,
    async run({ store }) {
      const wrong = [
        { limit: 0 },
        { limit: 1001 },
        { limit: 1.5 },
        { of: "ada" },
        { cursor: "" },
        { cursor: "se cret" },
      ];
      for (const options of wrong) {
        const error = await rejection(async () => store.page!(options as PageOptions), `page(${Object.keys(options)})`);
        check((error as Error)?.name === "TypeError", `${String(error)} is no TypeError`);
        check(!String(error).includes("se cret"), "the message shows the cursor");
      }
    },
  },
  {
    group: "count",
    name: "counts the live records, all and of a prefix",
    skip: counts,
    async run(trial) {
      const { store } = trial;
      same((await store.count!()).count, 0, "count of an empty store");
      const { shop, blog } = await mixed(trial, 15);
      await store.delete("shop:4");
      same((await store.count!()).count, shop.length + blog.length - 1, "count");
      same((await store.count!({ prefix: "shop:" })).count, shop.length - 1, "count of the shop");
      same((await store.count!({ prefix: "none:" })).count, 0, "count of keys that begin otherwise");
      const { estimate } = await store.count!({ prefix: "none:" });
      same(typeof estimate, "boolean", "type of estimate");
      if (store.capabilities.count === "exact") same((await store.count!()).estimate, false, "estimate");
    },
  },
  {
    group: "count",
    name: "leaves out expired records, unless the count is marked as an estimate",
    skip: counts,
    async before(trial) {
      await trial.store.create("brief", trial.brief("brief"));
      await trial.store.create("lasting", trial.record("lasting"));
      await trial.ended();
    },
    async run(trial) {
      const { count, estimate } = await trial.store.count!();
      check(count === 1 || (estimate && count === 2), `count is ${count} of 1 live record, estimate ${estimate}`);
    },
  },
  {
    group: "count",
    name: "refuses an unknown option",
    skip: counts,
    async run({ store }) {
      const error = await rejection(async () => store.count!({ of: "ada" } as never), "count of an unknown option");
      check((error as Error)?.name === "TypeError", `${String(error)} is no TypeError`);
    },
  },
  {
    group: "examine",
    name: "changes nothing, reports each check, and says what to do where something is wrong",
    skip: (sample) => (sample.examine ? undefined : "the store does not look at its backend"),
    async run(trial) {
      const { store } = trial;
      const version = won(await store.create("k", trial.record("one")), "create");
      const findings = await store.examine!();
      for (const { about, state, found, cure } of findings) {
        check(["good", "note", "fault", "unknown"].includes(state), `${about}: state is ${state}`);
        check(about !== "" && found !== "", `${about}: found is ${found}`);
        if (state === "note" || state === "fault") check((cure ?? "") !== "", `${about}: there is no cure`);
      }
      won(await store.update("k", trial.record("two"), version), "update after examine");
    },
  },
];
