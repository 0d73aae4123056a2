/** For the store suite: what a layout of another program has no field for goes into the payload, as that program's format would do. */

import type { ListedRecord, Store, StoredRecord, StoreRecord } from "../../src/core/contracts/store.ts";
import { flaskFormat } from "../../src/flask.ts";

/**
 * A store that keeps payloads of bytes and no subjects, with a stand-in for the format in front: each payload says its
 * type and subject itself. Everything else, the versions above all, is the store's own. `as: "text"` is for a layout
 * whose payloads are text, `"json"` for one whose payloads are objects: they are base64 then. `"msgpack"` is for one that
 * takes MessagePack apart.
 */
export function withFormat(store: Store, { as = "bytes" }: { as?: "bytes" | "text" | "json" | "msgpack" } = {}): Store {
  const { list } = store;
  const packed = (record: StoreRecord): StoreRecord => {
    const payload = bytesOf(record);
    const { expiresAt } = record;
    if (as === "msgpack") return { payload: encode({ data: { bytes: payload }, meta: {} }), expiresAt };
    const base64 = Buffer.from(payload).toString("base64");
    return { payload: as === "bytes" ? payload : as === "text" ? base64 : JSON.stringify({ base64 }), expiresAt };
  };
  const wrapped: Store = {
    name: store.name,
    get capabilities() {
      const { maxPayloadBytes: most, ...others } = store.capabilities;
      // Of text as base64 there is no saying.
      return { ...others, maxPayloadBytes: most === undefined || as !== "bytes" ? undefined : most - headSize };
    },
    read: async (key) => opened(await store.read(key)),
    create: (key, record) => store.create(key, packed(record)),
    update: (key, record, version) => store.update(key, packed(record), version),
    touch: (key, expiresAt) => store.touch(key, expiresAt),
    rename: (from, to, record, version) => store.rename(from, to, packed(record), version),
    delete: (key) => store.delete(key),
  };
  if (list) {
    wrapped.list = async function* () {
      for await (const row of list.call(store)) yield { ...opened(row), key: row.key };
    };
  }
  if (store.page) {
    wrapped.page = async (options) => {
      const { records, cursor } = await store.page!(options);
      return { records: records.map((row) => ({ ...opened(row), key: row.key })), cursor };
    };
  }
  if (store.count) wrapped.count = (options, answered) => store.count!(options, answered);
  if (store.prune) wrapped.prune = (options) => store.prune!(options);
  if (store.setup) wrapped.setup = () => store.setup!();
  if (store.close) wrapped.close = () => store.close!();
  return wrapped;
}

const headSize = 256;

const { encode, decode } = flaskFormat();

/** `{"text":...,"subject":...}`, spaces up to a size that is always the same, a line break, the payload. */
function bytesOf({ payload, subject }: StoreRecord): Uint8Array {
  const head = `${JSON.stringify({ text: typeof payload === "string", subject }).padEnd(headSize - 1)}\n`;
  return Uint8Array.from(Buffer.concat([Buffer.from(head), Buffer.from(payload)]));
}

function opened(record: StoredRecord): StoredRecord;
function opened(record: StoredRecord | null): StoredRecord | null;
function opened(record: StoredRecord | ListedRecord | null): StoredRecord | null {
  if (!record) return null;
  const bytes = bodyOf(record.payload);
  const end = bytes.indexOf("\n");
  const { text, subject } = JSON.parse(bytes.subarray(0, end).toString()) as { text: boolean; subject?: string };
  const body = bytes.subarray(end + 1);
  const { expiresAt, version } = record;
  const found = { payload: text ? body.toString() : Uint8Array.from(body), expiresAt, version };
  return subject === undefined ? found : { ...found, subject };
}

function bodyOf(payload: string | Uint8Array): Buffer {
  // Ours begin with a brace, which is no map in MessagePack.
  if (typeof payload !== "string")
    return Buffer.from(payload[0] === 123 ? payload : (decode(payload).data.bytes as Uint8Array));
  const base64 = payload.startsWith("{") ? (JSON.parse(payload) as { base64: string }).base64 : payload;
  return Buffer.from(base64, "base64");
}
