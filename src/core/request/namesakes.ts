/** Finds out that two managers with one cookie serve the same request: each would overwrite the other's session. */

/** The managers of this process whose cookies have one name. */
export interface Namesakes {
  /** How many have opened a request. */
  count: number;
  /** The property of a request that names the one that opened it; only set where there are several. */
  readonly mark: symbol;
}

const byCookie = new Map<string, Namesakes>();

/** Notes that a manager opens a request. Returns the object that it shares with its namesakes, to pass to the next call. */
export function noteOpened(
  known: Namesakes | undefined,
  manager: object,
  request: object,
  { cookie, warn }: { readonly cookie: { readonly name: string }; readonly warn: (message: string) => void },
): Namesakes {
  const all = known ?? namesakesOf(cookie.name);
  if (all.count > 1) checkNamesakes(all, manager, request, cookie.name, warn);
  return all;
}

/** Counts a manager. Returns the object that all managers with this cookie name share. */
function namesakesOf(cookieName: string): Namesakes {
  const all = byCookie.get(cookieName) ?? { count: 0, mark: Symbol("sojourn manager") };
  byCookie.set(cookieName, all);
  all.count += 1;
  return all;
}

/** Warns when a manager opens a request that a namesake has opened. */
function checkNamesakes(
  { mark }: Namesakes,
  manager: object,
  request: object,
  cookieName: string,
  warn: (message: string) => void,
): void {
  const marked = request as Record<symbol, object | undefined>;
  const other = marked[mark];
  marked[mark] = manager;
  if (other === undefined || other === manager) return;
  warn(
    `two createSessions() with the cookie "${cookieName}" serve one request, and overwrite each other's session. ` +
      "Mount one of them, or give them different names: createSessions({ name })",
  );
}
