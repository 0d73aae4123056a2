/** A hundred thousand random and hostile `Cookie` headers: what is found in them, and what of it reaches the store. */

import { describe, expect, test } from "vitest";
import { findCookie } from "../../src/core/client/cookie.ts";
import { bareToken, sealedToken, signedToken, type TokenFormat } from "../../src/core/client/token.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { countedStore } from "../core/request/counted.ts";
import { seeded } from "../support/random.ts";
import { request } from "../support/requests.ts";

const name = "__Host-session";
const reader = { cookie: (incoming: { cookie: string }) => incoming.cookie, secure: () => true };

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): (below: number) => number {
  const random = seeded(seed);
  return (below) => Math.floor(random() * below);
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const rare = [" ", " ", "\t", "  ", "\u00a0", "\u2003", "\n", "\r\n", "\0", "\ufeff"];
const blanks = [...Array<string>(30).fill(""), ...rare];
const separators = [";", "; ", "; ", "; ", "; ", ";;", ",", ", ", " ", "&", ";\t"];
const names = [
  name,
  name,
  name,
  name.toLowerCase(),
  name.toUpperCase(),
  `${name}2`,
  `x${name}`,
  `"${name}"`,
  `${name}[]`,
  "session",
  "__Secure-session",
  "$Version",
  "$Path",
  "__proto__",
  "constructor",
  "",
  "é",
  "\ud800",
];
const oddValues = [
  "",
  "null",
  "undefined",
  "true",
  "[object Object]",
  "../../etc/passwd",
  "session:*",
  "' OR 1=1 --",
  "$ne",
  '{"$gt":""}',
  "j:[]",
  "s:a.b",
  "%00",
  "\0",
  "é".repeat(43),
  "😀".repeat(22),
  "\ud800".repeat(43),
  "A".repeat(42),
  "A".repeat(44),
  "A".repeat(9000),
  `${name}=x`,
  "a=b=c",
];

/** What a header may hold as a value: hostile text, random ids, and `genuine` tokens. */
function aValue(random: (below: number) => number, genuine: readonly string[]): string {
  const kind = random(10);
  if (kind < 3) return oddValues[random(oddValues.length)] as string;
  if (kind < 6) return genuine[random(genuine.length)] as string;
  let id = "";
  for (let i = 0; i < 43; i++) id += digits[random(64)];
  if (kind < 8) return id;
  const at = random(44);
  const odd = String.fromCharCode(random(kind === 8 ? 128 : 0x10000));
  return id.slice(0, at) + odd + id.slice(at + random(2));
}

function aHeader(random: (below: number) => number, genuine: readonly string[]): string {
  const blank = (): string => blanks[random(blanks.length)] as string;
  let header = "";
  for (let parts = 1 + random(5); parts > 0; parts--) {
    const part = names[random(names.length)] + blank() + (random(12) > 0 ? "=" : "") + blank();
    const value = aValue(random, genuine);
    header += blank() + part + (random(12) > 0 ? value : `"${value}"`) + separators[random(separators.length)];
  }
  // Now and then any character at all, anywhere.
  if (random(8) > 0) return header;
  const at = random(header.length);
  return header.slice(0, at) + String.fromCharCode(random(0x100)) + header.slice(at);
}

/** The same search, the slow and plain way. */
function plainly(header: string): string | undefined | null {
  const values = new Set<string>();
  for (const pair of header.split(";")) {
    const [, key, value] = /^[ \t]*([^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$/s.exec(pair) ?? [];
    if (key === name) values.add(value as string);
  }
  return values.size > 1 ? null : [...values][0];
}

test("in a hundred thousand headers a plain search finds the same, and only well-formed ids reach the store", async () => {
  const { store, calls } = countedStore();
  const sessions = new Sessions({ store });
  const { cookie } = await request(sessions, undefined, (session) => {
    session.data["live"] = true;
  });
  const live = String(cookie).slice(name.length + 1);
  const random = numbers(20_260_101);
  const count = { headers: 0, absent: 0, refused: 0, malformed: 0, asked: 0, live: 0 };
  const events: Record<string, number> = {};
  sessions.on(({ type }) => {
    events[type] = (events[type] ?? 0) + 1;
  });

  for (let i = 0; i < 100_000; i++) {
    const header = aHeader(random, [live]);
    const expected = plainly(header);
    const found = findCookie(header, name);
    if (found !== expected) expect([header, found]).toEqual([header, expected]);

    calls.length = 0;
    const incoming = { cookie: header };
    const exchange = sessions.open(incoming, reader);
    const session = await exchange.get();
    const headers = new Headers();
    await exchange.commit(headers);
    const asks = typeof expected === "string" && /^[\w-]{43}$/.test(expected);
    if (calls.join() !== (asks ? "read" : "")) expect([header, calls]).toEqual([header, asks ? ["read"] : []]);
    if (session.isNew === (expected === live)) expect([header, session.isNew]).toEqual([header, expected !== live]);
    if (headers.getSetCookie().length > 0) expect([header, headers.getSetCookie()]).toEqual([header, []]);

    count.headers += 1;
    if (expected === undefined) count.absent += 1;
    else if (expected === null) count.refused += 1;
    else if (!asks) count.malformed += 1;
    else count.asked += 1;
    if (expected === live) count.live += 1;
  }

  // All of it happened, often.
  expect(Math.min(...Object.values(count))).toBeGreaterThan(1000);
  expect(events).toEqual({
    token_refused: count.refused + count.malformed,
    session_use_after_expire: count.asked - count.live,
  });
});

describe("with signed or sealed tokens", () => {
  const secret = "a secret of at least 32 characters, really";
  const formats: [string, TokenFormat][] = [
    ["signed", signedToken(secret)],
    ["sealed", sealedToken(secret)],
  ];

  test.each(formats)("of 5000 headers only the genuine %s ones reach the store", async (_, token) => {
    const { store, calls } = countedStore();
    const sessions = new Sessions({ store, token });
    const id = "A".repeat(43);
    const genuine = String(await token.seal(id, name));
    const others = [
      await token.seal("not an id", name),
      await token.seal(id, "another"),
      await signedToken(`${secret}!`).seal(id, name),
      await sealedToken(`${secret}!`).seal(id, name),
      await bareToken().seal(id, name),
      `${genuine}x`,
    ];
    const random = numbers(7);
    let asked = 0;
    for (let i = 0; i < 5000; i++) {
      const header = aHeader(random, [genuine, genuine, ...others]);
      calls.length = 0;
      const exchange = sessions.open({ cookie: header }, reader);
      expect((await exchange.get()).isNew).toBe(true);
      await exchange.commit(new Headers());
      expect(calls).toEqual(plainly(header) === genuine ? ["read"] : []);
      asked += calls.length;
    }
    expect(asked).toBeGreaterThan(20);
  });
});

describe("every text in the store", () => {
  const prefixes = ["", "session:", "x"];

  test.each(prefixes)("is no valid cookie, keys beginning with %j", async (keyPrefix) => {
    let now = 1_800_000_000_000;
    const { store } = countedStore();
    const sessions = new Sessions({ store, keyPrefix, now: () => now, renewAfter: "1m" });
    const cookies: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      const { cookie } = await request(sessions, undefined, (session) => {
        session.data["n"] = i;
        if (i > 1) session.login("ada");
      });
      cookies.push(cookie);
    }
    // One is renewed, which leaves a signpost; one is revoked, which leaves an epoch.
    now += 120_000;
    const renewed = await request(sessions, cookies[2], ({ data }) => data["n"]);
    expect(renewed.setCookie).toBeDefined();
    await sessions.revoke("ada", { except: (await sessions.list("ada"))[0]?.handle as string });

    const words = new Set<string>();
    for await (const { key, payload, subject } of store.list?.() ?? []) {
      for (const word of [
        key,
        key.slice(keyPrefix.length),
        key.slice(key.indexOf(":") + 1),
        String(payload),
        subject,
      ]) {
        if (word) words.add(word);
      }
      for (const word of String(payload).match(/[\w-]{12,}/g) ?? []) words.add(word);
    }
    expect(words.size).toBeGreaterThan(15);
    for (const word of words) {
      const { value, setCookie } = await request(sessions, `${name}=${word}`, ({ isNew, data }) => [
        isNew,
        { ...data },
      ]);
      expect(value).toEqual([true, {}]);
      expect(setCookie).toBeUndefined();
    }
    // And the cookie itself does lead in: the words were tried at the right door.
    expect((await request(sessions, cookies[0], ({ isNew }) => isNew)).value).toBe(false);
  });
});
