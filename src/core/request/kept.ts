/** What an exchange talks to: how sessions are kept, and what keeps the session of one request. */

import type { HeaderAccess } from "../client/headers.ts";
import type { Binder } from "../contracts/device-bound.ts";
import type { Everybody } from "../contracts/everybody.ts";
import type { Incoming } from "../contracts/incoming.ts";
import type { Session } from "../contracts/session.ts";
import type { SessionListener } from "../contracts/session-event.ts";
import type { Store } from "../contracts/store.ts";
import type { Config } from "../options/options.ts";
import type { ExternalLinks } from "../record/external.ts";
import type { SubjectSessions } from "../record/subjects.ts";

/** What came with a request. */
export interface Arrived {
  readonly request: object;
  /** The `Cookie` header. */
  readonly cookie: string | null | undefined;
  /** The client came over https, as the adapter takes it. */
  readonly secure: boolean;
  /** Its route has the access "skip". */
  readonly skipped: boolean;
  /** No cookie can be set any more. */
  readonly headersSent: boolean;
}

/** One kind of record that these sessions have. */
export interface KeptIn {
  /** Of sessions in parts: the name of the part. */
  readonly part?: string;
  readonly config: Config;
}

/** How the sessions of an application are kept: in one record each, or in parts. */
export interface Keeping<Data extends object> {
  /** The records there may be; the one that says who is logged in is first. */
  readonly kinds: readonly KeptIn[];
  /** Of each record there may be. What they have in common is the same in all. */
  readonly config: Pick<Config, "current" | "cookie" | "carrier" | "warn" | "now" | "saveOnError">;
  readonly subjects: Pick<SubjectSessions, "list" | "revoke">;
  readonly stores: readonly Store[];
  /** @param observes As of `Events.add`. */
  on(listener: SessionListener, observes?: boolean): () => void;
  /** Binds sessions to browsers, with the option `deviceBound`. */
  readonly binder?: Binder | undefined;
  /** Links the sessions to what identity providers call them. */
  readonly external?: ExternalLinks | undefined;
  /** Of each record there may be, with the option `everybody`. */
  readonly everybody?: readonly Everybody[] | undefined;
  /** Called when the session of a request is first asked for. Loads nothing yet. */
  begin(incoming: Incoming): Kept<Data>;
}

/** What keeps the session of one request, from its first use on. */
export interface Kept<Data extends object> {
  /** Loads what was asked for; what is loaded already is not loaded again. */
  load(fields: readonly string[] | undefined): Promise<Session<Data>>;
  /** Waits until what is being loaded is there, or failed. `undefined`: there is nothing to wait for. */
  settled(): Promise<unknown> | undefined;
  /** Whether a logout was called for and is not carried out yet. */
  logsOut(): boolean;
  /** Whether it is loaded and a save would do nothing. If not, what was found out is for a save that begins at once. */
  isClean(): boolean;
  /** Saves what was changed; with `logoutOnly` only a logout. */
  save(logoutOnly: boolean): Promise<boolean> | undefined;
  /** Adds what the response needs, when the session is saved. `check` is given the configuration of each cookie that is sent. */
  writeHead(headers: HeaderAccess, check: (sent: Pick<Config, "cookie" | "events">) => void): void;
  /** The same session for another exchange, read again: see `Exchange.again`. */
  again(incoming: Incoming): Kept<Data>;
}
