/** A request as what keeps its session sees it. */

import type { RequestHead } from "./device-bound.ts";

/** A request whose session was asked for. All that is kept of the session looks here for what it may not do. */
export interface Incoming {
  /** As its adapter opened it. */
  readonly request: object;
  readonly reader: {
    head?(request: never): RequestHead;
    given?(request: never): object;
    failed?(error: unknown): void;
  };
  /** The `Cookie` header. */
  readonly cookie: string | null | undefined;
  /** The response's headers have left: no cookie can be set. */
  headersSent: boolean;
  /** A change is an error. */
  readOnly: boolean;
  /** It is no sign of life. */
  noTouch: boolean;
  /** Handlers used the session since its last save began. */
  used: boolean;
  /** The response has ended, and nothing is saved any more without being asked for: a change is to be reported, unless all were dropped on purpose. */
  over: boolean;
}

/** Nothing was said of what a request may do. */
export const unsaid: Pick<Incoming, "headersSent" | "readOnly" | "noTouch" | "used" | "over"> = {
  headersSent: false,
  readOnly: false,
  noTouch: false,
  used: false,
  over: false,
};
