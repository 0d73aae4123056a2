/** Names and values as the Firestore and Datastore stores write them. */

import { describe, expect, test } from "vitest";
import { SessionError } from "../../../src/core/contracts/errors.ts";
import {
  checkName,
  encodeText,
  gcloudCommands,
  idOf,
  instantOf,
  keyOf,
  namesOf,
  prepare,
  recordIn,
} from "../../../src/stores/shared/google-record.ts";

const names = namesOf("fields", {});
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

describe("a key", () => {
  test.each([
    ["k3y-Of_a.session:", "k3y-Of_a.session:"],
    ["a/b%2Fc", "a%2Fb%252Fc"],
    [".", "%2E"],
    ["..", "%2E."],
    ["...", "..."],
    [".a", ".a"],
    ["__proto__", "%5F_proto__"],
    ["__", "__"],
    ["____", "%5F___"],
    ["__a", "__a"],
  ])("%s is the id %s, and the id is the key again", (key, id) => {
    expect(idOf(key)).toBe(id);
    expect(keyOf(id)).toBe(key);
  });

  test("is in no id made up by another program", () => {
    for (const id of ["%", "%zz", "a%2fb", "%41", ".", "__x__"]) expect(keyOf(id)).toBeNull();
  });

  test("of two keys no two have one id", () => {
    const parts = ["", ".", "_", "/", "%", "2F", "%2E", "a"];
    const keys = parts.flatMap((a) => parts.flatMap((b) => parts.flatMap((c) => parts.map((d) => a + b + c + d))));
    const different = new Set(keys);
    expect(new Set([...different].map(idOf)).size).toBe(different.size);
    for (const key of different) {
      expect(keyOf(idOf(key))).toBe(key);
      expect(idOf(key)).not.toMatch(/^(\.\.?|__.*__)$|\//);
    }
  });
});

describe("a record", () => {
  test.each(["text", "", "json:", 'json:"x"', "half \ud800 a pair", "\udc00\ud800", '"\\u0000"'])(
    "with %j comes back, as payload and as subject",
    (text) => {
      const { values } = prepare(names, "Test", { payload: text, subject: text, expiresAt: 5000 });
      for (const value of Object.values(values)) {
        if (typeof value === "string") expect(value).toBe(Buffer.from(value).toString());
      }
      expect(recordIn(names, values)).toEqual({ payload: text, subject: text, expiresAt: 5000 });
    },
  );

  test("gets another version each time, and keeps a copy of the bytes", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const [first, second] = [1, 2].map(() => prepare(names, "Test", { payload: bytes, expiresAt: 1 }));
    bytes.fill(9);
    expect(first!.stamp).not.toBe(second!.stamp);
    expect(recordIn(names, first!.values)).toEqual({ payload: Uint8Array.of(1, 2, 3), expiresAt: 1 });
  });

  test("whose text becomes too long when encoded is refused, and so is a long subject", () => {
    const tooLarge = (payload: string, subject?: string) => () =>
      prepare(names, "Test", { payload, subject, expiresAt: 1 });
    for (const refused of [tooLarge(`${'"'.repeat(600_000)}\ud800`), tooLarge("", "漢".repeat(501))]) {
      expect(refused).toThrow(SessionError);
      expect(refused).toThrow(expect.objectContaining({ code: "ERR_SESSION_TOO_LARGE" }));
    }
    expect(tooLarge("", "漢".repeat(500))).not.toThrow();
    expect(tooLarge('"'.repeat(1_000_000))).not.toThrow();
  });

  test("ends within the range of a timestamp", () => {
    expect(instantOf(Number.MAX_SAFE_INTEGER).getTime()).toBe(latest);
    expect(instantOf(Number.POSITIVE_INFINITY).getTime()).toBe(latest);
    expect(instantOf(-1).getTime()).toBe(0);
    expect(instantOf(1.2).getTime()).toBe(2);
  });

  test("of another program is no record", () => {
    for (const values of [
      undefined,
      {},
      { payload: "x" },
      { payload: 1, expiresAt: new Date() },
      { payload: "x", expiresAt: 5 },
      { payload: "json:{", expiresAt: new Date() },
      { payload: "json:1", expiresAt: new Date() },
    ]) {
      expect(recordIn(names, values)).toBeNull();
    }
    expect(encodeText("plain")).toBe("plain");
  });
});

describe("names", () => {
  test("of the user are accepted, wrong ones refused", () => {
    expect(namesOf("fields", { payload: "val" })).toEqual({ ...names, payload: "val" });
    const wrong = [{ payload: "" }, { subject: "a.b" }, { version: "__v__" }, { expiresAt: "payload" }, { version: 1 }];
    for (const given of wrong) expect(() => namesOf("fields", given as never)).toThrow(/^fields\.\w+ must be a name/);
    expect(() => namesOf("fields", null as never)).toThrow("fields must be an object of names; received null");
    for (const name of ["", "a//b", "__a__", "..", 7])
      expect(() => checkName("kind", name, "a name")).toThrow(TypeError);
  });

  test("in commands are quoted for the shell", () => {
    expect(gcloudCommands("it's", "(default)", names, ["payload"])).toBe(
      "gcloud firestore fields ttls update expiresAt --collection-group='it'\\''s' --database='(default)' --enable-ttl\n" +
        "gcloud firestore indexes fields update payload --collection-group='it'\\''s' --database='(default)' --disable-indexes\n",
    );
  });
});
