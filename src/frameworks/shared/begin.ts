/** Begins a request that an adapter has opened: restricts its session and attaches it. */

import { isPromise, type MaybePromise } from "../../core/bytes/bytes.ts";
import type { Session } from "../../core/contracts/session.ts";
import type { Access, Exchange } from "../../core/request/exchange.ts";
import type { Sessions } from "../../core/request/sessions.ts";
import type { AccessOf } from "./options.ts";

interface Begun {
  /** The sessions answer the request themselves. */
  readonly answer: Exchange["answer"];
  restrict(access: Access | undefined): void;
}

/**
 * Gives the function that begins a request. It gives back what was opened (`undefined`: an adapter around this one did
 * that), and a promise only where the session is attached.
 *
 * @param put Puts the session where handlers find it under the name.
 * @param keyOf By which object the session is asked for. Default: the request itself.
 */
export function beginning<Data extends object, Request extends object, Name>(
  sessions: Sessions<Data>,
  { attach, access }: { readonly attach?: Name | undefined; readonly access?: AccessOf<Request> | undefined },
  put: (request: Request, name: Name, session: Session<Data>) => void,
  keyOf?: (request: Request) => object,
): <Opened extends Begun>(request: Request, opened: Opened | undefined) => MaybePromise<Opened | undefined> {
  return (request, opened) => {
    const allowed = access?.(request);
    opened?.restrict(allowed);
    if (attach === undefined || allowed === "skip" || opened?.answer) return opened;
    return sessions.get(keyOf ? keyOf(request) : request).then((session) => {
      put(request, attach, session);
      return opened;
    });
  };
}

/** What a request of Node is opened as. */
interface Runs {
  run(next: () => void): unknown;
}

/** Runs the handlers by `next` once the request has begun, for frameworks whose middleware calls a callback. */
export function runOrNext(begun: MaybePromise<Runs | undefined>, next: (error?: unknown) => void): void {
  if (isPromise(begun)) begun.then((opened) => runOrNext(opened, next), next);
  else if (begun) begun.run(next);
  else next();
}
