/** What the library notes of a session, through everything that copies, compares and merges it. */

import { describe, expect, test } from "vitest";
import type { Content, LazyContent, Meta } from "../../../src/core/contracts/format.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { endLogin, isMeta, mergeMeta, sameMeta } from "../../../src/core/record/meta.ts";

const now = 1_790_000_000_000;
const login: Meta = {
  subject: "ada",
  created: now,
  authenticated: now,
  methods: { password: now, otp: now - 5 },
  idle: 60_000,
  absolute: 600_000,
  device: { label: "Firefox on Linux", ip: "192.0.2.1", mobile: false },
  label: "my desk",
};
const copy = (meta: Meta): Meta => JSON.parse(JSON.stringify(meta)) as Meta;

test("every field comes back from a record, decoded at once or lazily", () => {
  const format = jsonFormat();
  const payload = format.encode({ data: { a: 1 }, meta: login });
  expect(format.decode(payload)).toEqual({ data: { a: 1 }, meta: login });
  const lazy = format.decodeLazily?.(payload) as LazyContent;
  expect(lazy.meta).toEqual(login);
  expect(lazy.encode(lazy)).toBe(payload);
  const changed: Content = { data: lazy.data, meta: { ...lazy.meta, device: { label: "other" } } };
  expect(format.decode(lazy.encode(changed)).meta).toEqual(changed.meta);
});

test.each<[string, object]>([
  ["methods that are no times", { methods: { otp: "now" } }],
  ["methods in a list", { methods: [1] }],
  ["a device that is no object", { device: "phone" }],
  ["a device that is a Date", { device: { $: ["Date", 0] } }],
  ["a label that is no text", { label: 1 }],
  ["a lifetime that is no number", { absolute: "1h" }],
  ["no lifetime at all", { idle: null }],
])("a record with %s is no session", (_, meta) => {
  const format = jsonFormat();
  const payload = JSON.stringify({ sojourn: 1, meta, data: {} });
  expect(() => format.decode(payload)).toThrow(TypeError);
  expect(() => format.decodeLazily?.(payload)).toThrow(TypeError);
});

test("inherited names are fields like any that a later version adds", () => {
  expect(isMeta(JSON.parse('{"constructor":1,"toString":{},"__proto__":[]}'))).toBe(true);
});

test("equal objects compare as equal, also when decoded twice", () => {
  expect(sameMeta(login, copy(login))).toBe(true);
  expect(sameMeta(login, { ...copy(login), device: { label: "other" } })).toBe(false);
  const { device: _, ...without } = login;
  expect(sameMeta(login, without)).toBe(false);
  expect(sameMeta(without, login)).toBe(false);
});

describe("when two requests changed one session", () => {
  test("a field that this request left unchanged is the other's, objects too", () => {
    const theirs = { ...login, device: { label: "theirs" }, methods: { otp: now + 1 }, label: "theirs", idle: 1 };
    expect(mergeMeta(login, copy(login), theirs)).toEqual(theirs);
  });

  test("a device renamed in one stays renamed beside a confirmation in the other", () => {
    const confirmed = { ...login, authenticated: now + 9, methods: { ...login.methods, otp: now + 9 } };
    expect(mergeMeta(login, { ...copy(login), label: "kitchen" }, confirmed)).toEqual({
      ...confirmed,
      label: "kitchen",
    });
    expect(mergeMeta(login, confirmed, { ...copy(login), label: "kitchen" })).toEqual({
      ...confirmed,
      label: "kitchen",
    });
  });

  test("the newest proof of each method counts, whichever request saves last", () => {
    const mine = { ...login, authenticated: now + 5, methods: { password: now + 5, otp: now - 5 } };
    const theirs = { ...login, authenticated: now + 7, methods: { password: now, otp: now + 7, key: now + 7 } };
    const both = { authenticated: now + 7, methods: { password: now + 5, otp: now + 7, key: now + 7 } };
    expect(mergeMeta(login, mine, theirs)).toEqual({ ...login, ...both });
    expect(mergeMeta(login, theirs, mine)).toEqual({ ...login, ...both });
  });

  test("a login decides its lifetimes and its device, also their absence", () => {
    const mine: Meta = { ...copy(login), created: now + 9, authenticated: now + 9 };
    endLogin(mine);
    mine.methods = { key: now + 9 };
    const theirs = { ...login, idle: 5, absolute: 6, device: { label: "theirs" } };
    const merged = mergeMeta(login, mine, theirs, true);
    expect(merged).toEqual({
      subject: "ada",
      created: now + 9,
      authenticated: now + 9,
      methods: { key: now + 9 },
      label: "my desk",
    });
  });

  test("of two logins of one user the later one counts, with the proofs of both", () => {
    const theirs: Meta = { subject: "ada", created: now, authenticated: now, methods: { otp: now }, idle: 5 };
    const mine: Meta = {
      subject: "ada",
      created: now + 1,
      authenticated: now + 1,
      methods: { key: now + 1 },
      absolute: 7,
    };
    expect(mergeMeta({}, mine, theirs, true)).toEqual({ ...mine, methods: { otp: now, key: now + 1 } });
  });

  test("what was noted of an id does not apply to the id that replaced it", () => {
    const base: Meta = { ...login, renewed: now, unseen: true };
    const mine: Meta = { ...login, renewed: now, seen: now + 1 };
    expect(mergeMeta(base, mine, { ...base })).toEqual({ ...login, renewed: now, seen: now + 1 });
    const theirs: Meta = { ...login, renewed: now + 5, unseen: true };
    expect(mergeMeta(base, mine, theirs)).toEqual(theirs);
  });
});
