/** The five primitives, once over `node:crypto` and once over WebCrypto: published vectors, and each opens what the other sealed. */

import { describe, expect, test } from "vitest";
import { base64url, utf8 } from "../../../src/core/bytes/bytes.ts";
import * as node from "../../../src/core/bytes/crypto.node.ts";
import * as web from "../../../src/core/bytes/crypto.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const none = new Uint8Array();

const twins = [
  ["node:crypto", node],
  ["WebCrypto", web],
] as const;

describe.each(twins)("%s", (_, twin) => {
  test.each([
    ["", "e3b0c442 98fc1c14 9afbf4c8 996fb924 27ae41e4 649b934c a495991b 7852b855"],
    ["abc", "ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 96177a9c b410ff61 f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61 d20638b8 e5c02693 0c3e6039 a33ce459 64ff2167 f6ecedd4 19db06c1",
    ],
  ])("SHA-256 of %j is the digest in FIPS 180-4", async (text, digest) => {
    expect(await twin.sha256(text)).toBe(base64url(hex(digest)));
  });

  test("SHA-256 of text hashes its UTF-8, with a lone surrogate as U+FFFD", async () => {
    expect(await twin.sha256("é\ud800")).toBe(await twin.sha256("é\ufffd"));
  });

  const signed = utf8("eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
  // RFC 7515, appendices A.2 and A.3.
  const vectors = [
    {
      header: "eyJhbGciOiJSUzI1NiJ9",
      key: {
        alg: "RS256",
        jwk: {
          kty: "RSA",
          n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
          e: "AQAB",
        },
      },
      signature:
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    },
    {
      header: "eyJhbGciOiJFUzI1NiJ9",
      key: {
        alg: "ES256",
        jwk: {
          kty: "EC",
          crv: "P-256",
          x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
          y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
      },
      signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    },
  ] as const;

  test.each(vectors)("verifies the JWS of RFC 7515 in $key.alg, and nothing else", async (vector) => {
    const { header, key } = vector;
    const data = utf8(`${header}.${Buffer.from(signed).toString()}`);
    const signature = Uint8Array.from(Buffer.from(vector.signature, "base64url"));
    expect(await twin.verifies(key, data, signature)).toBe(true);
    expect(await twin.verifies(key, utf8("another text"), signature)).toBe(false);
    for (const at of [0, 31, signature.length - 1]) {
      const other = signature.slice();
      other[at] = (other[at] as number) ^ 1;
      expect(await twin.verifies(key, data, other)).toBe(false);
    }
    expect(await twin.verifies(key, data, signature.slice(1))).toBe(false);
    expect(await twin.verifies(key, data, none)).toBe(false);
    const [one, two] = vectors;
    expect(await twin.verifies({ ...key, jwk: (key.alg === "ES256" ? one : two).key.jwk }, data, signature)).toBe(
      false,
    );
    expect(await twin.verifies({ alg: key.alg, jwk: {} }, data, signature)).toBe(false);
  });

  test("a key that is not a point on the curve verifies nothing", async () => {
    const [, { header, key, signature }] = vectors;
    const jwk = { ...key.jwk, y: key.jwk.x };
    const data = utf8(`${header}.${Buffer.from(signed).toString()}`);
    expect(await twin.verifies({ alg: "ES256", jwk }, data, Buffer.from(signature, "base64url"))).toBe(false);
  });

  // RFC 4231, test cases 1 to 4, 6 and 7.
  test.each([
    ["0b".repeat(20), toHex(utf8("Hi There")), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      toHex(utf8("Jefe")),
      toHex(utf8("what do ya want for nothing?")),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    ["aa".repeat(20), "dd".repeat(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
    [
      "0102030405060708090a0b0c0d0e0f10111213141516171819",
      "cd".repeat(50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ],
    [
      "aa".repeat(131),
      toHex(utf8("Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
    [
      "aa".repeat(131),
      toHex(
        utf8(
          "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
        ),
      ),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ],
  ])("HMAC-SHA-256 under %s is the one of RFC 4231", async (key, data, mac) => {
    const sign = twin.hmacSha256(hex(key));
    expect(toHex(await sign(hex(data)))).toBe(mac);
    expect(toHex(await sign(hex(data)))).toBe(mac);
  });

  // The Galois/Counter Mode of Operation (McGrew, Viega), test cases 13 to 16 (256-bit keys, 96-bit nonces).
  test.each([
    {
      key: "00".repeat(32),
      nonce: "00".repeat(12),
      plain: "",
      associated: "",
      body: "",
      tag: "530f8afbc74536b9a963b4f1c4cb738b",
    },
    {
      key: "00".repeat(32),
      nonce: "00".repeat(12),
      plain: "00".repeat(16),
      associated: "",
      body: "cea7403d4d606b6e074ec5d3baf39d18",
      tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    {
      key: "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308",
      nonce: "cafebabefacedbaddecaf888",
      plain: `d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b391aafd255`,
      associated: "",
      body: `522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
        8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662898015ad`,
      tag: "b094dac5d93471bdec1a502270e3cc6c",
    },
    {
      key: "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308",
      nonce: "cafebabefacedbaddecaf888",
      plain: `d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39`,
      associated: "feedfacedeadbeeffeedfacedeadbeef abaddad2",
      body: `522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
        8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662`,
      tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
  ])("AES-256-GCM opens the published $tag", async ({ key, nonce, plain, associated, body, tag }) => {
    const aead = twin.aes256Gcm(hex(key));
    const opened = await aead.open(hex(nonce + body + tag), hex(associated));
    expect(opened && toHex(opened)).toBe(toHex(hex(plain)));
    const again = await aead.open(await aead.seal(hex(plain), hex(associated)), hex(associated));
    expect(again && toHex(again)).toBe(toHex(hex(plain)));
  });

  test("AES-256-GCM refuses another key, other associated data, a changed or missing byte, and anything short", async () => {
    const aead = twin.aes256Gcm(utf8("k".repeat(32)));
    const sealed = await aead.seal(utf8("a secret"), utf8("here"));
    expect(sealed).toHaveLength(12 + 8 + 16);
    expect(await twin.aes256Gcm(utf8("K".repeat(32))).open(sealed, utf8("here"))).toBeNull();
    expect(await aead.open(sealed, utf8("there"))).toBeNull();
    expect(await aead.open(sealed, none)).toBeNull();
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(await aead.open(changed, utf8("here"))).toBeNull();
      expect(await aead.open(sealed.subarray(0, at), utf8("here"))).toBeNull();
      expect(await aead.open(sealed.subarray(at + 1), utf8("here"))).toBeNull();
    }
  });

  test("every seal has a fresh nonce", async () => {
    const aead = twin.aes256Gcm(utf8("k".repeat(32)));
    const nonces = new Set<string>();
    for (let i = 0; i < 500; i++) nonces.add(toHex((await aead.seal(none, none)).subarray(0, 12)));
    expect(nonces.size).toBe(500);
  });

  test("random bytes are as many as requested, each time in a new array", () => {
    for (const length of [0, 1, 9, 32, 4095, 4096, 4097, 10_000]) {
      const bytes = twin.randomBytes(length);
      expect(bytes).toHaveLength(length);
      if (length >= 32) expect(new Set(bytes).size).toBeGreaterThan(10);
    }
    const first = twin.randomBytes(32);
    const kept = first.slice();
    for (let i = 0; i < 400; i++) twin.randomBytes(32).fill(0);
    expect(first).toEqual(kept);
    expect(first.buffer.byteLength).toBe(32);
  });
});

test("both implementations compute the same and open what the other sealed", async () => {
  const key = utf8("0123456789abcdef0123456789abcdef");
  const data = utf8("né ".repeat(100));
  expect(await web.sha256("né")).toBe(await node.sha256("né"));
  expect(await web.hmacSha256(key)(data)).toEqual(await node.hmacSha256(key)(data));
  const [one, other] = [web.aes256Gcm(key), node.aes256Gcm(key)];
  expect(await other.open(await one.seal(data, key), key)).toEqual(data);
  expect(await one.open(await other.seal(data, key), key)).toEqual(data);
});

test("a key that is a view into a larger buffer is those bytes only", async () => {
  const buffer = utf8("--0123456789abcdef0123456789abcdef--");
  const view = buffer.subarray(2, 34);
  for (const [, twin] of twins) {
    const sealed = await twin.aes256Gcm(view).seal(buffer.subarray(5, 9), buffer.subarray(1, 2));
    const opened = await node.aes256Gcm(view.slice()).open(sealed, utf8("-"));
    expect(opened && Buffer.from(opened).toString()).toBe("3456");
    expect(await twin.hmacSha256(view)(buffer.subarray(5, 9))).toEqual(
      await node.hmacSha256(view.slice())(utf8("3456")),
    );
  }
});
