/** Random changes by two requests, merged, against a model of a few lines. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Session } from "../../src/core/contracts/session.ts";
import { set } from "../../src/core/record/own-keys.ts";
import { adopt, merge } from "../../src/core/save/changes.ts";
import { contentOf, draft, format } from "../core/record/drafts.ts";
import { anyKey, anyValue, objectOf, runs, show } from "./arbitraries.ts";

type Data = Record<string, unknown>;

/** What a request does to one key. */
type Edit =
  | { readonly do: "set"; readonly value: unknown }
  | { readonly do: "remove" }
  | { readonly do: "add"; readonly by: number }
  | { readonly do: "append"; readonly text: string }
  | { readonly do: "take" };

const keys = ["a", "b", "c", "__proto__", "constructor", "toJSON", '"', "é"];
const key = fc.constantFrom(...keys);
const value = fc.oneof(fc.constantFrom<unknown>(0, 1, 2, "x", null, [1], { n: 1 }), anyValue);
const some = fc.array(fc.tuple(key, value), { maxLength: 6 }).map(objectOf);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ do: fc.constant("set" as const), value }),
  fc.record({ do: fc.constant("remove" as const) }),
  fc.record({ do: fc.constant("add" as const), by: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ do: fc.constant("append" as const), text: fc.constantFrom("x", "y") }),
  fc.record({ do: fc.constant("take" as const) }),
);
const edits = fc.uniqueArray(fc.tuple(key, edit), { selector: ([name]) => name });

const plus = (by: number) => (old: unknown) => (typeof old === "number" ? old : 0) + by;
const append = (text: string) => (old: unknown) => [...(Array.isArray(old) ? old : []), text];

function perform(session: Session, list: readonly (readonly [string, Edit])[]): void {
  for (const [name, change] of list) {
    if (change.do === "set") set(session.data, name, structuredCloneOf(change.value));
    else if (change.do === "remove") delete session.data[name];
    else if (change.do === "add") session.update(name, plus(change.by));
    else if (change.do === "append") session.update(name, append(change.text));
    else session.take(name);
  }
}

/** A copy that shares nothing, as another process would have it. */
function structuredCloneOf(given: unknown): unknown {
  return contentOf({ given }).data["given"];
}

/** What should be under one key after all. */
function expected(base: unknown, change: Edit | undefined, theirs: unknown): unknown {
  switch (change?.do) {
    case undefined:
      return theirs;
    case "set":
      return show(change.value) === show(base) ? theirs : change.value;
    case "remove":
      return base === undefined ? theirs : undefined;
    case "add":
      return plus(change.by)(theirs);
    case "append":
      return append(change.text)(theirs);
    case "take":
      return base !== undefined && show(theirs) === show(base) ? undefined : theirs;
  }
}

