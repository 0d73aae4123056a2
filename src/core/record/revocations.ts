/** What ends sessions that are kept in cookies before their time: small notes in a store, and nothing of the session itself. */

import { randomBytes, sha256 } from "#crypto";
import { base64url, subjectText } from "../bytes/bytes.ts";
import { SessionError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Meta } from "../contracts/format.ts";
import type { Store, StoredRecord, Version } from "../contracts/store.ts";
import { lateFor } from "./place.ts";
import { type TimeLimits, withTimeLimit } from "./time-limit.ts";

/** What {@link Revocations} need of a configuration. */
export interface RevocationsConfig extends TimeLimits {
  readonly store: Store;
  /** In front of every key, so that two kinds of session in one store never meet. */
  readonly keyPrefix: string;
  /** Milliseconds: no cookie lives longer. */
  readonly absolute: number;
  readonly now: () => number;
  readonly events: Events;
}

/** The note about a subject: which of its sessions are still good. */
interface SubjectNote {
  /** The epoch: a mark that sessions take when they log in. One with another mark was revoked. */
  mark?: string;
  /** The session that the last revocation left out, and the marks it may have; `null`: any. */
  except?: { handle: string; marks: string[] | null };
  /** Sessions ended one by one: handle, and when it can be forgotten. */
  ended: Record<string, number>;
}

/** How far the clocks of servers may differ, in milliseconds. */
const margin = 3_600_000;
const ended = "";
/** How many sessions of a subject are ended one by one, in the time a cookie may live, before all are. */
const mostEnded = 200;

/** Whether a text can be the handle of a session in a cookie. */
export const isHandle = (text: string): boolean => /^[A-Za-z0-9_-]{12}$/.test(text);
const newMark = (): string => base64url(randomBytes(12));

/**
 * Two kinds of note. One for each session that got a new id or was destroyed: the only generation of it that is
 * still good. One for each subject of whom sessions were revoked. There are none for ordinary sessions, and they
 * end when no cookie can be alive that they speak of. They are compared as marks, never as instants, so that nodes
 * whose clocks differ agree.
 */
export class Revocations {
  readonly #config: RevocationsConfig;

  constructor(config: RevocationsConfig) {
    this.#config = config;
  }

