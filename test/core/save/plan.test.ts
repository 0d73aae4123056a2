/** The plan: a table of the cases that matter, and what holds for every combination of facts there is. */

import { describe, expect, test } from "vitest";
import { type Facts, type Plan, plan } from "../../../src/core/save/plan.ts";

const nothing: Facts = {
  exists: false,
  changed: false,
  empty: false,
  emptied: false,
  destroyed: false,
  regenerated: false,
  renewalDue: false,
  touchDue: false,
  shortened: false,
  hadCookie: false,
  cookieDue: false,
  headersSent: false,
  inCookie: false,
  readOnly: false,
};
const names = Object.keys(nothing) as (keyof Facts)[];

/** What was decided, in words: `"update"`, `"create, set cookie"`, `"create: headers-sent"`. */
function decision(...given: (keyof Facts)[]): string {
  const { step, cookie, impossible } = plan({ ...nothing, ...Object.fromEntries(given.map((name) => [name, true])) });
  if (impossible) return `${step}: ${impossible}`;
  return cookie === "keep" ? step : `${step}, ${cookie} cookie`;
}

describe("the common cases", () => {
  test.each<[string, (keyof Facts)[], string]>([
    ["a visitor without data", ["empty"], "none"],
    ["a visitor without data, with a cookie that led nowhere", ["empty", "hadCookie"], "none"],
    ["a visitor's first data", [], "create, set cookie"],
    ["first data, with a cookie that led nowhere", ["hadCookie"], "create, set cookie"],
    ["first data and login", ["regenerated"], "create, set cookie"],
    ["a read", ["exists", "hadCookie"], "none"],
    ["a read after a while", ["exists", "hadCookie", "touchDue"], "touch"],
    ["a read after the timeout was made shorter", ["exists", "hadCookie", "shortened"], "update"],
    ["such a read where nothing may change", ["exists", "shortened", "readOnly"], "update"],
    ["such a read in a cookie", ["exists", "shortened", "inCookie"], "touch, set cookie"],
    ["a change", ["exists", "hadCookie", "changed"], "update"],
    ["a change after a while", ["exists", "hadCookie", "changed", "touchDue"], "update"],
    ["a change that leaves nothing", ["exists", "hadCookie", "changed", "empty"], "update"],
    ["a change that leaves nothing which the format keeps", ["exists", "changed", "emptied"], "delete, remove cookie"],
    ["login with such a change", ["exists", "changed", "emptied", "regenerated"], "rename, set cookie"],
    ["login or regenerate", ["exists", "hadCookie", "regenerated"], "rename, set cookie"],
    ["login with changes, an old id", ["exists", "regenerated", "changed", "renewalDue"], "rename, set cookie"],
    ["a read with an old id", ["exists", "hadCookie", "renewalDue"], "renew, set cookie"],
    ["a change with an old id", ["exists", "hadCookie", "renewalDue", "changed"], "renew, set cookie"],
    ["logout", ["exists", "hadCookie", "destroyed"], "delete, remove cookie"],
    ["logout after changes and login", ["exists", "destroyed", "changed", "regenerated"], "delete, remove cookie"],
    ["logout with a cookie that led nowhere", ["empty", "hadCookie", "destroyed"], "none, remove cookie"],
    ["logout of a visitor", ["empty", "destroyed"], "none"],
    ["a read, the cookie to be sent anew", ["exists", "cookieDue"], "none"],
    ["a read after a while, the cookie to be sent anew", ["exists", "touchDue", "cookieDue"], "touch, set cookie"],
    ["a change, the cookie to be sent anew", ["exists", "changed", "cookieDue"], "update, set cookie"],
  ])("%s", (_, facts, expected) => {
    expect(decision(...facts)).toBe(expected);
  });

  test.each<[string, (keyof Facts)[], string]>([
    ["a visitor's first data", [], "create: headers-sent"],
    ["a visitor without data", ["empty"], "none"],
    ["a read", ["exists"], "none"],
    ["a read after a while", ["exists", "touchDue"], "touch"],
    ["a read after a while, the cookie to be sent anew", ["exists", "touchDue", "cookieDue"], "touch"],
    ["a read with an old id", ["exists", "renewalDue"], "none"],
    ["a change", ["exists", "changed"], "update"],
    ["a change, the cookie to be sent anew", ["exists", "changed", "cookieDue"], "update"],
    ["a change with an old id", ["exists", "changed", "renewalDue"], "update"],
    ["login or regenerate", ["exists", "regenerated"], "rename: headers-sent"],
    ["logout", ["exists", "destroyed"], "delete"],
    ["logout with a cookie that led nowhere", ["hadCookie", "destroyed"], "none"],
  ])("after the headers: %s", (_, facts, expected) => {
    expect(decision("headersSent", ...facts)).toBe(expected);
  });

  test.each<[string, (keyof Facts)[], string]>([
    ["a read", ["exists"], "none"],
    ["a read after a while", ["exists", "touchDue"], "touch, set cookie"],
    ["a change", ["exists", "changed"], "update, set cookie"],
    ["logout", ["exists", "destroyed"], "delete, remove cookie"],
    ["a change after the headers", ["exists", "changed", "headersSent"], "update: headers-sent"],
    ["a read after a while, after the headers", ["exists", "touchDue", "headersSent"], "none"],
    ["logout after the headers", ["exists", "destroyed", "headersSent"], "delete: headers-sent"],
  ])("where the session is the cookie: %s", (_, facts, expected) => {
    expect(decision("inCookie", ...facts)).toBe(expected);
  });
});

