/** What is needed of requests and stores, by shape: a store of any package fits, whatever class it extends. */

import type { NodeRequest, NodeResponse } from "../frameworks/node.ts";
import type { Session } from "./session.ts";

/** A session as stores keep it: `cookie` and the application's keys. */
export type SessionRecord = Record<string, unknown> & { cookie?: unknown };

/** How a store answers. */
export type Answer<Value = unknown> = (error?: unknown, value?: Value) => void;

/** A store of express-session: one from npm, or one that extends `Store`. */
export interface ExpressStore {
  get(id: string, callback: (error?: unknown, session?: SessionRecord | null) => void): unknown;
  set(id: string, session: SessionRecord, callback?: Answer): unknown;
  destroy(id: string, callback?: Answer): unknown;
  touch?(id: string, session: SessionRecord, callback?: Answer): unknown;
  on?(event: "connect" | "disconnect", listener: () => void): unknown;
  /** The middleware puts it here. */
  generate?: ((request: ExpressRequest) => void) | undefined;
  createSession?(request: ExpressRequest, session: SessionRecord): Session;
}

/** A request as the middleware changes it. */
export interface ExpressRequest extends NodeRequest {
  session?: Session | null | undefined;
  sessionID?: string | undefined;
  sessionStore?: ExpressStore | undefined;
  readonly originalUrl?: string | undefined;
  readonly secret?: string | undefined;
  readonly signedCookies?: Readonly<Record<string, unknown>> | undefined;
  readonly cookies?: Readonly<Record<string, unknown>> | undefined;
  readonly connection?: { readonly encrypted?: boolean } | undefined;
}

/** A response, or what an upgrade has in place of one. */
export type ExpressResponse = Partial<NodeResponse> & { writeHead?(...args: unknown[]): unknown };
