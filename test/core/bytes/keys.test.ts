/** Key rings: what is a secret, what is derived from it, and how secrets take turns. */

import { describe, expect, test } from "vitest";
import { twins } from "../request/twins.ts";

const first = "the first secret of at least 32 characters";
const second = "the second secret of at least 32 characters";
const asBytes = (key: Uint8Array): Uint8Array => key;
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

describe.each(twins)("key rings over %s", (name, { keys }) => {
  test("derive HMAC-SHA-256(secret, purpose), fixed forever so that old tokens still open", async () => {
    const [key] = await keys.keyRing("x", first, "token seal", asBytes)();
    // printf 'sojourn token seal' | openssl dgst -sha256 -hmac 'the first secret of at least 32 characters'
    expect(hex(key)).toBe("aeb5476768c0196ff34f0a4dc1db3cf7d0a84861b3c1527c4d453013c81bc744");
  });

  test("give one key of 32 octets per secret, in order, and different ones per purpose", async () => {
    const both = await keys.keyRing("x", [first, second], "one", asBytes)();
    const [alone] = await keys.keyRing("x", second, "one", asBytes)();
    const [other] = await keys.keyRing("x", second, "two", asBytes)();
    expect(both.map((key) => key.length)).toEqual([32, 32]);
    expect(hex(both[1])).toBe(hex(alone));
    expect(hex(both[0])).not.toBe(hex(both[1]));
    expect(hex(other)).not.toBe(hex(alone));
  });

  test("make each key once", async () => {
    let made = 0;
    const ring = keys.keyRing("x", [first, second], "one", () => (made += 1));
    expect(made).toBe(0);
    expect(await ring()).toBe(await ring());
    expect(made).toBe(2);
  });

  test("are synchronous where the crypto is", () => {
    expect(keys.keyRing("x", first, "one", asBytes)() instanceof Promise).toBe(name === "WebCrypto");
  });

  test.each([
    ["undefined", undefined, "received undefined"],
    ["null", null, "received null"],
    ["a number", 42, "received 42"],
    ["an empty list", [], "received an array of 0"],
    ["eleven secrets", Array(11).fill(first), "received an array of 11"],
    ["a short secret", "hunter2", "received a string of 7 characters"],
    ["31 characters", "x".repeat(31), "received a string of 31 characters"],
    ["a short one among them", [first, "hunter2"], "received a string of 7 characters"],
    ["bytes among them", [first, new Uint8Array(32)], "received an instance of Uint8Array"],
    ["a hole", new Array(1), "received undefined"],
    ["an object", { 0: first, length: 1 }, "received an object"],
  ])("refuse %s by name, and do not repeat it", (_, secrets, got) => {
    const make = (): unknown => keys.keyRing("signedToken(secrets)", secrets as never, "one", asBytes);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(
      `signedToken(secrets) must be a secret of at least 32 characters, or a list of 1 to 10 such, the newest first; ${got}`,
    );
    expect(make).not.toThrow(/hunter2|xxx|secret of at least 32 characters and/);
  });

  test("accept 32 characters or more, and at most ten secrets", async () => {
    expect(await keys.keyRing("x", "x".repeat(32), "one", asBytes)()).toHaveLength(1);
    expect(await keys.keyRing("x", Array(10).fill(first), "one", asBytes)()).toHaveLength(10);
  });

  test("keep the secrets that were checked, even if the caller changes the list later", async () => {
    const list = [first, second];
    const ring = keys.keyRing("x", list, "one", asBytes);
    list.splice(0, 2, "");
    const [key] = await ring();
    const [expected] = await keys.keyRing("x", first, "one", asBytes)();
    expect(hex(key)).toBe(hex(expected));
  });
});
