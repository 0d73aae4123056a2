/**
 * Server-side sessions: `createSessions`, tokens, formats, errors and types. Stores are in `sojourn/stores/…`,
 * adapters in `sojourn/frameworks/…`, test suites in `sojourn/testing`.
 *
 * @module
 */

export type { Secrets } from "./core/bytes/keys.ts";
export type { CookieOptions } from "./core/client/cookie.ts";
export type { HeaderAccess } from "./core/client/headers.ts";
export type { IdScheme } from "./core/client/id.ts";
export { bareToken, type OpenedToken, sealedToken, signedToken, type TokenFormat } from "./core/client/token.ts";
export { isSessionError, SessionError, type SessionErrorCode, sessionErrorCodes } from "./core/contracts/errors.ts";
export type { Content, Format, Meta, Payload } from "./core/contracts/format.ts";
export type { SchemaResult, StandardSchema } from "./core/contracts/schema.ts";
export type { Session } from "./core/contracts/session.ts";
export type { SessionEvent, SessionEventType, SessionListener } from "./core/contracts/session-event.ts";
export type {
  ConfirmOptions,
  DeviceFields,
  ExternalLogin,
  FreshnessOptions,
  ImpersonateOptions,
  LoginOptions,
  LogoutOptions,
  MergeOptions,
} from "./core/contracts/session-options.ts";
export type {
  CountOptions,
  ListedRecord,
  PageOptions,
  PruneOptions,
  PruneResult,
  RecordCount,
  RecordPage,
  Store,
  StoreCapabilities,
  StoredRecord,
  StoreRecord,
  Version,
} from "./core/contracts/store.ts";
export type {
  EventMessage,
  LoadMessage,
  RenewMessage,
  SaveMessage,
  StoreMessage,
  StoreOperation,
} from "./core/contracts/traces.ts";
export type { Duration } from "./core/options/duration.ts";
export type { SessionLimit } from "./core/options/limit.ts";
export type { SessionOptions } from "./core/options/options.ts";
export { encrypted } from "./core/record/encrypted.ts";
export type { ExternalRevocation } from "./core/record/external.ts";
export { jsonFormat } from "./core/record/json-format.ts";
export type { ListOptions, RevokeOptions, SessionInfo } from "./core/record/revoke.ts";
export type { Access, Exchange, Outcome } from "./core/request/exchange.ts";
export type { RequestReader } from "./core/request/reader.ts";
export type { Sessions } from "./core/request/sessions.ts";
export { createSessions } from "./create.ts";
