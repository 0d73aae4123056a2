/** Flask's signed cookie: what is opened, what is refused, and whole sessions in it. */

import { createHash, createHmac } from "node:crypto";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CookieSeal } from "../../../src/core/client/seal.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { type FlaskCookieOptions, flaskCookie } from "../../../src/flask/cookie.ts";
import { runs } from "../../property/arbitraries.ts";
import { request } from "../../support/requests.ts";
import { plusVector, secretKey, signedAt, vectors } from "./vectors.ts";

const day = 86_400;
const lifetime = 31 * day;
const t1 = "eyJrIjoidiJ9.ZVPxAA.kzeFk5zUynO2ln-7a56trNy76iY";

/** The seal, at so many seconds after the vectors were signed. */
function sealAt(age = 0, options: Partial<FlaskCookieOptions> = {}): CookieSeal {
  return flaskCookie({ secretKey, now: () => (signedAt + age) * 1000, ...options }).store.seal;
}

/** A cookie that Flask might have signed, of any body and time. */
function signed(body: string, time = "ZVPxAA", key = secretKey): string {
  const derived = createHmac("sha1", key).update("cookie-session").digest();
  const signature = createHmac("sha1", derived).update(`${body}.${time}`).digest("base64url");
  return `${body}.${time}.${signature}`;
}

function setUp<Data extends object>(options: Partial<FlaskCookieOptions> = {}) {
  const clock = { now: signedAt * 1000 };
  const sessions = new Sessions<Data>({ ...flaskCookie({ secretKey, now: () => clock.now, ...options }) });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  return { clock, sessions, types: () => events.map(({ type }) => type) };
}

describe("the seal", () => {
  test.each(vectors)("%s opens, and is sealed as Flask does", async (_, json, cookie) => {
    const seal = sealAt();
    const expiresAt = (signedAt + lifetime) * 1000 + 999;
    expect(await seal.open(cookie, "session")).toEqual({ payload: json, expiresAt, stale: false });
    const ours = await seal.seal(json, (signedAt + lifetime) * 1000, "session");
    // What zlib writes, and whether that is shorter, may differ from build to build.
    if (cookie.startsWith(".")) expect((await seal.open(ours, "session"))?.payload).toBe(json);
    else expect(ours).toBe(cookie);
  });

  test("Flask-Session-Plus's cookie opens, with its hash", async () => {
    const [json, cookie] = plusVector;
    const seal = sealAt(0, { digest: "sha3-256" });
    expect(await seal.open(cookie, "session")).toMatchObject({ payload: json });
    expect(await seal.seal(json, (signedAt + lifetime) * 1000, "session")).toBe(cookie);
    expect(await sealAt().open(cookie, "session")).toBeNull();
  });

  test("the last character is accepted in its four spellings, and with padding", async () => {
    const open = async (text: string) => ((await sealAt().open(text, "session")) ? 1 : 0);
    for (const end of ["Y", "Z", "a", "b", "Y=", "Y==="]) expect(await open(t1.slice(0, -1) + end), end).toBe(1);
    for (const end of ["X", "c", "=Y", "", "!", "YA"]) expect(await open(t1.slice(0, -1) + end), end).toBe(0);
  });

  test.each([
    ["at once", 0, true],
    ["to the end of its last second", lifetime, true],
    ["no longer", lifetime + 1, false],
    ["not before it was signed", -1, false],
  ])("is valid %s", async (_, age, good) => {
    const opened = await sealAt(age).open(t1, "session");
    expect(opened !== null && opened.expiresAt > (signedAt + age) * 1000 + 998).toBe(good);
  });

  test("the lifetime is cut to whole seconds", async () => {
    const seal = sealAt(0, { lifetime: "90500ms" });
    expect(await seal.open(t1, "session")).toMatchObject({ expiresAt: (signedAt + 90) * 1000 + 999 });
  });

  test("a session that ends earlier is signed as if it were older, one that ends later as of now", async () => {
    const time = async (end: number) => (await sealAt().seal("{}", (signedAt + end) * 1000, "session")).split(".")[1];
    const octets = (text = "") => Buffer.from(text, "base64url").readUIntBE(0, 4);
    expect(octets(await time(60))).toBe(signedAt + 60 - lifetime);
    expect(octets(await time(lifetime * 2))).toBe(signedAt);
  });

  test("a session of 1970 has an empty timestamp", async () => {
    const seal = sealAt(-signedAt);
    const cookie = await seal.seal('{"k":"v"}', lifetime * 1000, "session");
    expect(cookie.split(".")[1]).toBe("");
    expect(await seal.open(cookie, "session")).toMatchObject({ expiresAt: lifetime * 1000 + 999 });
  });

  test.each([
    ["", "nothing"],
    ["eyJrIjoidiJ9", "no time"],
    ["eyJrIjoidiJ9.ZVPxAA", "no signature"],
    ["eyJrIjoidiJ8.ZVPxAA.kzeFk5zUynO2ln-7a56trNy76iY", "another payload"],
    ["eyJrIjoidiJ9.ZVPxAQ.kzeFk5zUynO2ln-7a56trNy76iY", "another time"],
    [signed("eyJrIjoidiJ9", "ZVPxAA", "another key"), "another key"],
    [signed("eyJrIjoidiJ9", "ZVPx AA"), "a time that is none"],
    [signed("eyJrIjoidiJ9", "A".repeat(12)), "a time of nine octets"],
    [signed("eyJrIjoidiJ9", "_".repeat(10)), "a time to come"],
    [signed("e"), "a payload of no octets"],
    [signed("_w"), "octets that are not UTF-8"],
    [signed(".AAAA"), "octets that zlib does not know"],
    [
      signed(
        `.${deflateSync(`{"k":"${"v".repeat(100)}"}`)
          .subarray(0, 12)
          .toString("base64url")}`,
      ),
      "zlib cut off",
    ],
    [signed(`.${deflateSync(Buffer.alloc(2 ** 21, 32)).toString("base64url")}`), "a bomb"],
    [`${".".repeat(10_000)}`, "dots"],
  ])("refuses %.60s: %s", async (cookie) => {
    expect(await sealAt().open(cookie, "session")).toBeNull();
  });

  test("a text that differs in one character is refused", async () => {
    const character = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~ ");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...vectors), fc.nat(), character, async ([, json, cookie], at, one) => {
        const place = at % cookie.length;
        const opened = await sealAt().open(cookie.slice(0, place) + one + cookie.slice(place + 1), "session");
        // The last two bits of the signature mean nothing.
        expect(
          opened === null || (place >= cookie.length - 1 && opened.payload === json) || cookie[place] === one,
        ).toBe(true);
      }),
      runs(1000),
    );
  });

  test("a cookie of equals signs is refused quickly", async () => {
    const padding = "=".repeat(1_000_000);
    for (const text of [`a.b.${padding}x`, `a.${padding}x.b`, `a${padding}x.b.c`, `a.b.${padding}`])
      expect(await sealAt().open(text, "session")).toBeNull();
  });

  test("random texts are refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(..."eyJ.AZ_-=") }), async (text) => {
        expect(await sealAt().open(text, "session")).toBeNull();
      }),
      runs(500),
    );
  });
});

