/** Finding one cookie in a `Cookie` header: by its exact name, and only there. */

import { describe, expect, test } from "vitest";
import { findCookie } from "../../../src/core/client/cookie.ts";

const name = "__Host-session";
const find = (header: string | null | undefined): string | undefined | null => findCookie(header, name);

describe("the value", () => {
  test.each([
    ["__Host-session=abc", "abc"],
    ["a=1; __Host-session=abc; b=2", "abc"],
    ["a=1;__Host-session=abc;b=2", "abc"],
    ["a=1;;; ; __Host-session=abc;", "abc"],
    [" \t__Host-session\t =\t abc \t; b", "abc"],
    ["__Host-session=", ""],
    ["__Host-session=  ", ""],
    ["__Host-session=;a=1", ""],
    ["__Host-session=a=b=c", "a=b=c"],
    ["__Host-session=a b", "a b"],
    ["__Host-session=__Host-session", "__Host-session"],
    ["__Host-session=a, b=1", "a, b=1"],
    ["=; __Host-session=abc", "abc"],
    ["theme; __Host-session=abc", "abc"],
    ["ünïcödé=1; __Host-session=abc", "abc"],
    [`a="x; __Host-session=abc; y"`, "abc"],
  ])("in %j is %j", (header, value) => {
    expect(find(header)).toBe(value);
  });

  test.each([
    ['__Host-session="abc"', '"abc"'],
    ["__Host-session=%61%62", "%61%62"],
    ["__Host-session=a+b", "a+b"],
    ["__Host-session=\u00a0abc", "\u00a0abc"],
    ["__Host-session=abc\u2003", "abc\u2003"],
    ["__Host-session=\ufeffabc", "\ufeffabc"],
    ["__Host-session=a\0c", "a\0c"],
    ["__Host-session=abc\n", "abc\n"],
    ["__Host-session=abc\u000b", "abc\u000b"],
    ["__Host-session=j:{}", "j:{}"],
    ["__Host-session=s:x.y", "s:x.y"],
  ])("in %j is the text unchanged: %j", (header, value) => {
    expect(find(header)).toBe(value);
  });
});

describe("finds nothing", () => {
  test.each([
    undefined,
    null,
    "",
    ";",
    "=",
    " ",
    "a=1",
    "__Host-session",
    "__Host-session;",
    "__Host-session; a=1",
    "a=__Host-session=abc",
    "a=1 __Host-session=abc",
    "a=1, __Host-session=abc",
    "=__Host-session=abc",
    "= __Host-session=abc",
    "x__Host-session=abc",
    "-__Host-session=abc",
    "__Host-session2=abc",
    "__Host-session-x=abc",
    "__Host-session[]=abc",
    "__Host-session\u00a0=abc",
    "\u00a0__Host-session=abc",
    "\u3000__Host-session=abc",
    "a=1;\u2003__Host-session=abc",
    "\ufeff__Host-session=abc",
    "\n__Host-session=abc",
    "\0__Host-session=abc",
    "__Host-session\0=abc",
    "__host-session=abc",
    "__HOST-SESSION=abc",
    "__Host-Session=abc",
    "session=abc",
    "__Secure-session=abc",
    "__Host_session=abc",
    "%5F%5FHost-session=abc",
    '"__Host-session"=abc',
  ])("in %j", (header) => {
    expect(find(header)).toBeUndefined();
  });

  test("under $Version and other names of RFC 2965: they are cookies with such names, and Path is no attribute", () => {
    expect(find('$Version="1"; __Host-session="abc"; $Path="/"; $Domain="example.com"')).toBe('"abc"');
    expect(find('$Version=1; $__Host-session="abc"')).toBeUndefined();
    expect(findCookie("$Version=1; a=2", "$Version")).toBe("1");
  });
});

describe("twice in one header", () => {
  test.each(["__Host-session=a; __Host-session=a", "__Host-session=a;x=1;__Host-session = a ;__Host-session=a"])(
    "with one value is that value: %j",
    (header) => {
      expect(find(header)).toBe("a");
    },
  );

  test.each([
    "__Host-session=a; __Host-session=b",
    "__Host-session=b; __Host-session=a",
    "__Host-session=; __Host-session=a",
    "__Host-session=a; __Host-session=",
    "__Host-session=a; x=1; __Host-session=a; __Host-session=b",
    "__Host-session=a; __Host-session=A",
    '__Host-session=a; __Host-session="a"',
  ])("with two different values is refused: %j", (header) => {
    expect(find(header)).toBeNull();
  });

  test("a name in another case, or a longer one, is a different cookie", () => {
    expect(find("__host-session=b; __Host-session=a; __Host-session2=c; x__Host-session=d")).toBe("a");
  });
});

describe("names that begin, end or repeat one another", () => {
  test.each([
    ["a", "aa=1; a=2; aaa=3", "2"],
    ["aa", "aaa=1; aa=2; a=3", "2"],
    ["aa", "aaaa=1;aa=2", "2"],
    ["aba", "ababa=1; aba=2", "2"],
    ["a.b", "a-b=1; aXb=2; a.b=3", "3"],
    ["$&", "x=1; $&=2", "2"],
    ["*", "a=*; *=1", "1"],
  ])("%s in %j is %s", (name, header, value) => {
    expect(findCookie(header, name)).toBe(value);
  });
});

describe("in a long header", () => {
  const found = (header: string): [unknown, number] => {
    const start = performance.now();
    const value = find(header);
    return [value, performance.now() - start];
  };
  test.each([
    ["a value of 16 KB", `__Host-session=${"x".repeat(16_384)}`, "x".repeat(16_384)],
    ["blanks", `${" ".repeat(16_384)}__Host-session${" ".repeat(16_384)}=a`, "a"],
    ["names without a value", `${"__Host-session;".repeat(4000)}__Host-session=a`, "a"],
    ["names and blanks", `${"__Host-session ".repeat(4000)}=a`, undefined],
    ["one name after the other", `${"__Host-session=".repeat(4000)}`, `${"__Host-session=".repeat(3999)}`],
    ["crumbs", `${"a=1; ".repeat(10_000)}__Host-session=a`, "a"],
    ["semicolons", `${";".repeat(60_000)}__Host-session=a`, "a"],
    ["the same cookie again and again", "__Host-session=a; ".repeat(4000), "a"],
    ["blanks in the value", `__Host-session=a${" \t".repeat(30_000)}b`, `a${" \t".repeat(30_000)}b`],
  ])("of %s it takes little time", (_, header, value) => {
    const [got, ms] = found(header);
    expect(got).toBe(value);
    expect(ms).toBeLessThan(500);
  });
});
