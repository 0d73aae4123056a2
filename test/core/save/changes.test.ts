/** The three-way merge: what a request changed, put onto what others saved meanwhile. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import { adopt, changedKeys, encoded, merge, put, same } from "../../../src/core/save/changes.ts";
import { contentOf, draft, format } from "../record/drafts.ts";

type Data = Record<string, unknown>;
const add =
  (n: number) =>
  (value: unknown): number =>
    ((value as number | undefined) ?? 0) + n;

/** What is saved when a request loads `base`, does `change`, and finds `theirs` in the store. */
function merged(base: Data, change: (session: Session) => void, theirs: Data, together: string[][] = []): Data {
  const { data } = merge(format, contentOf(base), draft(base, change), contentOf(theirs), together);
  return { ...data };
}

describe("a key that this request did not change has the stored value", () => {
  test.each<[string, Data, Data]>([
    ["as it is there", { a: 1 }, { a: 1 }],
    ["when they changed it", { a: 1 }, { a: 2 }],
    ["when they removed it", { a: 1 }, {}],
    ["when they added it", {}, { a: 1 }],
  ])("%s", (_, base, theirs) => {
    expect(merged(base, () => {}, theirs)).toEqual(theirs);
  });

  test("also when it was changed and changed back", () => {
    const there = (session: Session): void => {
      session.data["a"] = 5;
      session.data["a"] = 1;
      session.data["b"] = 5;
      delete session.data["b"];
    };
    expect(merged({ a: 1 }, there, { a: 2, b: 3 })).toEqual({ a: 2, b: 3 });
  });

  test("also when it was replaced by an equal value", () => {
    expect(merged({ a: { b: [1] } }, ({ data }) => Object.assign(data, { a: { b: [1] } }), { a: 2 })).toEqual({ a: 2 });
  });
});

describe("a key that this request changed has its new value", () => {
  test.each<[string, Data, (data: Data) => void, Data, Data]>([
    [
      "set",
      { a: 1 },
      (data) => {
        data["a"] = 2;
      },
      { a: 1 },
      { a: 2 },
    ],
    [
      "set, and they too",
      { a: 1 },
      (data) => {
        data["a"] = 2;
      },
      { a: 3 },
      { a: 2 },
    ],
    [
      "set, and they removed it",
      { a: 1 },
      (data) => {
        data["a"] = 2;
      },
      {},
      { a: 2 },
    ],
    [
      "added",
      {},
      (data) => {
        data["a"] = 2;
      },
      { b: 1 },
      { a: 2, b: 1 },
    ],
    [
      "added, and they too",
      {},
      (data) => {
        data["a"] = 2;
      },
      { a: 1 },
      { a: 2 },
    ],
    ["removed", { a: 1, b: 1 }, (data) => delete data["a"], { a: 1, b: 2 }, { b: 2 }],
    ["removed, and they set it", { a: 1 }, (data) => delete data["a"], { a: 2 }, {}],
    [
      "set to undefined",
      { a: 1 },
      (data) => {
        data["a"] = undefined;
      },
      { a: 2 },
      {},
    ],
    ["changed deep inside", { a: { b: [{ c: 1 }] } }, (data) => setDeep(data), { a: 0 }, { a: { b: [{ c: 2 }] } }],
    [
      "a Map changed in place",
      { a: new Map() },
      (data) => (data["a"] as Map<string, number>).set("k", 1),
      {},
      { a: new Map([["k", 1]]) },
    ],
    ["a Date changed in place", { a: new Date(0) }, (data) => (data["a"] as Date).setTime(5), {}, { a: new Date(5) }],
  ])("%s", (_, base, change, theirs, expected) => {
    expect(merged(base, ({ data }) => void change(data), theirs)).toEqual(expected);
  });

  test("as a whole: values are never merged into each other", () => {
    const change = ({ data }: Session): void => void Object.assign(data["cart"] as Data, { tea: 2 });
    const base = { cart: { tea: 1 } };
    expect(merged(base, change, { cart: { tea: 1, milk: 1 } })).toEqual({ cart: { tea: 2 } });
  });

  test("also when it is __proto__, constructor or toString", () => {
    for (const key of ["__proto__", "constructor", "toString", "$", ""]) {
      const { data } = merge(
        format,
        contentOf({}),
        draft({}, (session) => {
          session.flash(key, { mine: 1 });
        }),
        contentOf({ b: 1 }),
        [],
      );
      expect(Object.entries(data)).toEqual([
        ["b", 1],
        [key, { mine: 1 }],
      ]);
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
    }
  });
});