describe("where the route must not change its session", () => {
  test.each<[string, (keyof Facts)[], string]>([
    ["a visitor without data", ["empty"], "none"],
    ["a visitor's first data", [], "create: read-only"],
    ["a read", ["exists"], "none"],
    ["a read after a while", ["exists", "touchDue"], "touch"],
    ["a read with an old id", ["exists", "renewalDue"], "renew, set cookie"],
    ["a change", ["exists", "changed"], "update: read-only"],
    ["a change with an old id", ["exists", "changed", "renewalDue"], "renew: read-only"],
    ["login or regenerate", ["exists", "regenerated"], "rename: read-only"],
    ["logout", ["exists", "destroyed"], "delete: read-only"],
    ["a change after the headers", ["exists", "changed", "headersSent"], "update: read-only"],
  ])("%s", (_, facts, expected) => {
    expect(decision("readOnly", ...facts)).toBe(expected);
  });
});

describe("in each of the 8192 combinations of facts", () => {
  const all: (readonly [Facts, Plan])[] = Array.from({ length: 2 ** names.length }, (_, bits) => {
    const facts = Object.fromEntries(names.map((name, at) => [name, (bits & (1 << at)) !== 0])) as unknown as Facts;
    return [facts, plan(facts)];
  });

  /** Checks a rule on all combinations that fit, and that some do. */
  function always(fits: (facts: Facts, plan: Plan) => boolean, holds: (plan: Plan, facts: Facts) => boolean): void {
    const those = all.filter(([facts, planned]) => fits(facts, planned));
    expect(those.length).toBeGreaterThan(0);
    expect(those.filter(([facts, planned]) => !holds(planned, facts))).toEqual([]);
  }
  const any = (): boolean => true;

  test("the same facts give the same plan", () => {
    always(any, (planned, facts) => JSON.stringify(plan({ ...facts })) === JSON.stringify(planned));
  });

  test("no cookie is set or removed after the headers were sent, unless it is an error", () => {
    always(
      (facts) => facts.headersSent,
      ({ cookie, impossible }) => cookie === "keep" || impossible !== false,
    );
  });

  test("nothing is an error before the headers were sent, unless the route must not change anything", () => {
    always(
      (facts) => !facts.headersSent && !facts.readOnly,
      ({ impossible }) => !impossible,
    );
  });

  test("what is an error needs a cookie: a new id, or a session kept in the cookie", () => {
    always(
      (_, { impossible }) => impossible === "headers-sent",
      ({ step }, { headersSent, inCookie }) =>
        headersSent &&
        (step === "create" || step === "rename" || (inCookie && (step === "update" || step === "delete"))),
    );
  });

  test("a destroyed session is deleted or left alone, never written, touched or sent", () => {
    always(
      (facts) => facts.destroyed,
      ({ step, cookie }) => ["delete", "none"].includes(step) && cookie !== "set",
    );
  });

  test("a session without a record is created and never updated, one with a record never created", () => {
    always(
      (facts) => !facts.exists,
      ({ step }) => step === "none" || step === "create",
    );
    always(
      (facts) => facts.exists,
      ({ step }) => step !== "create",
    );
  });

  test("an empty session without a record causes nothing", () => {
    always(
      (facts) => !facts.exists && facts.empty && !facts.destroyed,
      ({ step, cookie, impossible }) => step === "none" && cookie === "keep" && !impossible,
    );
  });

  test("only destroyed or emptied sessions are deleted, and destroyed ones always", () => {
    always(
      (_, { step }) => step === "delete",
      (__, facts) => (facts.destroyed || (facts.changed && facts.emptied && !facts.regenerated)) && facts.exists,
    );
    always(
      (facts) => facts.destroyed && facts.exists,
      ({ step }) => step === "delete",
    );
  });

  test("an id is replaced exactly when regenerated, and renewed only when due and before the headers", () => {
    always(
      (_, { step }) => step === "rename",
      (__, facts) => facts.regenerated && facts.exists && !facts.destroyed,
    );
    always(
      (facts) => facts.regenerated && facts.exists && !facts.destroyed,
      ({ step }) => step === "rename",
    );
    always(
      (_, { step }) => step === "renew",
      (__, facts) => facts.renewalDue && facts.exists && !facts.headersSent && !facts.regenerated,
    );
  });

  test("a change to an existing session is always written, or is an error", () => {
    always(
      (facts) => facts.exists && facts.changed && !facts.destroyed,
      ({ step, impossible }, { emptied }) =>
        impossible !== false || ["update", "rename", "renew", emptied ? "delete" : "update"].includes(step),
    );
  });

  test("a route that must not change anything at most extends the expiry or renews the id", () => {
    always(
      (facts) => facts.readOnly,
      ({ step, impossible }, facts) =>
        impossible === "read-only" ||
        ["none", "touch", "renew"].includes(step) ||
        (step === "update" && facts.shortened),
    );
    always(
      (facts) => facts.readOnly && facts.exists && facts.changed,
      ({ impossible }) => impossible === "read-only",
    );
  });

  test("data for a session without a record is always created, or is an error", () => {
    always(
      (facts) => !facts.exists && !facts.empty && !facts.destroyed,
      ({ step, impossible }, { headersSent, readOnly }) =>
        step === "create" && (impossible !== false) === (headersSent || readOnly),
    );
  });

  test("a read writes nothing, unless its expiry, id or cookie is due", () => {
    always(
      (facts) =>
        facts.exists &&
        !(
          facts.changed ||
          facts.destroyed ||
          facts.regenerated ||
          facts.renewalDue ||
          facts.touchDue ||
          facts.shortened
        ),
      ({ step, cookie }) => step === "none" && cookie === "keep",
    );
  });

  test("a touch is for an existing, unchanged session that is due", () => {
    always(
      (_, { step }) => step === "touch",
      (__, facts) => facts.exists && (facts.touchDue || facts.shortened) && !facts.changed,
    );
  });

  test("a new id is always sent", () => {
    always(
      (_, { step }) => ["create", "rename", "renew"].includes(step),
      ({ cookie, impossible }, { headersSent }) =>
        impossible === "read-only" || (cookie === "set" && (impossible !== false) === headersSent),
    );
  });

  test("a cookie is set only with a write or a touch, and removed only with the record", () => {
    always(
      (_, { cookie }) => cookie === "set",
      ({ step }) => !["none", "delete"].includes(step),
    );
    always(
      (_, { cookie }) => cookie === "remove",
      ({ step }, facts) => facts.destroyed || step === "delete",
    );
  });

  test("a cookie without a session is not removed: that would race with a login in another tab", () => {
    always(
      (facts) => facts.hadCookie && !facts.exists && facts.empty && !facts.destroyed,
      ({ cookie }) => cookie === "keep",
    );
  });

  test("whether the request had a cookie changes only what is removed at logout", () => {
    always(
      (facts) => facts.hadCookie,
      (planned, facts) => {
        const without = plan({ ...facts, hadCookie: false });
        const same = JSON.stringify(planned) === JSON.stringify(without);
        return same || (facts.destroyed && planned.cookie === "remove" && without.cookie === "keep");
      },
    );
  });

  test("where the session is kept in the cookie, every write sets one", () => {
    always(
      (facts, { impossible }) => facts.inCookie && !impossible,
      ({ step, cookie }) => step === "none" || cookie !== "keep",
    );
  });

  test("every step occurs", () => {
    const steps = new Set(all.map(([, { step }]) => step));
    expect([...steps].sort()).toEqual(["create", "delete", "none", "rename", "renew", "touch", "update"]);
  });
});
