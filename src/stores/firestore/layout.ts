/** How records look in documents: as this store has them, or as another program does. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import type { StoredRecord, StoreRecord } from "../../core/contracts/store.ts";
import {
  googleCapabilities,
  instantOf,
  millisecondsOf,
  type Names,
  prepare,
  recordIn,
  type Standing,
  stampOf,
  standingIn,
} from "../shared/google-record.ts";
import { refuseTooLarge } from "../shared/size.ts";
import type { FirestoreClient, FirestoreSnapshot } from "./client.ts";

/**
 * How another program keeps its sessions in a collection. For Flask-Session2 it is `flask2Firestore()` of
 * `sojourn/flask`, for Flask-Session-Plus `flaskPlusFirestore()`. The id of a document is the key.
 */
export interface FirestoreLayout {
  /** A word for error messages: `"flask-session2"`. */
  readonly name: string;
  /** The path of the collection where the store's option says none. Default `"sojourn_sessions"`. */
  readonly collection?: string | undefined;
  /** The field with the timestamp of a session's end. */
  readonly expiresAt: string;
  /** The fields for {@link firestoreSchema} to exempt from indexing. Default none. */
  readonly unindexed?: readonly string[] | undefined;
  /** The fields of a session, all except `expiresAt`. Throws for a session that has no room in them. */
  fieldsOf(payload: string | Uint8Array, key: string, classes: FirestoreClasses): Record<string, unknown>;
  /** The session in the fields of a document, always the same for the same fields; `null` where there is none. */
  payloadIn(fields: Readonly<Record<string, unknown>>): string | Uint8Array | null;
  /** What there is to do where the fields of `before` stand. Default: to write all of `after`, and leave others as they are. */
  changes?(after: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>>): FirestoreChanges;
}

/** What a layout changes in a document. */
export interface FirestoreChanges {
  readonly write: Readonly<Record<string, unknown>>;
  /** The names of the fields to remove. */
  readonly remove: readonly string[];
}

/** What the client's own class has: the ones of `@google-cloud/firestore`. */
export interface FirestoreClasses {
  readonly Timestamp: new (seconds: number, nanoseconds: number) => unknown;
  readonly FieldPath: new (...names: string[]) => unknown;
  readonly FieldValue: { delete(): unknown };
}

/** A version: what stood in the document, and when that was written. */
export interface State extends Standing {
  readonly updateTime: unknown;
  /** All that stood there, where a layout needs it. */
  readonly values?: Readonly<Record<string, unknown>>;
}

/** A record as it will be stored. */
export interface Prepared extends Standing {
  readonly values: Readonly<Record<string, unknown>>;
}

/** The operations that the store needs of its own documents and of those of another program. */
export interface Documents {
  readonly expiresAt: string;
  /** What {@link Documents.stateIn} needs of a document. Default all of it. */
  readonly fieldMask?: readonly string[];
  /** Two records never have one stamp. */
  readonly stampsAreNew: boolean;
  /** Checks and copies at once; the client is there later. */
  prepare(key: string, record: StoreRecord): (own: FirestoreClient) => Prepared;
  changes(next: Prepared, before: State): FirestoreChanges;
  stateIn(snapshot: FirestoreSnapshot): State | null;
  storedIn(snapshot: FirestoreSnapshot): StoredRecord | null;
}

/** This store's own. */
export function ownDocuments(names: Names): Documents {
  const stateIn = (snapshot: FirestoreSnapshot): State | null => {
    const standing = standingIn(names, snapshot.data());
    return standing && { ...standing, updateTime: snapshot.updateTime };
  };
  return {
    expiresAt: names.expiresAt,
    fieldMask: [names.version, names.expiresAt],
    stampsAreNew: true,
    prepare(_, record) {
      const next = prepare(names, "Firestore", record);
      return () => next;
    },
    changes: ({ values }) => ({ write: values, remove: [] }),
    stateIn,
    storedIn(snapshot) {
      const [record, version] = [recordIn(names, snapshot.data()), stateIn(snapshot)];
      return record && version && { ...record, version };
    },
  };
}

/** Another program's. The session itself is what is compared, so that the program takes part. */
export function layoutDocuments(layout: FirestoreLayout): Documents {
  const { expiresAt } = layout;
  const storedIn = (snapshot: FirestoreSnapshot): (StoredRecord & { readonly version: State }) | null => {
    const values = snapshot.data();
    const ends = millisecondsOf(values?.[expiresAt]);
    const payload = values && ends !== null ? layout.payloadIn(values) : null;
    if (!values || ends === null || payload === null) return null;
    const version = { stamp: stampOf(payload), expiresAt: ends, updateTime: snapshot.updateTime, values };
    return { payload, expiresAt: ends, version };
  };
  return {
    expiresAt,
    stampsAreNew: false,
    prepare(key, record) {
      refuseTooLarge(record.payload, googleCapabilities.maxPayloadBytes, "the Firestore store");
      const payload = typeof record.payload === "string" ? record.payload : new Uint8Array(record.payload);
      const ends = instantOf(record.expiresAt);
      return (own) => {
        const fields = layout.fieldsOf(payload, key, classesOf(own));
        const stored = layout.payloadIn(fields);
        if (stored === null) throw new TypeError(`the fields of the layout ${layout.name} hold no session`);
        return { values: { ...fields, [expiresAt]: ends }, stamp: stampOf(stored), expiresAt: ends.getTime() };
      };
    },
    changes({ values }, before) {
      const { write, remove } = layout.changes?.(values, before.values ?? {}) ?? { write: values, remove: [] };
      return {
        write: { ...write, [expiresAt]: values[expiresAt] },
        remove: remove.filter((name) => name !== expiresAt),
      };
    },
    stateIn: (snapshot) => storedIn(snapshot)?.version ?? null,
    storedIn,
  };
}

/** The state of a document after changes. */
export function changed(
  before: Readonly<Record<string, unknown>>,
  { write, remove }: FirestoreChanges,
): Record<string, unknown> {
  const kept = Object.entries(before).filter(([name]) => !remove.includes(name));
  return { ...Object.fromEntries(kept), ...write };
}

/** Whatever the client was imported by, these are of the same copy of its package. */
export function classesOf(own: FirestoreClient): FirestoreClasses {
  const { Timestamp, FieldPath, FieldValue } = own.constructor as unknown as Partial<FirestoreClasses>;
  if (Timestamp && FieldPath && FieldValue) return { Timestamp, FieldPath, FieldValue };
  const takes = "a Firestore itself where there is a layout: one whose class has Timestamp, FieldPath and FieldValue";
  throw wrongArgument("client", takes, own);
}

/** Throws a `TypeError` for what is no layout. */
export function checkLayout(layout: unknown): asserts layout is FirestoreLayout {
  const { name, expiresAt, fieldsOf, payloadIn } = (layout ?? {}) as Partial<FirestoreLayout>;
  const texts = [name, expiresAt].every((text) => typeof text === "string" && text !== "");
  if (!texts || typeof fieldsOf !== "function" || typeof payloadIn !== "function")
    throw wrongArgument("layout", "a layout such as flask2Firestore()", layout);
}