/** Entries in the order of their keys, those without a value left out. */
function entries(data: object): string {
  return show(
    Object.entries(data)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function own(data: object, name: string): unknown {
  return Object.hasOwn(data, name) ? (data as Data)[name] : undefined;
}

describe("a merge", () => {
  test("does to every key what the model says", () => {
    fc.assert(
      fc.property(some, edits, some, (base, mine, theirs) => {
        const state = draft(base, (session) => perform(session, mine));
        const { data } = merge(format, contentOf(base), state, contentOf(theirs), []);
        const model = keys.map((name): [string, unknown] => {
          const change = mine.find(([changed]) => changed === name)?.[1];
          return [name, expected(own(base, name), change, own(theirs, name))];
        });
        expect(entries(data)).toBe(entries(objectOf(model)));
        expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
      }),
      runs(400),
    );
  });

  test("of changes to different keys keeps all of them, in either order of saves", () => {
    const anyBase = fc.array(fc.tuple(anyKey, anyValue), { maxLength: 5 }).map(objectOf);
    const sets = fc.uniqueArray(fc.tuple(anyKey, fc.option(anyValue, { nil: undefined })), {
      selector: ([name]) => name,
    });
    const split = fc.tuple(anyBase, sets, fc.nat()).map(([base, all, at]) => {
      const middle = all.length === 0 ? 0 : at % (all.length + 1);
      return { base, one: all.slice(0, middle), other: all.slice(middle), all };
    });
    const apply = (base: Data, list: readonly (readonly [string, unknown])[]): Data =>
      draft(base, ({ data }) => {
        for (const [name, item] of list) set(data, name, structuredCloneOf(item));
      }).data;
    fc.assert(
      fc.property(split, ({ base, one, other, all }) => {
        const whole = entries(apply(base, all));
        for (const [first, second] of [
          [one, other],
          [other, one],
        ] as const) {
          const late = draft(base, ({ data }) => {
            for (const [name, item] of second) set(data, name, structuredCloneOf(item));
          });
          const result = merge(format, contentOf(base), late, contentOf(apply(base, first)), []);
          expect(entries(result.data)).toBe(whole);
        }
      }),
      runs(100),
    );
  });

  test("repeated gives counters that are exact, and leaves the rest as last found", () => {
    const rounds = fc.array(some, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 9 }), rounds, (base, by, newer) => {
        const state = draft(base, (session) => session.update("a", plus(by)));
        let before = base;
        for (const theirs of newer) {
          const result = merge(format, contentOf(before), state, contentOf(theirs), []);
          adopt(format, state.data, result.data);
          before = theirs;
        }
        const last = newer.at(-1) as Data;
        expect(entries(state.data)).toBe(entries({ ...last, a: plus(by)(own(last, "a")) }));
      }),
      runs(100),
    );
  });

  test("takes groups whole: from the request that set any of them, never some of each", () => {
    const groups = [
      ["a", "b"],
      ["b", "c"],
      ["__proto__", "constructor"],
    ];
    const closed = [["a", "b", "c"], ["__proto__", "constructor"], ["toJSON"], ['"'], ["é"]];
    const sets = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name });
    fc.assert(
      fc.property(some, sets, some, (base, mine, theirs) => {
        const state = draft(base, ({ data }) => {
          for (const [name, item] of mine) set(data, name, structuredCloneOf(item));
        });
        const local = { ...state.data };
        const { data } = merge(format, contentOf(base), state, contentOf(theirs), groups);
        for (const group of closed) {
          const changed = group.some((name) => show(own(local, name)) !== show(own(base, name)));
          const source = changed ? local : theirs;
          for (const name of group) expect(show(own(data, name))).toBe(show(own(source, name)));
        }
      }),
      runs(100),
    );
  });

  test("after clear keeps only what was set since, whatever others did", () => {
    fc.assert(
      fc.property(some, edits, edits, some, (base, before, after, theirs) => {
        const state = draft(base, (session) => {
          perform(session, before);
          session.clear();
          perform(session, after);
        });
        const { data } = merge(format, contentOf(base), state, contentOf(theirs), []);
        expect(entries(data)).toBe(entries(draft({}, (session) => perform(session, after)).data));
      }),
      runs(100),
    );
  });

  test("without changes of others is this request's data", () => {
    fc.assert(
      fc.property(some, edits, (base, mine) => {
        const state = draft(base, (session) => perform(session, mine));
        const local = entries({ ...state.data });
        const result = merge(format, contentOf(base), state, contentOf(base), []);
        expect(entries(result.data)).toBe(local);
      }),
      runs(100),
    );
  });
});

test("adopts in place: the target becomes equal and keeps the objects that already were", () => {
  fc.assert(
    fc.property(some, some, (before, after) => {
      const target = contentOf(before).data;
      const held = { ...target };
      adopt(format, target, contentOf(after).data);
      expect(entries(target)).toBe(entries(after));
      for (const name of Object.keys(after)) {
        if (show(own(before, name)) === show(own(after, name))) expect(own(target, name)).toBe(own(held, name));
      }
    }),
  );
});