function setDeep(data: Data): void {
  (data["a"] as { b: { c: number }[] }).b[0]!.c = 2;
}

describe("update", () => {
  test("is repeated on the stored value", () => {
    expect(merged({ n: 1 }, (session) => session.update("n", add(10)), { n: 5 })).toEqual({ n: 15 });
    expect(merged({}, (session) => session.update("n", add(10)), { n: 5 })).toEqual({ n: 15 });
    expect(merged({ n: 1 }, (session) => session.update("n", add(10)), {})).toEqual({ n: 10 });
  });

  test("several for one key are repeated in order", () => {
    const change = (session: Session): void => {
      session.update("n", add(1));
      session.update("n", (n) => (n as number) * 2);
      session.update("n", add(3));
    };
    expect(merged({ n: 1 }, change, { n: 10 })).toEqual({ n: 25 });
  });

  test("with no effect here may have one on the stored value", () => {
    expect(merged({ n: 0 }, (session) => session.update("n", (n) => (n as number) * 2), { n: 4 })).toEqual({ n: 8 });
  });

  test("that removes the key removes the stored key", () => {
    expect(merged({ n: 1 }, (session) => session.update("n", () => undefined), { n: 2, b: 1 })).toEqual({ b: 1 });
  });

  test("that changes the value in place is repeated in place", () => {
    const change = (session: Session): void =>
      void session.update("list", (list) => {
        (list as string[]).push("mine");
        return list;
      });
    expect(merged({ list: [] }, change, { list: ["theirs"] })).toEqual({ list: ["theirs", "mine"] });
  });

  test("of a key that was also assigned, before, between or after, counts as an assignment", () => {
    const changes: ((session: Session) => void)[] = [
      (session) => {
        session.data["n"] = 100;
        session.update("n", add(1));
      },
      (session) => {
        session.update("n", add(1));
        session.data["n"] = 100;
        session.update("n", add(1));
      },
      (session) => {
        session.update("n", add(1));
        session.data["n"] = 101;
      },
    ];
    for (const change of changes) expect(merged({ n: 1 }, change, { n: 5 })).toEqual({ n: 101 });
  });

  test("is repeated on every newer value found, and on none twice", () => {
    const mine = draft({ n: 1 }, (session) => session.update("n", add(10)));
    let base = contentOf({ n: 1 });
    for (const n of [2, 3, 5, 5]) {
      const theirs = contentOf({ n });
      const result = merge(format, base, mine, contentOf({ n }), []);
      expect(result.data["n"]).toBe(n + 10);
      adopt(format, mine.data, result.data);
      base = theirs;
    }
  });
});

describe("take", () => {
  const take = (session: Session): void => void session.take("notice");

  test("removes what it read", () => {
    expect(merged({ notice: "a", b: 1 }, take, { notice: "a", b: 2 })).toEqual({ b: 2 });
  });

  test("leaves what another request put there in between", () => {
    expect(merged({ notice: "a" }, take, { notice: "b" })).toEqual({ notice: "b" });
    expect(merged({}, take, { notice: "b" })).toEqual({ notice: "b" });
  });

  test("removes nothing twice", () => {
    expect(merged({ notice: "a" }, take, {})).toEqual({});
  });

  test("takes values of every type of object", () => {
    const notice = { at: new Date(0), of: new Set([1]) };
    expect(merged({ notice }, take, { notice })).toEqual({});
  });
});

describe("clear", () => {
  test("removes everything that is stored", () => {
    expect(merged({ a: 1 }, (session) => session.clear(), { a: 2, b: 3 })).toEqual({});
  });

  test("keeps only what is set after it", () => {
    const change = (session: Session): void => {
      session.update("n", add(1));
      session.clear();
      session.update("n", add(1));
      session.data["a"] = 1;
    };
    expect(merged({ a: 1, n: 5 }, change, { a: 2, b: 3, n: 7 })).toEqual({ n: 1, a: 1 });
  });
});

