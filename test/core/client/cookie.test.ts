/** The cookie: every combination of its options, its lines, and what tough-cookie makes of them. */

import { CookieJar } from "tough-cookie";
import { describe, expect, test } from "vitest";
import { type CookieOptions, makeCookie } from "../../../src/core/client/cookie.ts";
import { SessionError } from "../../../src/core/contracts/errors.ts";

const value = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

describe("by default", () => {
  test("the cookie is __Host-session, Secure, HttpOnly, SameSite=Lax, for all paths and this host, and ends with the browser", () => {
    expect(makeCookie().name).toBe("__Host-session");
    expect(makeCookie().baseName).toBe("session");
    expect(makeCookie().set(value)).toBe(`__Host-session=${value}; Path=/; Secure; HttpOnly; SameSite=Lax`);
  });

  test("the removal repeats every attribute", () => {
    expect(makeCookie().remove()).toBe(
      "__Host-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax",
    );
    const options = { path: "/app", domain: "example.com", sameSite: "none", partitioned: true } as const;
    expect(makeCookie(options).remove()).toBe(
      "__Secure-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=example.com; Path=/app; Secure; HttpOnly; SameSite=None; Partitioned",
    );
  });

  test("a persistent cookie has Max-Age, also of 0 seconds", () => {
    expect(makeCookie().set("x", 3600)).toBe("__Host-session=x; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax");
    expect(makeCookie().set("x", 0)).toContain("; Max-Age=0;");
  });

  test.each<[CookieOptions, string]>([
    [{}, "__Host-session"],
    [{ path: "/app" }, "__Secure-session"],
    [{ domain: "example.com" }, "__Secure-session"],
    [{ secure: false }, "session"],
    [{ secure: false, path: "/app" }, "session"],
    [{ prefix: "" }, "session"],
    [{ prefix: "__Http-" }, "__Http-session"],
    [{ prefix: "__Host-Http-" }, "__Host-Http-session"],
    [{ name: "id" }, "__Host-id"],
    [{ name: "__Host-id" }, "__Host-id"],
    [{ name: "__Secure-id" }, "__Secure-id"],
    [{ name: "__host-id" }, "__host-id"],
    [{ name: "__Host-Http-id" }, "__Host-Http-id"],
    [{ name: "__session", prefix: "" }, "__session"],
    [{ name: "__session", secure: false }, "__session"],
    [{ name: "connect.sid", secure: false, prefix: undefined }, "connect.sid"],
  ])("the prefix that fits %j makes %s", (options, name) => {
    expect(makeCookie(options).name).toBe(name);
  });

  test.each([
    ["id", "id"],
    ["__Host-id", "id"],
    ["__Host-Http-id", "id"],
    ["__Http-id", "id"],
    ["__secure-id", "id"],
    ["__session", "__session"],
    ["__Host-", "__Host-"],
  ])("the name %s without its prefix is %s", (name, base) => {
    expect(makeCookie({ name }).baseName).toBe(base);
  });
});

function messageOf(make: () => unknown): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

interface Combination {
  readonly prefix: Exclude<CookieOptions["prefix"], undefined> | "(default)" | "(in the name)";
  readonly secure: boolean;
  readonly path: string;
  readonly domain: string | undefined;
  readonly sameSite: "lax" | "strict" | "none";
  readonly partitioned: boolean;
}

function* combinations(): Generator<Combination> {
  const prefixes = ["(default)", "(in the name)", "__Host-", "__Secure-", "__Host-Http-", "__Http-", ""] as const;
  for (const prefix of prefixes) {
    for (const secure of [true, false]) {
      for (const path of ["/", "/app"]) {
        for (const domain of [undefined, "example.com"]) {
          for (const sameSite of ["lax", "strict", "none"] as const) {
            for (const partitioned of [false, true]) yield { prefix, secure, path, domain, sameSite, partitioned };
          }
        }
      }
    }
  }
}

