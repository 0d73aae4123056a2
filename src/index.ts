/**
 * Server-side sessions: `createSessions`, tokens, formats, errors and types. Stores are in `sojourn/stores/…`,
 * adapters in `sojourn/frameworks/…`, test suites in `sojourn/testing`.
 *
 * @module
 */

export type { SessionOptions } from "./core/config.ts";
export type { CookieOptions } from "./core/cookie.ts";
export type { Duration } from "./core/duration.ts";
export { encrypted } from "./core/encrypted.ts";
export { isSessionError, SessionError, type SessionErrorCode, sessionErrorCodes } from "./core/errors.ts";
export type { SessionEvent, SessionEventType, SessionListener } from "./core/events.ts";
export type { Access, Exchange, Outcome, RequestReader } from "./core/exchange.ts";
export type { Content, Format, Meta, Payload } from "./core/format.ts";
export type { IdScheme } from "./core/id.ts";
export { jsonFormat } from "./core/json-format.ts";
export type { Secrets } from "./core/keys.ts";
export type { SchemaResult, StandardSchema } from "./core/schema.ts";
export type { LoginOptions, MergeOptions, Session } from "./core/session.ts";
export type { Sessions } from "./core/sessions.ts";
export type {
  ListedRecord,
  PruneOptions,
  PruneResult,
  Store,
  StoreCapabilities,
  StoredRecord,
  StoreRecord,
  Version,
} from "./core/store.ts";
export type { RevokeOptions, SessionInfo } from "./core/subjects.ts";
export { bareToken, type OpenedToken, sealedToken, signedToken, type TokenFormat } from "./core/token.ts";
export type { HeaderAccess } from "./core/transport.ts";
export { createSessions } from "./create.ts";
export { type DefinedParts, defineParts } from "./parts/define.ts";
export type { Fields } from "./parts/fields.ts";
export type { PartsSessions } from "./parts/keeping.ts";
export type { PartOptions, PartsOptions } from "./parts/options.ts";
export type { PartInfo, PartsChoice, PartsSession } from "./parts/session.ts";