describe("keys declared together", () => {
  const group = [["cart", "total"]];

  test("all have the new values when one of them was set", () => {
    const change = ({ data }: Session): void => {
      data["cart"] = ["tea"];
    };
    expect(merged({ cart: [], total: 0 }, change, { cart: ["milk"], total: 2, b: 1 }, group)).toEqual({
      cart: ["tea"],
      total: 0,
      b: 1,
    });
  });

  test("all have the stored values when none was set", () => {
    const change = ({ data }: Session): void => {
      data["b"] = 1;
    };
    const theirs = { cart: ["milk"], total: 2 };
    expect(merged({ cart: [], total: 0 }, change, theirs, group)).toEqual({ ...theirs, b: 1 });
  });

  test("are removed if absent from the new values", () => {
    const change = ({ data }: Session): void => void delete data["cart"];
    expect(merged({ cart: [] }, change, { cart: [], total: 2 }, group)).toEqual({});
  });

  test("in groups that share a key move as one, whatever the order of the groups", () => {
    const groups = [
      ["b", "c"],
      ["a", "b"],
      ["x", "y"],
    ];
    const change = ({ data }: Session): void => {
      data["a"] = "mine";
    };
    const base = { a: 0, b: 0, c: 0, x: 0 };
    const theirs = { a: 1, b: 1, c: 1, x: 1 };
    const expected = { a: "mine", b: 0, c: 0, x: 1 };
    expect(merged(base, change, theirs, groups)).toEqual(expected);
    expect(merged(base, change, theirs, groups.toReversed())).toEqual(expected);
  });

  test("that are only updated are updated again, so additions to the other key stay", () => {
    const change = (session: Session): void => {
      session.update("total", add(3));
    };
    expect(merged({ cart: [], total: 0 }, change, { cart: ["milk"], total: 2 }, group)).toEqual({
      cart: ["milk"],
      total: 5,
    });
  });

  test("of which one is set and another updated all have the new values", () => {
    const change = (session: Session): void => {
      session.data["cart"] = ["tea"];
      session.update("total", add(3));
    };
    expect(merged({ cart: [], total: 0 }, change, { cart: ["milk"], total: 2 }, group)).toEqual({
      cart: ["tea"],
      total: 3,
    });
  });
});

describe("the session's own fields", () => {
  const meta = (base: object, mine: object, theirs: object): object =>
    merge(
      format,
      contentOf({}, base),
      draft({}, () => {}, mine),
      contentOf({}, theirs),
      [],
    ).meta;

  test("are merged field by field", () => {
    expect(meta({ created: 1 }, { created: 1, subject: "me" }, { created: 1, seen: 5 })).toEqual({
      created: 1,
      subject: "me",
      seen: 5,
    });
    expect(meta({ created: 1, unseen: true }, { created: 1 }, { created: 1, unseen: true })).toEqual({ created: 1 });
    expect(meta({ persistent: true }, { persistent: false }, { persistent: true })).toEqual({ persistent: false });
    expect(meta({ later: 1 }, { later: 1 }, { later: 2 })).toEqual({ later: 2 });
  });

  test("are merged after clear as well", () => {
    const mine = draft({ a: 1 }, (session) => session.clear(), { created: 1 });
    expect(
      merge(format, contentOf({ a: 1 }, { created: 1 }), mine, contentOf({}, { created: 1, seen: 2 }), []).meta,
    ).toEqual({
      created: 1,
      seen: 2,
    });
  });
});

describe("adopt", () => {
  test("keeps the objects that are equal, so that a handler's references stay valid", () => {
    const target = contentOf({ same: { deep: [1] }, other: { deep: [1] }, gone: 1 }).data;
    const { same: kept, other } = target;
    adopt(format, target, contentOf({ same: { deep: [1] }, other: { deep: [2] }, more: 1 }).data);
    expect({ ...target }).toEqual({ same: { deep: [1] }, other: { deep: [2] }, more: 1 });
    expect(target["same"]).toBe(kept);
    expect(target["other"]).not.toBe(other);
  });
});

test("treats keys with undefined as absent", () => {
  expect(changedKeys(format, { a: undefined, b: 1 }, { b: 1, c: undefined })).toEqual(new Set());
  expect(encoded(format, {}, "a")).toBeUndefined();
  expect(same(undefined, undefined)).toBe(true);
  expect(same(undefined, "null")).toBe(false);
  expect(same("1", "1")).toBe(true);
  const data: Data = { a: 1 };
  put(data, "a", undefined);
  expect(Object.keys(data)).toEqual([]);
});

test("names a value that cannot be stored by its path in the session", () => {
  expect(() => merged({}, ({ data }) => Object.assign(data, { a: { f: test } }), {})).toThrow(
    /^session\.data\.a\.f cannot be/,
  );
});
