/** What every backend of the configuration is: read first, opened later. */

import type { Store } from "../../core/contracts/store.ts";
import type { CookieStore } from "../../core/record/cookie-store.ts";
import type { FlaskFilesOptions } from "../files.ts";
import type { Opener } from "./drivers.ts";
import type { Keys } from "./keys.ts";

/** How a session is written in a backend of the family. */
export type Encoding = "session" | "json" | "pickle";

/** What was found out before anything is opened. */
export interface Backend {
  /** How Flask writes sessions there. */
  readonly encoding: Encoding;
  /** Other applications keep their sessions in the same place, so this one must say which it is. */
  readonly isCommon?: boolean;
  /** Nothing that is missing is to be created. */
  readonly tableExists?: boolean;
  open(opener: Opener): Promise<Store | CookieStore>;
}

/** What a backend has to know. */
export interface BackendContext {
  /** Our own records instead of the family's. */
  readonly native: boolean;
  /** Sessions of Flask-Session2, or of Flask-Session up to 0.6. */
  readonly pickled: boolean;
  readonly keyPrefix: string;
  readonly cachelib?: FlaskFilesOptions["cachelib"];
  readonly fileOwner?: FlaskFilesOptions["owner"];
  /** Of Flask's machine. */
  readonly timeZone?: string | undefined;
}

/** Flask's tables have other columns. */
export const ownTable = "sojourn_sessions";

/** Reads the keys of one. Opens nothing. */
export type Read = (keys: Keys, context: BackendContext) => Backend;

/** The backend of `SESSION_TYPE=custom`: a store that the application gives. */
export function customBackend(store: Store | CookieStore | undefined): Backend {
  if (store === undefined)
    throw new TypeError("SESSION_TYPE=custom needs your own store: sessionsFromConfig(keys, { sessions: { store } })");
  return { encoding: "session", open: async () => store };
}