/** What a browser would not take, in the order in which it is said; `undefined` when it takes it. */
function objection({ prefix, secure, path, domain, sameSite, partitioned }: Combination): RegExp | undefined {
  const bound = prefix === "__Host-" || prefix === "__Host-Http-" || prefix === "(in the name)";
  if (!secure && prefix !== "" && prefix !== "(default)") {
    return /^cookie: the prefix of "[^"]+" needs secure: true; received secure: false$/;
  }
  if (bound && path !== "/" && domain === undefined) {
    return /^cookie: "[^"]+" needs path "\/" and no domain; received another path$/;
  }
  if (bound && domain !== undefined) return /^cookie: "[^"]+" needs path "\/" and no domain; received a domain$/;
  if (!secure && sameSite === "none") {
    return /^cookie\.sameSite "none" needs secure: true; received secure: false$/;
  }
  if (!secure && partitioned) return /^cookie\.partitioned needs secure: true; received secure: false$/;
  return undefined;
}

function optionsOf({ prefix, ...others }: Combination): CookieOptions {
  if (prefix === "(default)") return others;
  return prefix === "(in the name)" ? { ...others, name: "__Host-session" } : { ...others, prefix };
}

test("of all 336 combinations, those that browsers accept are accepted, and each other says why", () => {
  const count = { taken: 0, refused: 0 };
  for (const combination of combinations()) {
    const why = objection(combination);
    const make = (): unknown => makeCookie(optionsOf(combination));
    if (why) {
      expect(make, JSON.stringify(combination)).toThrow(TypeError);
      expect(make, JSON.stringify(combination)).toThrow(why);
    } else {
      expect(make, JSON.stringify(combination)).not.toThrow();
    }
    count[why ? "refused" : "taken"] += 1;
  }
  expect(count).toEqual({ taken: 130, refused: 206 });
});

test("of all accepted combinations, tough-cookie keeps the cookie, sends it back, and lets it be removed", () => {
  for (const combination of combinations()) {
    if (objection(combination)) continue;
    const cookie = makeCookie(optionsOf(combination));
    const jar = new CookieJar(undefined, { prefixSecurity: "strict" });
    const url = `https://example.com${combination.path}`;
    const context = { sameSiteContext: "strict" } as const;
    jar.setCookieSync(cookie.set(value, 3600), url, context);
    expect(jar.getCookieStringSync(url), JSON.stringify(combination)).toBe(`${cookie.name}=${value}`);
    expect(jar.getCookieStringSync("https://sub.example.com/app").length > 0).toBe(combination.domain !== undefined);
    expect(jar.getCookieStringSync("http://example.com/app").length > 0).toBe(!combination.secure);
    const [kept] = jar.getCookiesSync(url);
    expect(kept).toMatchObject({
      httpOnly: true,
      secure: combination.secure,
      sameSite: combination.sameSite,
      maxAge: 3600,
    });
    jar.setCookieSync(cookie.remove(), url, context);
    expect(jar.getCookieStringSync(url), JSON.stringify(combination)).toBe("");
  }
});

test("a removal without every attribute does not remove a __Host- cookie in tough-cookie", () => {
  const jar = new CookieJar(undefined, { prefixSecurity: "strict" });
  jar.setCookieSync(makeCookie().set(value), "https://example.com/");
  const without = makeCookie().remove().replace("; Secure", "");
  expect(() => jar.setCookieSync(without, "https://example.com/")).toThrow(/__Host/);
  expect(jar.getCookieStringSync("https://example.com/")).toBe(`__Host-session=${value}`);
});

