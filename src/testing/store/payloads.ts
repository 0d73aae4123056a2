/** Payloads come back exactly, as the type they went in as, and belong to the store once handed over. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { check, live, samePayload, won } from "./check.ts";
import type { StoreCase, Trial } from "./trial.ts";

const texts: Record<string, string> = {
  "the empty text": "",
  "one character": "x",
  JSON: '{"a":[1,2.5,null,true],"b":{"c":"d"}}',
  "quotes, backslashes, lone ones too": `' '' " "" \\ \\' \\" \` $ $1 $$ %s ? :name @p1 -- ; /* */`,
  "line ends and tabs": "a\nb\r\nc\rd\te\n",
  "white space at both ends": "  a  \n",
  "NUL and other control characters": "\u0000a\u0000\u0001\u0007\u001b\u007f\u0085",
  "Unicode of every width": "äß€漢字🍪👩‍👩‍👧 e\u0301 \u2028\u2029\ufeff\uffff",
  "right-to-left text": "שלום עולם",
  "what looks like a number": "0123",
  "what looks like null": "null",
  "what looks like base64": "AAECAw==",
  "what looks like bytes written out": "\\x0001ff",
};

async function roundTrip(trial: Trial, payload: string | Uint8Array, what: string): Promise<void> {
  const key = `k${what.length}`;
  const version = won(await trial.store.create(key, trial.record(payload)), `create with ${what}`);
  samePayload((await live(trial.store, key, what)).payload, payload, `${what}, created`);
  const other = typeof payload === "string" ? `${payload}.` : Uint8Array.of(...payload.slice(0, 10), 7);
  const next = won(await trial.store.update(key, trial.record(other), version), `update of ${what}`);
  won(await trial.store.update(key, trial.record(payload), next), `update to ${what}`);
  samePayload((await live(trial.store, key, what)).payload, payload, `${what}, updated`);
  const renamed = (await live(trial.store, key, what)).version;
  won(await trial.store.rename(key, `${key}.to`, trial.record(payload), renamed), `rename with ${what}`);
  samePayload((await live(trial.store, `${key}.to`, what)).payload, payload, `${what}, renamed`);
  await trial.store.delete(`${key}.to`);
}

/** 100 KB, or as much as the store takes. */
function large(trial: Trial): number {
  return Math.min(100_000, trial.store.capabilities.maxPayloadBytes ?? Number.POSITIVE_INFINITY);
}

export const payloadCases: readonly StoreCase[] = [
  ...Object.entries(texts).map(
    ([what, text]): StoreCase => ({
      group: "payload",
      name: `text comes back exactly: ${what}`,
      run: (trial) => roundTrip(trial, text, what),
    }),
  ),
  {
    group: "payload",
    name: "text of 100 KB comes back exactly, ASCII and not",
    async run(trial) {
      const size = large(trial);
      await roundTrip(trial, "0123456789".repeat(size / 10), "long ASCII");
      await roundTrip(trial, "ä漢🍪".repeat(Math.floor(size / 9)), "long Unicode");
    },
  },
  {
    group: "payload",
    name: "bytes come back as bytes: all 256 values",
    run: (trial) =>
      roundTrip(
        trial,
        Uint8Array.from({ length: 256 }, (_, byte) => byte),
        "all byte values",
      ),
  },
  {
    group: "payload",
    name: "bytes come back as bytes: zero of them",
    run: (trial) => roundTrip(trial, new Uint8Array(0), "no bytes"),
  },
  {
    group: "payload",
    name: "bytes come back as bytes: valid and broken UTF-8",
    async run(trial) {
      await roundTrip(trial, new TextEncoder().encode("plain ä漢"), "valid UTF-8");
      await roundTrip(trial, Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf5), "broken UTF-8");
    },
  },
  {
    group: "payload",
    name: "bytes of 100 KB come back exactly",
    run: (trial) =>
      roundTrip(
        trial,
        Uint8Array.from({ length: large(trial) }, (_, at) => (at * 31 + (at >> 8)) & 255),
        "100 KB of bytes",
      ),
  },
  {
    group: "payload",
    name: "bytes that are a part of a larger buffer are stored without the rest",
    async run(trial) {
      const whole = Uint8Array.from({ length: 64 }, (_, byte) => byte);
      await roundTrip(trial, whole.subarray(16, 24), "a part of a buffer");
    },
  },
  {
    group: "payload",
    name: "the type may change from text to bytes and back",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("text")), "create");
      const bytes = Uint8Array.of(116, 101, 120, 116);
      const next = won(await trial.store.update("k", trial.record(bytes), version), "update to bytes");
      samePayload((await live(trial.store, "k", "bytes")).payload, bytes, "bytes after text");
      won(await trial.store.update("k", trial.record("text again"), next), "update to text");
      samePayload((await live(trial.store, "k", "text")).payload, "text again", "text after bytes");
    },
  },
  {
    group: "payload",
    name: "bytes changed by the caller after the call do not change what is stored",
    async run(trial) {
      const bytes = Uint8Array.of(1, 2, 3);
      const version = won(await trial.store.create("k", trial.record(bytes)), "create");
      bytes.fill(9);
      samePayload((await live(trial.store, "k", "k")).payload, Uint8Array.of(1, 2, 3), "after create");
      const more = Uint8Array.of(4, 5, 6);
      const next = won(await trial.store.update("k", trial.record(more), version), "update");
      more.fill(9);
      samePayload((await live(trial.store, "k", "k")).payload, Uint8Array.of(4, 5, 6), "after update");
      const last = Uint8Array.of(7, 8, 9);
      won(await trial.store.rename("k", "to", trial.record(last), next), "rename");
      last.fill(0);
      samePayload((await live(trial.store, "to", "to")).payload, Uint8Array.of(7, 8, 9), "after rename");
    },
  },
  {
    group: "payload",
    name: "bytes changed by their reader do not change what is stored",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record(Uint8Array.of(1, 2, 3), "ada")), "create");
      const { payload } = await live(trial.store, "k", "k");
      check(isBytes(payload), "the payload is not bytes");
      payload.fill(9);
      if (trial.store.list) for await (const row of trial.store.list()) (row.payload as Uint8Array).fill(9);
      samePayload((await live(trial.store, "k", "k")).payload, Uint8Array.of(1, 2, 3), "read again");
      won(await trial.store.update("k", trial.record("next"), version), "update with the version from before");
    },
  },
];