describe("whole sessions", () => {
  interface Data {
    n: number;
    k: string;
    secret: string;
  }

  test("a cookie of Flask is read, changed and ended", async () => {
    const { sessions } = setUp<Data>();
    const read = await request(sessions, `session=${t1}`, ({ data, isNew }) => [data.k, isNew]);
    expect([read.value, read.setCookie]).toEqual([["v", false], undefined]);
    const write = await request(sessions, read.cookie, ({ data }) => Object.assign(data, { n: 1 }));
    expect(write.setCookie).toBe(
      `session=${signed(Buffer.from('{"k":"v","n":1}').toString("base64url"))}; Path=/; Secure; HttpOnly; SameSite=Lax`,
    );
    const end = await request(sessions, write.cookie, (session) => session.destroy());
    expect(end.cookie).toBeUndefined();
  });

  test("a new session is not permanent, and can be", async () => {
    const { sessions } = setUp<Data>();
    const begin = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
    expect(begin.setCookie).toContain(`session=${t1};`);
    expect(begin.setCookie).not.toContain("Max-Age");
    const permanent = await request(sessions, begin.cookie, (session) => Object.assign(session, { persistent: true }));
    expect(permanent.setCookie).toContain(`Max-Age=${lifetime};`);
    const json = '{"_permanent":true,"k":"v"}';
    expect(permanent.cookie).toBe(`session=${signed(Buffer.from(json).toString("base64url"))}`);
    const always = setUp<Data>({ permanent: true });
    const other = await request(always.sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
    expect(other.cookie).toBe(permanent.cookie);
  });

  test("a login is under Flask's key; the cookie before it stays valid, for there is no id", async () => {
    const { sessions } = setUp<Data>({ subjectKey: "_user_id" });
    const begin = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const login = await request(sessions, begin.cookie, (session) => session.login("7"));
    expect(login.cookie).toBe(`session=${signed(Buffer.from('{"_user_id":"7","n":1}').toString("base64url"))}`);
    const read = await request(sessions, login.cookie, ({ subject, data }) => [subject, { ...data }]);
    expect(read.value).toEqual(["7", { n: 1 }]);
    expect((await request(sessions, begin.cookie, ({ subject, data }) => [subject, data.n])).value).toEqual([
      undefined,
      1,
    ]);
  });

  test("use keeps a session alive, and its idle timeout ends it", async () => {
    const { sessions, clock, types } = setUp<Data>({ lifetime: "1h" });
    let { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    for (let i = 0; i < 3; i++) {
      clock.now += 50 * 60_000;
      const answer = await request(sessions, cookie, ({ data }) => data.n);
      expect(answer.value).toBe(1);
      cookie = answer.cookie;
    }
    clock.now += 61 * 60_000;
    expect((await request(sessions, cookie, ({ isNew }) => isNew)).value).toBe(true);
    expect(types()).toEqual(["session_created", "session_use_after_expire"]);
  });

  test("a session written on routes that do not touch keeps its end", async () => {
    const { sessions, clock } = setUp<Data>({ lifetime: "1h" });
    let { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const time = cookie?.split(".")[1];
    for (let i = 0; i < 10; i++) {
      clock.now += 5000;
      const incoming = { cookie };
      const headers = new Headers();
      const exchange = sessions.open(incoming, { cookie: (one) => one.cookie, secure: () => true });
      exchange.restrict("no-touch");
      (await exchange.get()).update("n", (n = 0) => n + 1);
      await exchange.commit(headers);
      [cookie] = headers.getSetCookie()[0]?.split(";") ?? [];
    }
    expect(cookie?.split(".")[1]).toBe(time);
    expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(11);
  });

  test("an unsigned cookie is no session and an event", async () => {
    const { sessions, types } = setUp<Data>();
    expect((await request(sessions, `session=${t1}A`, ({ isNew }) => isNew)).value).toBe(true);
    expect((await request(sessions, `session=${signed("W10")}`, ({ isNew }) => isNew)).value).toBe(true);
    expect(types()).toEqual(["token_refused", "record_refused"]);
  });

  test("a text that compresses well is compressed", async () => {
    const { sessions } = setUp<Data>();
    const long = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: "v".repeat(100_000) }));
    expect(long.cookie).toMatch(/^session=\.eJ.{100,300}$/);
    expect((await request(sessions, long.cookie, ({ data }) => data.k?.length)).value).toBe(100_000);
  });

  test("a key is rotated while sessions continue", async () => {
    const before = setUp<Data>({ secretKey: "old" });
    const { cookie } = await request(before.sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const { sessions } = setUp<Data>({ secretKey: "new", fallbacks: ["older", "old"] });
    const again = await request(sessions, cookie, ({ data }) => data.n);
    expect(again.value).toBe(1);
    expect(again.cookie).toBe(`session=${signed(Buffer.from('{"n":1}').toString("base64url"), "ZVPxAA", "new")}`);
    const after = setUp<Data>({ secretKey: "new" });
    expect((await request(after.sessions, again.cookie, ({ data }) => data.n)).value).toBe(1);
    expect((await request(after.sessions, cookie, ({ isNew }) => isNew)).value).toBe(true);
  });

  test("a cookie that is too large is an error before the response", async () => {
    const { sessions } = setUp<Data>();
    const digests = Array.from({ length: 100 }, (_, i) => createHash("sha256").update(String(i)).digest("base64"));
    const secret = digests.join("");
    const { error, setCookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { secret }));
    expect([error, setCookie]).toEqual([expect.objectContaining({ code: "ERR_SESSION_TOO_LARGE" }), undefined]);
  });
});