describe("a wrong option is a TypeError that names it", () => {
  const name = "a cookie name: 1 to 99 letters, digits or !#$%&'*+-.^_`|~";
  const path = 'a path that begins with "/" and holds no ";", at most 1024 characters';
  const domain = "a domain name, at most 1024 characters";
  const sameSite = '"lax", "strict" or "none"';
  const prefix = '"__Host-", "__Secure-", "__Host-Http-", "__Http-" or ""';
  test.each<[string, string, unknown, string]>([
    ["name", name, "", "received a string of 0 characters"],
    ["name", name, "a b", "received a string of 3 characters"],
    ["name", name, "a=b", "received a string of 3 characters"],
    ["name", name, "a;b", "received a string of 3 characters"],
    ["name", name, "séance", "received a string of 6 characters"],
    ["name", name, "a\r\nb", "received a string of 4 characters"],
    ["name", name, "x".repeat(100), "received a string of 100 characters"],
    ["name", name, null, "received null"],
    ["name", name, 5, "received 5"],
    ["secure", "true or false", "true", "received a string of 4 characters"],
    ["secure", "true or false", null, "received null"],
    ["secure", "true or false", "auto", "received a string of 4 characters"],
    ["partitioned", "true or false", 1, "received 1"],
    ["sameSite", sameSite, "Lax", "received a string of 3 characters"],
    ["sameSite", sameSite, true, "received true"],
    ["sameSite", sameSite, null, "received null"],
    ["sameSite", sameSite, "toString", "received a string of 8 characters"],
    ["path", path, "", "received a string of 0 characters"],
    ["path", path, "app", "received a string of 3 characters"],
    ["path", path, "/a;b", "received a string of 4 characters"],
    ["path", path, "/a\nb", "received a string of 4 characters"],
    ["path", path, "/é", "received a string of 2 characters"],
    ["path", path, `/${"x".repeat(1024)}`, "received a string of 1025 characters"],
    ["path", path, null, "received null"],
    ["domain", domain, "", "received a string of 0 characters"],
    ["domain", domain, ".example.com", "received a string of 12 characters"],
    ["domain", domain, "example.com.", "received a string of 12 characters"],
    ["domain", domain, "https://example.com", "received a string of 19 characters"],
    ["domain", domain, "example.com; Secure", "received a string of 19 characters"],
    ["domain", domain, "example.com:8080", "received a string of 16 characters"],
    ["domain", domain, null, "received null"],
    ["prefix", prefix, "__host-", "received a string of 7 characters"],
    ["prefix", prefix, "Host", "received a string of 4 characters"],
    ["prefix", prefix, null, "received null"],
    ["prefix", prefix, false, "received false"],
  ])("%s must be %s", (option, takes, wrong, got) => {
    const make = (): unknown => makeCookie({ [option]: wrong });
    expect(make).toThrow(TypeError);
    expect(messageOf(make)).toBe(`cookie.${option} must be ${takes}; ${got}`);
  });

  test("with the path of the option, when it is nested", () => {
    expect(() => makeCookie({ secure: 1 as never }, "parts.cart.cookie")).toThrow(
      /^parts\.cart\.cookie\.secure must be/,
    );
  });

  test("sameSite given as a list is refused", () => {
    expect(() => makeCookie({ sameSite: ["none"] as never, secure: false })).toThrow(TypeError);
  });

  test.each([null, "session", 5, true, () => {}])("%j instead of the options object is refused", (options) => {
    expect(() => makeCookie(options as never)).toThrow(/^cookie must be an object of cookie options; received /);
  });

  test.each(["maxAge", "httpOnly", "samesite", "expires", "signed", "toString", "__proto__"])(
    "the unknown option %s is refused",
    (option) => {
      const options = Object.fromEntries([[option, true]]);
      expect(() => makeCookie(options)).toThrow(`cookie: there is no option "${option}"; `);
      expect(() => makeCookie(options)).toThrow("here are name, prefix, secure, sameSite, path, domain, partitioned");
    },
  );

  test("undefined is the same as absent", () => {
    const options = { name: undefined, prefix: undefined, secure: undefined, sameSite: undefined };
    const cookie = makeCookie({ ...options, path: undefined, domain: undefined, partitioned: undefined });
    expect(cookie.set("x")).toBe(makeCookie().set("x"));
  });
});

describe("4096 octets", () => {
  const room = 4096 - "__Host-session".length;

  test("of name and value together are sent, and tough-cookie keeps them", () => {
    const line = makeCookie().set("x".repeat(room), 60);
    const jar = new CookieJar();
    jar.setCookieSync(line, "https://example.com/");
    expect(jar.getCookieStringSync("https://example.com/")).toBe(`__Host-session=${"x".repeat(room)}`);
  });

  test("and one more are ERR_SESSION_TOO_LARGE, which gives the size and not the content", () => {
    const set = (): string => makeCookie().set("x".repeat(room + 1));
    expect(set).toThrow(SessionError);
    expect(set).toThrow('the cookie "__Host-session" would take 4097 octets, and browsers keep at most 4096');
    expect(set).not.toThrow(/xx/);
  });

  test("are octets, not characters", () => {
    expect(() => makeCookie().set("é".repeat(room / 2))).not.toThrow();
    expect(() => makeCookie().set(`${"é".repeat(room / 2)}x`)).toThrow("4097 octets");
    expect(() => makeCookie().set("😀".repeat(1021))).toThrow("4098 octets");
  });
});