  /**
   * Whether a session is still good: one read, two for one with a subject, at the same time. `"late"`: this generation
   * was replaced less than {@link lateFor} ago, so the request may have been in flight when that was.
   */
  async standing(meta: Meta): Promise<"good" | "ended" | "late"> {
    return (await this.#look(meta)).standing;
  }

  /**
   * Makes the generation of `next` the only one of its session that is good. False when the session had been ended or
   * renewed. When another user logs in, `next` is another session, and the note says which: a logout ends that too.
   */
  async supersede(meta: Meta, next: Meta): Promise<boolean> {
    const key = await this.#sessionKey(meta);
    const link = next.handle === undefined || next.handle === meta.handle ? "" : ` ${next.handle}`;
    const payload = `${next.generation} ${this.#config.now()}${link}`;
    for (let attempt = 0; attempt < 10; attempt++) {
      const { standing, note } = await this.#look(meta);
      if (standing !== "good") return false;
      try {
        if ((await this.#write(key, payload, note)) !== null) return true;
      } catch (error) {
        // The answer was lost; if the write was not, the old cookie is dead, and the client must get the new one.
        const present = await this.#read(key).catch(() => null);
        if (present?.payload !== payload) throw error;
        return true;
      }
    }
    return false;
  }

  /** Ends a session in all its generations, or the one that it has become since another user logged in. */
  async end(meta: Meta): Promise<void> {
    let key = await this.#sessionKey(meta);
    for (let attempt = 0; attempt < 100; attempt++) {
      const stored = await this.#read(key);
      const handle = stored ? String(stored.payload).split(" ")[2] : undefined;
      if (handle !== undefined) key = await this.#sessionKey({ handle });
      else if ((await this.#write(key, ended, stored)) !== null) return;
    }
    throw changedByOthers();
  }

  /** The epoch of a subject, for a session that logs in. */
  async epoch(subject: string): Promise<string | undefined> {
    return read(await this.#read(await this.#subjectKey(subject))).mark;
  }

  /** Ends one session of a subject. After very many, all of its sessions end. */
  async revokeOne(subject: string, handle: string): Promise<void> {
    const now = this.#config.now();
    await this.#change(await this.#subjectKey(subject), (stored) => {
      const note = read(stored);
      const lasting = Object.entries(note.ended).filter(([ended, until]) => until > now && ended !== handle);
      // Each request of the subject reads the note.
      if (lasting.length >= mostEnded) return JSON.stringify({ mark: newMark(), ended: {} });
      return JSON.stringify({ ...note, ended: Object.fromEntries([...lasting, [handle, this.#until()]]) });
    });
  }

  /** Ends all sessions of a subject, except for the one with the handle `except`. */
  async revokeAll(subject: string, except: string | undefined): Promise<void> {
    const mark = newMark();
    await this.#change(await this.#subjectKey(subject), (stored) => {
      const before = read(stored);
      // Without an exception every session of before is refused by its mark.
      const isKept = except !== undefined && isHandle(except);
      const note: SubjectNote = { mark, ended: isKept ? before.ended : {} };
      if (isKept) note.except = { handle: except, marks: marksOf(before, except) };
      return JSON.stringify(note);
    });
  }

  async #look(meta: Meta): Promise<{ standing: "good" | "ended" | "late"; note: StoredRecord | null }> {
    const { subject } = meta;
    const [note, subjectNote] = await Promise.all([
      this.#sessionKey(meta).then((key) => this.#read(key)),
      subject === undefined ? null : this.#subjectKey(subject).then((key) => this.#read(key)),
    ]);
    const [generation, at] = note ? String(note.payload).split(" ") : [meta.generation];
    if (generation !== meta.generation) {
      const late = at !== undefined && this.#config.now() - Number(at) < lateFor;
      return { standing: late ? "late" : "ended", note };
    }
    return { standing: subjectNote && refuses(read(subjectNote), meta) ? "ended" : "good", note };
  }

  /** Writes the note that `make` returns for the present one, again until no other write was faster. */
  async #change(key: string, make: (stored: StoredRecord | null) => string): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const stored = await this.#read(key);
      if ((await this.#write(key, make(stored), stored)) !== null) return;
    }
    throw changedByOthers();
  }

  #write(key: string, payload: string, stored: StoredRecord | null): Promise<Version | null> {
    const { store } = this.#config;
    const record = { payload, expiresAt: this.#until() };
    return this.#limited(() => (stored ? store.update(key, record, stored.version) : store.create(key, record)));
  }

  #read(key: string): Promise<StoredRecord | null> {
    return this.#limited(() => this.#config.store.read(key));
  }

  #until(): number {
    return this.#config.now() + this.#config.absolute + margin;
  }

  async #sessionKey({ handle }: Meta): Promise<string> {
    return `${this.#config.keyPrefix}ended:${await sha256(handle ?? "")}`;
  }

  async #subjectKey(subject: string): Promise<string> {
    return `epoch:${await sha256(subjectText(this.#config.keyPrefix, subject))}`;
  }

  #limited<T>(call: () => Promise<T>): Promise<T> {
    const { store, events } = this.#config;
    return withTimeLimit(call, store, this.#config, events);
  }
}

function changedByOthers(): SessionError {
  return new SessionError("ERR_SESSION_CONFLICT", "what ends a session was changed by others a hundred times");
}

/** A note that cannot be read refuses every session that logged in before it was seen. */
function read(stored: StoredRecord | null): SubjectNote {
  if (!stored) return { ended: {} };
  try {
    const note = JSON.parse(String(stored.payload)) as SubjectNote;
    if (typeof note.ended === "object" && note.ended !== null) return note;
  } catch {}
  return { mark: "unreadable", ended: {} };
}

function refuses({ mark, except, ended }: SubjectNote, { handle = "", epoch }: Meta): boolean {
  if (Object.hasOwn(ended, handle)) return true;
  if (mark === undefined || epoch === mark) return false;
  if (except?.handle !== handle) return true;
  return except.marks !== null && !except.marks.includes(epoch ?? "");
}

/** The epochs with which a subject's note accepts a session; `null`: any epoch. */
function marksOf({ mark, except }: SubjectNote, handle: string): string[] | null {
  if (mark === undefined) return null;
  if (except?.handle !== handle) return [mark];
  return except.marks === null ? null : [...except.marks, mark].slice(-mostEnded);
}
