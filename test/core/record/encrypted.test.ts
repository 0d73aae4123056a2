/** Encryption of payloads: what is shown, what opens, and under which key. */

import { describe, expect, test } from "vitest";
import type { Format, Payload } from "../../../src/core/contracts/format.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { twins } from "../request/twins.ts";

const newest = "the newest secret, of 32 characters or more";
const older = "an older secret, also of 32 characters or more";
const key = "session:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const payload = '{"sojourn":1,"meta":{},"data":{"name":"Ada Lovelace"}}';

async function outcome(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt();
  } catch (error) {
    return error;
  }
}

describe.each(twins)("over %s", (name, { encrypted, token }) => {
  const make = (secrets: string | string[], format: Format = jsonFormat()): Required<Format> =>
    encrypted.encrypted(format, secrets) as Required<Format>;
  const format = make(newest);
  const opened = (text: Payload, secrets: string | string[] = newest, at = key): Promise<unknown> =>
    outcome(() => make(secrets).unwrap(text, at));

  test("a payload is sealed to text, and opens to the same payload", async () => {
    const sealed = await format.wrap(payload, key);
    expect(sealed).toMatch(/^sealed\.[A-Za-z0-9_-]+$/);
    expect(String(sealed)).toHaveLength(7 + Math.ceil(((12 + 1 + payload.length + 16) * 4) / 3));
    expect(await format.unwrap(sealed, key)).toBe(payload);
  });

  test("its text shows nothing of the content and differs every time", async () => {
    const sealed = await Promise.all([format.wrap(payload, key), format.wrap(payload, key)]);
    expect(sealed[0]).not.toBe(sealed[1]);
    for (const one of sealed) {
      const bytes = Buffer.from(String(one).slice(7), "base64url").toString("latin1");
      for (const word of ["Ada", "Lovelace", "sojourn", "data"]) {
        expect(String(one)).not.toContain(word);
        expect(bytes).not.toContain(word);
      }
    }
  });

  test("it is bound to the record's expiry: a later expiry is refused, an earlier one is not", async () => {
    const sealed = await format.wrap(payload, key, 5000);
    expect(await format.unwrap(sealed, key, 5000)).toBe(payload);
    expect(await format.unwrap(sealed, key, 4000)).toBe(payload);
    expect(await format.unwrap(sealed, key)).toBe(payload);
    for (const later of [5001, 9e12, Number.NaN]) {
      expect(await outcome(() => format.unwrap(sealed, key, later))).toBeInstanceOf(TypeError);
    }
  });

  test("a payload sealed without an expiry, as older versions did, is read", async () => {
    expect(await format.unwrap(await format.wrap(payload, key), key, 9e12)).toBe(payload);
  });

  test("it is synchronous where the crypto is", () => {
    expect(format.wrap(payload, key) instanceof Promise).toBe(name === "WebCrypto");
  });

  test("bytes open as bytes and text as text, also empty ones", async () => {
    for (const bytes of [new Uint8Array(), Uint8Array.from([0, 255, 1, 128])]) {
      const back = await format.unwrap(await format.wrap(bytes, key), key);
      expect(back).toBeInstanceOf(Uint8Array);
      expect(back).toEqual(bytes);
    }
    for (const text of ["", "\ufeffx", "é😀", "\0"]) {
      expect(await format.unwrap(await format.wrap(text, key), key)).toBe(text);
    }
  });

  test("it does not open under another key: a record cannot be moved", async () => {
    const sealed = await format.wrap(payload, key);
    for (const other of ["", `${key}x`, key.slice(1), key.toLowerCase(), "session:other"]) {
      expect(await opened(sealed, newest, other)).toBeInstanceOf(TypeError);
    }
  });

  test("any of the secrets opens, the first seals, the second confirms, a dropped one opens nothing", async () => {
    const old = await make(older).wrap(payload, key);
    expect(await opened(old, [newest, older])).toBe(payload);
    expect(await opened(old, newest)).toBeInstanceOf(TypeError);
    const sealed = await make([newest, older]).wrap(payload, key);
    expect(await opened(sealed, newest)).toBe(payload);
    expect(await opened(sealed, older)).toMatchObject({ code: "ERR_SESSION_UNREADABLE" });
  });

  test("a payload that was never sealed is refused", async () => {
    const plain = [payload, "", "sealed.", "sealed.A", "sealed.+/==", "Sealed.AAAA", new Uint8Array([1, 2, 3])];
    for (const one of plain) expect(await opened(one), String(one)).toBeInstanceOf(TypeError);
    expect(await opened(`sealed.${"A".repeat(37)}`)).toBeInstanceOf(TypeError);
    expect(await opened(`sealed.${"A".repeat(4000)}`)).toBeInstanceOf(TypeError);
  });

  test("with any character changed or missing it does not open", async () => {
    const sealed = String(await format.wrap(payload, key));
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      expect(await opened(changed), `changed at ${at}`).toBeInstanceOf(TypeError);
      expect(await opened(sealed.slice(0, at)), `cut at ${at}`).toBeInstanceOf(TypeError);
    }
    expect(await opened(`${sealed}A`)).toBeInstanceOf(TypeError);
  });

  test("a sealed token is no sealed record, even with the same secret", async () => {
    const sealed = await token.sealedToken(newest).seal("x".repeat(43), key);
    expect(await opened(`sealed.${sealed}`)).toBeInstanceOf(TypeError);
  });

  test("errors contain no secret, key or content", async () => {
    const sealed = await format.wrap(payload, key);
    for (const error of [await opened(sealed, older), await opened(payload), await opened(sealed, newest, "other")]) {
      expect(String((error as Error).stack)).not.toMatch(/secret, |session:|Ada|sealed\.[A-Za-z0-9]/);
    }
  });

  test("secrets are checked at construction", () => {
    expect(() => encrypted.encrypted(jsonFormat(), "short")).toThrow(
      "encrypted(format, secrets) must be a secret of at least 32 characters, or a list of 1 to 10 such, the newest first; received a string of 5 characters",
    );
  });

  test("a format with methods of a class keeps them", async () => {
    const inner = jsonFormat();
    class Shouting implements Format {
      readonly name = "shouting";
      readonly foreign = true;
      #mark = "!";
      encode(...content: Parameters<Format["encode"]>): Payload {
        return inner.encode(...content) + this.#mark;
      }
      decode(text: Payload): ReturnType<Format["decode"]> {
        return inner.decode(String(text).slice(0, -this.#mark.length));
      }
      encodeValue(value: unknown, path: string): Payload {
        return inner.encodeValue(value, path) + this.#mark;
      }
    }
    const both = make(newest, new Shouting());
    expect(both.name).toBe("encrypted shouting");
    expect(both.foreign).toBe(true);
    expect(both.decode(both.encode({ data: { a: 1 }, meta: {} }))).toEqual({ data: { a: 1 }, meta: {} });
    expect(both.encodeValue(1, "x")).toBe("1!");
  });
});

describe("around a format that wraps payloads itself", () => {
  const inner: Format = {
    ...jsonFormat(),
    wrap: (text, at) => `${at}>${text}`,
    unwrap: async (text, at) => String(text).slice(at.length + 1),
  };

  test.each(twins)("its wrapping is kept, over %s", async (_, { encrypted }) => {
    const outer = encrypted.encrypted(inner, newest) as Required<Format>;
    const sealed = await outer.wrap(payload, key);
    expect(await outer.unwrap(sealed, key)).toBe(payload);
    const alone = encrypted.encrypted(jsonFormat(), newest) as Required<Format>;
    expect(await alone.unwrap(sealed, key)).toBe(`${key}>${payload}`);
  });
});

/** The members that a format may have or not. */
type Optional = {
  [Member in keyof Format]-?: Record<never, never> extends Pick<Format, Member> ? Member : never;
}[keyof Format];

// A new member of Format does not compile here until it says what encryption makes of it.
const optional: Readonly<Record<Optional, (outer: Required<Format>) => unknown>> = {
  async wrap(outer) {
    expect(await outer.unwrap(await outer.wrap("text", key, 5), key, 5)).toBe("text");
  },
  async unwrap(outer) {
    await expect(
      Promise.resolve(outer.wrap("text", key, 5)).then((sealed) => outer.unwrap(sealed, "x", 5)),
    ).rejects.toThrow();
  },
  async openedBy(outer) {
    const at = async (format: Required<Format>) => (await format.openedBy(await outer.wrap("text", key, 5), key)).at;
    expect(await at(outer)).toBe(0);
    expect(await outer.openedBy("text", key)).toEqual({ at: null, of: 1 });
  },
  binds: (outer) => expect(outer.binds).toBe(true),
  foreign: (outer) => expect(outer.foreign).toBe(true),
  dated: (outer) => expect(outer.dated("text", 5)).toBe("text until 5"),
  decodeLazily: (outer) => expect(outer.decodeLazily("lazily")).toEqual({ data: { lazily: "lazily" }, meta: {} }),
  isNothing: (outer) => expect([outer.isNothing("nothing"), outer.isNothing("text")]).toEqual([true, false]),
};

describe("the optional methods of the inner format are kept", () => {
  class Able implements Required<Format> {
    readonly name = "able";
    readonly foreign = true;
    readonly binds = false;
    readonly #inner = jsonFormat();
    readonly #until: string = " until ";
    encode(...content: Parameters<Format["encode"]>): Payload {
      return this.#inner.encode(...content);
    }
    decode(payload: Payload): ReturnType<Format["decode"]> {
      return this.#inner.decode(payload);
    }
    encodeValue(value: unknown, path: string): Payload {
      return this.#inner.encodeValue(value, path);
    }
    dated(payload: Payload, expiresAt: number): Payload {
      return payload + this.#until + expiresAt;
    }
    wrap(payload: Payload, at: string, expiresAt?: number): Payload {
      return `${at}${this.#until}${expiresAt}>${payload}`;
    }
    unwrap(payload: Payload, at: string, expiresAt?: number): Payload {
      const start = `${at}${this.#until}${expiresAt}>`;
      if (!String(payload).startsWith(start)) throw new TypeError("not wrapped for this key and end");
      return String(payload).slice(start.length);
    }
    decodeLazily(payload: Payload): ReturnType<Format["decode"]> {
      return { data: { lazily: this.#until && payload }, meta: {} };
    }
    openedBy(): { at: number | null; of: number } {
      return { at: 7, of: this.#until.length };
    }
    isNothing(payload: Payload): boolean {
      return payload === "nothing" && this.#until !== "";
    }
  }

  describe.each(twins)("over %s", (_, { encrypted }) => {
    test.each(Object.keys(optional) as Optional[])("%s", async (member) => {
      await optional[member](encrypted.encrypted(new Able(), newest) as Required<Format>);
    });

    test("methods that the inner format lacks are not added", () => {
      const outer = encrypted.encrypted(jsonFormat(), newest);
      expect([outer.dated, outer.isNothing, outer.foreign ?? false]).toEqual([undefined, undefined, false]);
    });

    test("they are kept when encrypted twice, too", async () => {
      const outer = encrypted.encrypted(encrypted.encrypted(new Able(), older), newest) as Required<Format>;
      for (const check of Object.values(optional)) await check(outer);
    });
  });
});

test("payloads sealed over one crypto open with the other", async () => {
  const [[, node], [, web]] = twins as [(typeof twins)[0], (typeof twins)[0]];
  const [one, other] = [node, web].map(
    ({ encrypted }) => encrypted.encrypted(jsonFormat(), newest) as Required<Format>,
  ) as [Required<Format>, Required<Format>];
  expect(await other.unwrap(await one.wrap(payload, key), key)).toBe(payload);
  expect(await one.unwrap(await other.wrap(payload, key), key)).toBe(payload);
});