describe("options", () => {
  test("are Flask's, and the keys may be bytes", () => {
    const { store, format, now, ...rest } = flaskCookie({ secretKey: Uint8Array.of(1, 2, 3) });
    expect(rest).toEqual({ cookie: { prefix: "" }, idleTimeout: lifetime, absoluteTimeout: false, persistent: false });
    expect([store.name, format.foreign, now]).toEqual(["cookie", true, undefined]);
  });

  test.each([
    [undefined, /argument|flaskCookie\(options\) must be/],
    [{}, /secretKey must be/],
    [{ secretKey: "" }, /secretKey must be/],
    [{ secretKey, fallbacks: "old" }, /fallbacks must be/],
    [{ secretKey, fallbacks: [""] }, /fallbacks must be/],
    [{ secretKey, lifetime: "soon" }, /lifetime must be/],
    [{ secretKey, permanent: 1 }, /permanent must be/],
    [{ secretKey, digest: "md5" }, /digest must be/],
    [{ secretKey, salt: 1 }, /salt must be/],
    [{ secretKey, now: 1 }, /now must be/],
    [{ secretKey, subjectKey: "" }, /subjectKey must be/],
    [{ secretKey, secret: 1 }, /no option "secret"/],
  ])("%j is refused", (options, message) => {
    expect(() => flaskCookie(options as never)).toThrow(message);
    expect(() => flaskCookie(options as never)).toThrow(TypeError);
  });
});
