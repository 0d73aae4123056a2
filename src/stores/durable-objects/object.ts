/** The Durable Object that keeps the records: a table of its own SQLite, one call after the other. */

import type { ListedRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { newNumber } from "../shared/stamp.ts";
import { asItWas, wellFormed } from "../shared/text.ts";
import { type Call, fromWire, toWire } from "./wire.ts";

/** What the object is given by the runtime, as far as it is used here. */
export interface SessionsObjectState {
  readonly storage: {
    /** There for classes among `new_sqlite_classes`. */
    readonly sql: {
      exec(query: string, ...values: (string | number | Uint8Array | null)[]): { raw(): Iterable<unknown[]> };
    };
    getAlarm(): Promise<number | null>;
    setAlarm(time: number): Promise<void>;
  };
}

type Value = string | number | Uint8Array | null;

const hour = 3_600_000;
const pageSize = 100;

const schema = [
  `CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, payload BLOB NOT NULL, kind INTEGER NOT NULL, expires_at INTEGER NOT NULL, subject TEXT,
    version INTEGER NOT NULL
  ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS by_expiry ON records (expires_at)",
  "CREATE INDEX IF NOT EXISTS by_subject ON records (subject) WHERE subject IS NOT NULL",
];
const columns = "key, payload, kind, expires_at, subject, version";

/**
 * The class of the object that `durableObjectStore` talks to. Export it from your Worker, and name it in
 * `new_sqlite_classes` of a migration. It removes ended sessions every hour. It executes every call it receives, so
 * never pass a visitor's request on to it.
 *
 * @example
 * ```ts
 * export { SessionsObject } from "sojourn/stores/durable-objects";
 * ```
 */
export class SessionsObject {
  readonly #storage: SessionsObjectState["storage"];
  #armed = false;

  /** Called by the runtime. */
  constructor(state: SessionsObjectState) {
    this.#storage = state.storage;
    for (const statement of schema) this.#run(statement);
  }

  /** One call of the store. */
  async fetch(request: { json(): Promise<unknown> }): Promise<Response> {
    const call = (await request.json()) as Call;
    if (call.method === "page") return lines(this.#page(call));
    if (call.method === "listBySubject") return lines(this.#ofSubject(call));
    // No other call gets in between: nothing in it waits, and all it writes is kept or none.
    const answer = this.#answer(call);
    if (!this.#armed && call.record) {
      if ((await this.#storage.getAlarm()) === null) await this.#storage.setAlarm(Date.now() + hour);
      this.#armed = true;
    }
    return Response.json(answer);
  }

  /** Removes ended sessions. It sets the next alarm as long as there are any sessions. */
  async alarm(): Promise<void> {
    this.#run("DELETE FROM records WHERE expires_at <= ?", Date.now());
    this.#armed = this.#run("SELECT 1 FROM records LIMIT 1").length > 0;
    if (this.#armed) await this.#storage.setAlarm(Date.now() + hour);
  }

  #run(query: string, ...values: Value[]): unknown[][] {
    return [...this.#storage.sql.exec(query, ...values).raw()];
  }

  #answer(call: Call): unknown {
    const { method, key = "", to = "", now, expiresAt = 0, prefix = "" } = call;
    if (method === "count") {
      const query = "SELECT count(*) FROM records WHERE expires_at > ? AND substr(key, 1, ?) = ?";
      return this.#run(query, now, prefix.length, prefix)[0]?.[0];
    }
    if (method === "read") return this.#live(key, now);
    if (method === "delete") return this.#run("DELETE FROM records WHERE key = ?", key).length;
    if (method === "touch") {
      const query = "UPDATE records SET expires_at = max(expires_at, ?) WHERE key = ? AND expires_at > ? RETURNING 1";
      return this.#run(query, expiresAt, key, now).length > 0;
    }
    if (method === "create") return this.#live(key, now) ? null : this.#put(key, call);
    if (this.#live(key, now)?.version !== call.version) return null;
    if (method === "update") return this.#put(key, call);
    if (this.#live(to, now)) return null;
    const version = this.#put(to, call);
    this.#run("DELETE FROM records WHERE key = ?", key);
    return version;
  }

  #live(key: string, now: number): ReturnType<typeof toWire> | null {
    const [row] = this.#run(`SELECT ${columns} FROM records WHERE key = ? AND expires_at > ?`, key, now);
    return row ? toWire(decode(row)) : null;
  }

  #put(key: string, { record }: Call): Version {
    const { payload, expiresAt, subject } = fromWire<StoreRecord>(record as NonNullable<Call["record"]>);
    const [stored, isJson] = typeof payload === "string" ? wellFormed(payload) : [payload, false];
    const version = newNumber();
    const values = [stored, isJson ? 1 : 0, expiresAt, toColumn(subject)];
    this.#run(`INSERT OR REPLACE INTO records (${columns}) VALUES (?, ?, ?, ?, ?, ?)`, key, ...values, version);
    return version;
  }

  /** A few at a time, so that large ones are not all in memory. */
  *#page({ key = "", limit = pageSize, subject, prefix = "", now }: Call): Generator<ListedRecord> {
    const ofSubject = subject === undefined ? "" : "AND subject = ?";
    const query = `SELECT ${columns} FROM records
      WHERE key > ? AND substr(key, 1, ?) = ? AND expires_at > ? ${ofSubject} ORDER BY key LIMIT ?`;
    const owner = subject === undefined ? [] : [toColumn(subject)];
    let after = key > prefix ? key : prefix;
    for (let left = limit; left > 0; ) {
      const size = Math.min(left, pageSize);
      const page = this.#run(query, after, prefix.length, prefix, now, ...owner, size).map(decode);
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < size) return;
      after = last.key;
      left -= size;
    }
  }

  *#ofSubject({ subject, now }: Call): Generator<ListedRecord> {
    const query = `SELECT ${columns} FROM records WHERE subject = ? AND expires_at > ?`;
    yield* this.#run(query, toColumn(subject), now).map(decode);
  }
}

/** A subject as JSON, since SQLite's text cannot keep every JavaScript string. */
function toColumn(subject: string | undefined): string | null {
  return subject === undefined ? null : JSON.stringify(subject);
}

function decode([key, payload, kind, expiresAt, subject, version]: readonly unknown[]): ListedRecord {
  const text = typeof payload === "string" ? asItWas(payload, kind === 1) : payload;
  return {
    key: key as string,
    payload: typeof text === "string" ? text : new Uint8Array(text as ArrayBuffer),
    expiresAt: expiresAt as number,
    version: version as number,
    ...(subject !== null && { subject: JSON.parse(subject as string) as string }),
  };
}

/** A record a line. */
function lines(records: Iterator<ListedRecord>): Response {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const { done, value } = records.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(`${JSON.stringify(toWire(value))}\n`));
      },
    }),
  );
}
