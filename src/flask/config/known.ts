/** Every key there is in the family, why some count for nothing, and the nearest to one that is not there. */

import { nearest } from "../../core/contracts/known.ts";

/** Keys that do something, for some `SESSION_TYPE`. */
const used: readonly string[] = [
  ..."NAME DOMAIN PATH HTTPONLY SECURE SAMESITE PARTITIONED".split(" ").map((word) => `SESSION_COOKIE_${word}`),
  ..."PERMANENT_SESSION_LIFETIME SESSION_REFRESH_EACH_REQUEST SECRET_KEY SECRET_KEY_FALLBACKS".split(" "),
  ..."APPLICATION_ROOT SQLALCHEMY_DATABASE_URI SQLALCHEMY_BINDS GCLOUD_APP_PROJECT_ID".split(" "),
  ..."TYPE PERMANENT USE_SIGNER KEY_PREFIX ID_LENGTH SERIALIZATION_FORMAT CLEANUP_N_REQUESTS AUTODELETE CONFIG"
    .split(" ")
    .map((word) => `SESSION_${word}`),
  ..."REDIS MEMCACHED CACHELIB FILE_DIR FILE_MODE MONGODB MONGODB_DB MONGODB_COLLECT".split(" ").map(ours),
  ..."SQLALCHEMY SQLALCHEMY_TABLE SQLALCHEMY_SCHEMA SQLALCHEMY_BIND_KEY SQLALCHEMY_TABLE_EXISTS".split(" ").map(ours),
  ..."DYNAMODB DYNAMODB_TABLE DYNAMODB_TABLE_EXISTS DYNAMODB_KEY_ID DYNAMODB_SECRET".split(" ").map(ours),
  ..."DYNAMODB_REGION DYNAMODB_ENDPOINT POSTGRESQL POSTGRESQL_TABLE POSTGRESQL_SCHEMA".split(" ").map(ours),
  ..."ELASTICSEARCH ELASTICSEARCH_HOST ELASTICSEARCH_INDEX FIRESTORE FIRESTORE_COLLECT".split(" ").map(ours),
  ..."DB DB_CLASS PEEWEE_CONFIG PEEWEE_TABLE".split(" ").map(ours),
];

function ours(word: string): string {
  return `SESSION_${word}`;
}

/** Keys that are ignored, and why. */
const ignored: Readonly<Record<string, string>> = {
  SESSION_FILE_THRESHOLD: "no store here drops live sessions to make room; ended ones go by `sojourn cleanup`",
  SESSION_MONGODB_TZ_AWARE: "MongoDB keeps instants, and an instant has no time zone",
  SESSION_SQLALCHEMY_SEQUENCE:
    "the database numbers the rows by itself; for a table that SQLAlchemy made with a sequence: " +
    "ALTER TABLE sessions ALTER id SET DEFAULT nextval('the sequence')",
  SESSION_REDIS_SENTINEL:
    "Flask-Session has no such key in any release; give a client that knows its Sentinels as SESSION_REDIS",
  SESSION_REDIS_SENTINEL_MASTER_SET:
    "Flask-Session has no such key in any release; give a client that knows its Sentinels as SESSION_REDIS",
};

/** In the environment of a desktop, and not for us. */
const others = ["SESSION_MANAGER"];

/** Every key that is known. */
export const knownKeys: readonly string[] = [...used, ...Object.keys(ignored)];

/** Warning for an unused key; undefined if it may belong to another program. */
export function unusedKey(key: string, type: string): string | undefined {
  if (others.includes(key) || !(key.startsWith("SESSION_") || knownKeys.includes(key))) return undefined;
  const why = ignored[key];
  if (why !== undefined) return why;
  // What applications have anyway.
  if (!key.startsWith("SESSION_")) return undefined;
  if (used.includes(key)) return `it has no effect with ${type}`;
  const near = nearest(key, used, 5);
  return near === undefined ? "there is no such key" : `there is no such key; did you mean ${near}?`;
}
